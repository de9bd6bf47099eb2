/** Drives the real `pipeline` command, as built in dist/, in a temporary directory. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../src/engine/events.js';
import { isSidecar } from '../../src/engine/sidecars.js';

export const PIPELINE = fileURLToPath(new URL('../../bin/pipeline.js', import.meta.url));

export interface CommandResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The directory of the rig reads `DIR`. */
  readonly stderr: string;
}

export interface RunOutcome extends CommandResult {
  /** Instances that ran, those that were reused, and all events, from the log of the run; empty when none was made. */
  readonly executed: readonly string[];
  readonly reused: readonly string[];
  readonly events: readonly RunEvent[];
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Relative to the directory of the rig. */
  readonly cwd?: string;
  /** User that the process belongs to; only root may choose. */
  readonly uid?: number;
  /** Called with the process and every piece of stderr. */
  readonly watch?: (child: ChildProcess, stderr: string) => void;
}

/** What a directory holds beside the sidecars that the engine writes for every published file, sorted. */
export function withoutSidecars(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => {
    return !name.endsWith('.json') || !isSidecar(readFileSync(join(directory, name), 'utf8'));
  });
  return names.sort();
}

/** Workflows and arguments of the runs of this test file. */
const seen = new Set<string>();

/** Whether this was asked before. */
function wasSeen(name: string): boolean {
  const was = seen.has(name);
  seen.add(name);
  return was;
}

export class PipelineRig implements AsyncDisposable {
  private constructor(readonly directory: string) {}

  static async create(): Promise<PipelineRig> {
    return new PipelineRig(await realpath(await mkdtemp(join(tmpdir(), 'neuroloom-cli-'))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), content);
  }

  read(path: string): Promise<string> {
    return readFile(this.path(path), 'utf8');
  }

  copy(from: string, to: string): Promise<void> {
    return cp(from, this.path(to), { recursive: true });
  }

  /** Files and folders of a directory without the engine's sidecars, sorted; empty when there is none. */
  async list(path: string): Promise<string[]> {
    return existsSync(this.path(path)) ? withoutSidecars(this.path(path)) : [];
  }

  /** The report of the newest run as text. */
  async report(output = 'out'): Promise<string> {
    const run = (await this.list(join(output, 'logs'))).at(-1) ?? '';
    return this.read(join(output, 'logs', run, 'report.html'));
  }

  /** Runs `pipeline` with these arguments to its end. */
  command(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(NEUROLOOM_|NODE_OPTIONS|VITEST)/.test(name),
    );
    const child = spawn(process.execPath, [PIPELINE, ...args], {
      cwd: this.path(options.cwd ?? '.'),
      env: { ...Object.fromEntries(inherited), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
      options.watch?.(child, output.stderr);
    });
    return new Promise((settle, fail) => {
      child.on('error', fail);
      child.on('close', (exitCode, signal) => {
        settle({
          exitCode,
          signal,
          stdout: output.stdout.replaceAll(this.directory, 'DIR'),
          stderr: output.stderr.replaceAll(this.directory, 'DIR'),
        });
      });
    });
  }

  /**
   * `command`, with what the log of the run in `output` says. A report takes a fifth of the time of a small run, and a
   * second worker as much. So only the first run of a workflow in a test file has several workers, unless an option says
   * so, and only the first run into a directory, with these arguments, writes its report, unless `report` says so.
   */
  async run(
    args: readonly string[],
    options: CommandOptions & { readonly output?: string; readonly report?: boolean } = {},
  ): Promise<RunOutcome> {
    const logs = join(options.cwd ?? '.', options.output ?? 'out', 'logs');
    const before = new Set(await this.list(logs));
    // `containers run` is another verb.
    const isRun = args.includes('run') && !args.includes('containers');
    const quiet = (before.size > 0 || wasSeen(args.join(' '))) && options.report !== true;
    const isAlone = wasSeen(args[args.indexOf('-w') + 1] ?? '') && !args.includes('--jobs');
    const extra = [...(quiet ? ['--no-report'] : []), ...(isAlone ? ['--jobs', '1'] : [])];
    const result = await this.command(isRun ? [...args, ...extra] : args, options);
    // Whatever a run published, its report can show it.
    if (/^warning {2}REPORT/m.test(result.stderr)) throw new Error(result.stderr);
    const run = (await this.list(logs)).find((name) => !before.has(name));
    const text = run === undefined ? '' : await this.read(join(logs, run, 'events.jsonl'));
    const events = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RunEvent);
    const ids = (type: RunEvent['type']): string[] =>
      events.flatMap((event) => (event.type === type && 'id' in event ? [event.id] : [])).sort();
    return { ...result, events, executed: ids('node-started'), reused: reusedIn(events) };
  }
}

function reusedIn(events: readonly RunEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'nodes-reused' ? event.ids : [])).sort();
}
