import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A Python that has nibabel: PYTHON, else the system's; null where there is none, and the tests are then skipped. */
export const nibabelPython: string | null = findPython();

function findPython(): string | null {
  for (const python of [process.env['PYTHON'], '/usr/bin/python3', 'python3']) {
    if (python === undefined) continue;
    try {
      execFileSync(python, ['-c', 'import nibabel, numpy'], { stdio: 'ignore' });
      return python;
    } catch {
      // The next candidate; none at all makes the tests say that they are skipped.
    }
  }
  return null;
}

/** Runs a script of this folder and returns what it printed. */
export function runPython(script: string, ...args: string[]): string {
  if (nibabelPython === null) throw new Error('no Python with nibabel here; guard the test with skipIf');
  const path = fileURLToPath(new URL(script, import.meta.url));
  return execFileSync(nibabelPython, [path, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}
