import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { openCacheStore } from '../../engine/cache-store.js';
import type { NumericMachine } from '../../workflows/machine.js';
import { VERSION } from '../../version.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';

/** One line of the report. `problem`: no run is possible; `limit`: runs are possible, some things are not. */
interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'limit' | 'problem';
  readonly detail: string;
  readonly cure: string | null;
}

const ADDON_CURE = 'install a C++17 compiler, make and Python 3, then run `npm rebuild neuroloom`';

/** `pipeline doctor`: what this machine and this installation can do; exit 3 when nothing could run. */
export async function doctorCommand(
  options: { readonly json?: boolean; readonly output?: string },
  session: Session,
): Promise<number> {
  const { numericMachine } = await import('../../workflows/machine.js');
  const findings = [
    node(),
    { name: 'neuroloom', state: 'ok', detail: VERSION, cure: null } satisfies Finding,
    processor(),
    memory(),
    ...numerics(await numericMachine()),
    await sqlite(),
    ...places(options.output, session),
  ];
  if (options.json === true) session.terminal.result(JSON.stringify(findings, null, 2));
  else session.terminal.result(findings.map(line).join('\n'));
  return findings.some((finding) => finding.state === 'problem') ? EXIT.requirements : EXIT.done;
}

function line({ name, state, detail, cure }: Finding): string {
  const head = `${state.padEnd(8)} ${name.padEnd(13)} ${detail}`;
  return cure === null ? head : `${head}\n${' '.repeat(23)}mend: ${cure}`;
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isSupported = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
  return {
    name: 'node',
    state: isSupported ? 'ok' : 'limit',
    detail: `${process.versions.node} on ${process.platform} ${process.arch}`,
    cure: isSupported ? null : 'neuroloom is tested on Node 20.19, 22.13, 24 and later',
  };
}

function processor(): Finding {
  const model = cpus()[0]?.model.trim();
  const threads = availableParallelism();
  const detail = `${threads} thread${threads === 1 ? '' : 's'} may be used${model ? ` (${model})` : ''}`;
  return { name: 'processor', state: 'ok', detail, cure: null };
}

function memory(): Finding {
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const detail = `${gigabytes(total)} in all, ${gigabytes(Math.min(freemem(), total))} free`;
  return { name: 'memory', state: 'ok', detail, cure: null };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}

function numerics(machine: NumericMachine): Finding[] {
  const { addon } = machine;
  const kernels: Finding = addon.available
    ? { name: 'addon', state: 'ok', detail: `${addon.isa} (can use ${addon.isas.join(', ')})`, cure: null }
    : {
        name: 'addon',
        state: 'limit',
        detail: `not usable: ${addon.reason}; only tiny grids can be trained`,
        cure: ADDON_CURE,
      };
  const devices = machine.devices.map(({ name, available, detail }): Finding => ({
    name: `device ${name}`,
    state: available ? 'ok' : 'limit',
    detail,
    cure: available ? null : `use ${machine.available.join(' or ')}`,
  }));
  return [kernels, ...devices];
}

/** Makes a cache in a directory of its own and closes it again. */
async function sqlite(): Promise<Finding> {
  const directory = mkdtempSync(join(tmpdir(), 'neuroloom-doctor-'));
  try {
    const store = await openCacheStore({ directory, writable: true });
    store.close();
    return { name: 'sqlite', state: 'ok', detail: 'a cache can be made', cure: null };
  } catch (error) {
    return {
      name: 'sqlite',
      state: 'problem',
      detail: `no cache can be made: ${error instanceof Error ? error.message : String(error)}`,
      cure: 'run `npm rebuild better-sqlite3`; it needs a C++ compiler, make and Python 3',
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether a run could write its outputs and its cache where they would go. */
function places(output: string | undefined, session: Session): Finding[] {
  const outputDir = resolve(session.cwd, output ?? '.');
  const cacheDir = session.env['NEUROLOOM_CACHE_DIR'];
  return [
    place('output', outputDir),
    place('cache', cacheDir ? resolve(session.cwd, cacheDir) : join(outputDir, '.neuroloom', 'cache')),
  ];
}

function place(name: string, directory: string): Finding {
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return {
      name,
      state: 'problem',
      detail: `${directory} cannot be written (${code ?? String(error)})`,
      cure: 'change its permissions, or name another place',
    };
  }
  const { bavail, bsize } = statfsSync(existing);
  return { name, state: 'ok', detail: `${directory}, ${gigabytes(bavail * bsize)} free`, cure: null };
}
