import { spawn } from 'node:child_process';

import { ProcessingError } from '../../errors.js';

/** Bytes that are kept of each stream, the last ones. */
const KEPT_BYTES = 4 * 1024 * 1024;

export interface CapturedOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Each line as it is written. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** What a caller does beside the signals when a program is asked to stop. */
export interface StopHook {
  /** Called once, after SIGTERM was sent. */
  readonly onStop?: () => unknown;
}

export interface Captured {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isTimedOut: boolean;
}

/** The failure of a program, with the end of what it wrote. */
export function programFailed(
  name: string,
  argv: readonly string[],
  { exitCode, stdout, stderr }: Captured,
): ProcessingError {
  const tail = (stderr.trim() || stdout.trim()).split('\n').slice(-20).join('\n');
  const end = exitCode === null ? 'was ended by a signal' : `ended with code ${exitCode}`;
  return new ProcessingError('NODE_FAILED', `${name} ${end}${tail === '' ? '' : `:\n${tail}`}`, {
    where: argv.join(' '),
    cure: 'correct what it names; the same arguments can be tried by hand',
  });
}

/**
 * Runs a program without a shell and waits for its end. Asked to stop, or when its time is over, it is sent SIGTERM, and SIGKILL
 * five seconds later.
 *
 * @throws the error of the system when it cannot be started; the reason of the signal when that stopped it
 */
export function runCaptured(
  argv: readonly string[],
  options: CapturedOptions & StopHook = {},
): Promise<Captured> {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const child = spawn(program!, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    const streams = {
      stdout: new Tail(options.onLine, 'stdout'),
      stderr: new Tail(options.onLine, 'stderr'),
    };
    child.stdout.on('data', (data: Buffer) => streams.stdout.add(data));
    child.stderr.on('data', (data: Buffer) => streams.stderr.add(data));
    let isTimedOut = false;
    let last: NodeJS.Timeout | undefined;
    const stop = (): void => {
      child.kill('SIGTERM');
      if (last !== undefined) return;
      last = setTimeout(() => child.kill('SIGKILL'), 5000);
      options.onStop?.();
    };
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            isTimedOut = true;
            stop();
          }, options.timeoutMs);
    options.signal?.addEventListener('abort', stop, { once: true });
    const clear = (): void => {
      clearTimeout(timer);
      clearTimeout(last);
      options.signal?.removeEventListener('abort', stop);
    };
    child.once('error', (error) => {
      clear();
      reject(error);
    });
    child.once('close', (exitCode) => {
      clear();
      const [stdout, stderr] = [streams.stdout.end(), streams.stderr.end()];
      if (options.signal?.aborted === true) reject(options.signal.reason as Error);
      else resolve({ exitCode, stdout, stderr, isTimedOut });
    });
  });
}

/** The end of a stream as text, and its lines while it comes. */
class Tail {
  readonly #onLine: CapturedOptions['onLine'];
  readonly #stream: 'stdout' | 'stderr';
  readonly #decoder = new TextDecoder();
  #text = '';
  #line = '';

  constructor(onLine: CapturedOptions['onLine'], stream: 'stdout' | 'stderr') {
    this.#onLine = onLine;
    this.#stream = stream;
  }

  add(data: Buffer): void {
    this.#take(this.#decoder.decode(data, { stream: true }));
  }

  end(): string {
    this.#take(this.#decoder.decode());
    if (this.#line !== '') this.#onLine?.(this.#line, this.#stream);
    return this.#text;
  }

  #take(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_BYTES);
    const lines = (this.#line + text).split(/\r?\n/);
    this.#line = lines.pop()!;
    for (const line of lines) this.#onLine?.(line, this.#stream);
  }
}
