/** One worker process: how it is started, signalled, and what is done when it has ended. */
import { fork, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endContainer, notedContainers, NOTES_VARIABLE } from './containers/left-containers.js';
import { openLog } from './log-capture.js';
import { limitedNode } from './memory-limit.js';
import type { ParentWatch } from './parent-watch.js';
import { packEnvironment } from './shell-environment.js';
import type { ParentMessage } from './worker-protocol.js';

/** Where what the node printed lies until the pool is closed or the worker takes another node. */
export interface NodeLogs {
  readonly stdout: string;
  readonly stderr: string;
}

export interface WorkerProcessOptions {
  /** Its log files, its working directory and its notes of containers stand beside each other under this name. */
  readonly base: string;
  /** Limit of the JavaScript heap, MB. */
  readonly heapMb: number;
  readonly logCapBytes: number;
  readonly env: NodeJS.ProcessEnv;
  readonly watch: ParentWatch;
  readonly onMessage: (message: unknown) => void;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started; null: it was. */
  readonly refused: Error | null;
}

/** A channel that is still open so long after the exit is not waited for, ms. */
const LAST_WORDS_MS = 1000;

/** The compiled worker entry; a run from TypeScript sources uses the built package beside it. */
export function workerEntry(moduleUrl: string = import.meta.url): string {
  const here = fileURLToPath(new URL('./worker-main.js', moduleUrl));
  return moduleUrl.endsWith('.ts') ? here.replace(/([\\/])src([\\/]engine[\\/])/, '$1dist$2') : here;
}

/** The leader of a process group of its own. */
export class WorkerProcess {
  readonly heapMb: number;
  readonly logs: NodeLogs;
  /** It, all that it started and its containers are gone, and its last message was heard. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  /** Directory where it notes containers that would outlive it. */
  readonly #containers: string;
  /** Its group is gone: the number may be given to another. */
  #isGone = false;

  /** @throws the error of the system when a file or the process cannot be made */
  constructor({ base, heapMb, logCapBytes, env, watch, onMessage }: WorkerProcessOptions) {
    this.heapMb = heapMb;
    this.logs = { stdout: `${base}.stdout.log`, stderr: `${base}.stderr.log` };
    this.#containers = `${base}.containers`;
    const { stdout, stderr } = this.logs;
    const scratch = `${base}.cwd`;
    mkdirSync(scratch);
    const { execPath, execArgv } = limitedNode(heapMb);
    const { pipe, ...program } = watch.around(execPath, execArgv);
    const out = openLog(stdout);
    let err: number | null = null;
    try {
      err = openLog(stderr);
      this.#child = fork(workerEntry(), [String(logCapBytes), stdout, stderr, scratch], {
        ...{ stdio: ['ignore', out, err, 'ipc', pipe], serialization: 'json', detached: true },
        ...program,
        env: packEnvironment({ ...env, NEUROLOOM_TEST_KILL: undefined, [NOTES_VARIABLE]: this.#containers }),
      });
    } finally {
      closeSync(out);
      if (err !== null) closeSync(err);
    }
    if (this.#child.pid !== undefined) watch.started(this.#child.pid);
    this.#child.on('message', onMessage);
    this.ended = this.#end(watch).then(async (end) => {
      await this.#endContainers();
      return end;
    });
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: ParentMessage): void {
    // A closed channel is a death that is told as its end; the callback keeps it from being thrown.
    this.#child.send(message, () => undefined);
  }

  /** Signals its group; one that is gone already is what was wanted. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.pid <= 1 || this.#isGone) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Its memory, MB; 0 when it is gone or the system does not tell. */
  residentMb(): number {
    let status: string;
    try {
      status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    } catch {
      return 0;
    }
    return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
  }

  /** The last messages of a process may arrive after its exit: its end counts when the channel is closed too. */
  #end(watch: ParentWatch): Promise<ProcessEnd> {
    const child = this.#child;
    let refused: Error | null = null;
    return new Promise((resolve) => {
      child.once('error', (error) => {
        refused = error;
        if (child.pid === undefined) resolve({ code: null, signal: null, refused });
      });
      child.once('exit', (code, signal) => {
        this.kill();
        this.#isGone = true;
        watch.ended(this.pid);
        const end = (): void => {
          resolve({ code, signal, refused });
        };
        if (!child.connected) {
          end();
          return;
        }
        child.once('disconnect', () => setImmediate(end));
        setTimeout(end, LAST_WORDS_MS).unref();
      });
    });
  }

  /** Before its node is tried again: two containers of one node would work beside each other. */
  async #endContainers(): Promise<void> {
    const left = notedContainers(this.#containers);
    for (const problem of await Promise.all(left.map(endContainer))) {
      if (problem !== null) appendFileSync(this.logs.stderr, `${problem}\n`);
    }
  }
}
