/** A directory, a count of what really ran, and runs in it. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

export class Rig {
  readonly root = mkdtempSync(join(tmpdir(), 'neuroloom-engine-'));
  readonly input = join(this.root, 'in');
  readonly output = join(this.root, 'out');
  readonly #executed = join(this.root, 'executed.txt');
  #told = 0;

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.input);
    for (const [name, content] of Object.entries(files)) this.write(name, content);
    process.env['TEST_EXECUTED'] = this.#executed;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  write(name: string, content: string): string {
    const path = join(this.input, name);
    writeFileSync(path, content);
    return path;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  /** What nodes noted since the last call, sorted. */
  executed(): string[] {
    if (!existsSync(this.#executed)) return [];
    // The file stays: what a node writes between a look and a removal would be lost.
    const text = readFileSync(this.#executed, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    const lines = text.slice(this.#told, end).split('\n').filter(Boolean).sort();
    this.#told = end;
    return lines;
  }

  published(name: string): string {
    return readFileSync(join(this.output, name), 'utf8');
  }

  /** Complete results on disk, in place or still in the temporary directory of a run. */
  completeResults(): number {
    const cache = join(this.output, '.neuroloom', 'cache');
    return [join(cache, 'objects'), join(cache, 'tmp')]
      .filter((place) => existsSync(place))
      .flatMap((place) => readdirSync(place, { recursive: true }) as string[])
      .filter((name) => name.endsWith('/result.json')).length;
  }

  /** Files that no finished run may leave: parts of published files, attempts, working directories. */
  leftovers(): string[] {
    const names = readdirSync(this.output, { recursive: true }) as string[];
    return names.filter(
      (name) => name.includes('.part-') || /\.neuroloom\/(work|cache\/tmp|cache\/checkpoints)\/./.test(name),
    );
  }

  /** Runs a fixture as a process; `kill` ends it with SIGKILL after this time. */
  spawn(
    fixture: string,
    args: readonly string[],
    options: {
      readonly env?: NodeJS.ProcessEnv;
      readonly killAfterMs?: number;
      /** Is shown all that was printed so far, at each piece. */
      readonly onOutput?: (stdout: string) => void;
      /** SIGKILL at the first piece of output with which this holds. */
      readonly killWhen?: (stdout: string) => boolean;
    } = {},
  ): Promise<ChildEnd> {
    const child = spawn(process.execPath, [join(FIXTURES, fixture), ...args], {
      env: { ...process.env, TEST_EXECUTED: this.#executed, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text: Buffer) => {
      stdout += text.toString();
      options.onOutput?.(stdout);
      if (options.killWhen?.(stdout) === true) child.kill('SIGKILL');
    });
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    const timer =
      options.killAfterMs === undefined ? null : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
    return new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (timer !== null) clearTimeout(timer);
        const end = (): void => {
          clearTimeout(latest);
          resolve({ code, signal, stdout, stderr, pid: child.pid ?? 0 });
        };
        // Pipes may still hold text after the exit, and a process that was left behind may hold the pipes.
        const latest = setTimeout(end, 5000);
        child.once('close', end);
      });
    });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A zombie has ended: nobody has asked for its exit code yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until something holds; fails with its name after the time, which proves no speed: machines may be busy. */
export async function until(what: string, holds: () => boolean, withinMs = 90_000): Promise<number> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

/** Process ids whose command line names a text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) && isAlive(Number(pid));
      } catch {
        return false;
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}
