/**
 * Tries a graphics device in a process of its own: drivers hang, end the process that loads them, and keep memory of the
 * card as long as it lives, and requirement checks run in the process that the user started.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DependencyError } from '../../errors.js';

/** Loading a driver and compiling the programs of the probe. */
const LIMIT_SECONDS = 120;

const tried = new Map<string, Promise<DependencyError | null>>();

/** Why a device cannot be used; null when it can. Asked once in a process. */
export function probeInChild(spec: string): Promise<DependencyError | null> {
  const known = tried.get(spec) ?? probe(spec);
  tried.set(spec, known);
  return known;
}

function probe(spec: string): Promise<DependencyError | null> {
  const script = fileURLToPath(new URL('./probe-main.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, spec], { timeout: LIMIT_SECONDS * 1000 }, (error, stdout, stderr) => {
      const answer = /^\{.*\}$/m.exec(stdout)?.[0];
      if (answer !== undefined) {
        const { reason, cure } = JSON.parse(answer) as { reason?: string; cure?: string };
        const cureOf = cure === undefined ? {} : { cure };
        resolve(reason === undefined ? null : new DependencyError('BACKEND_MISSING', reason, cureOf));
        return;
      }
      const last = stderr.trim().split('\n').at(-1) ?? '';
      const end =
        error?.killed === true
          ? `gives no answer within ${LIMIT_SECONDS} s`
          : `ends the process that tries it ${last}`;
      resolve(
        new DependencyError('BACKEND_MISSING', `device '${spec}' is not available here: its driver ${end}`, {
          cure: 'choose device cpu, or update the driver of the card',
        }),
      );
    });
  });
}
