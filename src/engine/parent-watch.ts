/**
 * Ends the processes of a run that is gone, however it died: a shell of a few hundred kB that reads from a pipe which
 * processes live. The pipe ends with the process that holds it, and then the others are killed. Nothing of this waits for
 * Node: a worker that has only just been forked is known, and on a loaded machine Node needs seconds to start.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { ProcessingError } from '../errors.js';

const SHELL = '/bin/sh';

/**
 * A process that leads a group is killed with its group. Signals that a terminal or a scheduler sends to all processes do not
 * end the shell: it waits for `done`, or for the end of its pipe. Containers outlive the programs that started them; each has
 * a note, named after it, with the program that ends it.
 */
const WATCH = `
trap '' HUP INT TERM USR1
alive=" $2 "
while read -r what id; do
  case $what in
    start) case $alive in *" $id "*) ;; *) alive="$alive$id " ;; esac ;;
    end) case $alive in *" $id "*) alive="\${alive%%" $id "*} \${alive#*" $id "}" ;; esac ;;
    done) exit 0 ;;
  esac
done
for id in $alive; do kill -9 "-$id" || kill -9 "$id"; done
[ -n "$1" ] || exit 0
for note in "$1"/*.containers/*; do
  [ -s "$note" ] || continue
  IFS= read -r program <"$note"
  name=\${note##*/}
  { "$program" kill "$name"; "$program" rm --force "$name"; } &
done
wait
`;

/** Place of the pipe among the descriptors of a process that begins. */
const PIPE_FD = 4;

/**
 * The process names itself before it becomes the program. While it has not, it holds the pipe, which cannot end before:
 * no moment is left at which it lives and is unknown.
 */
const BEGIN = `echo "start $$" >&${PIPE_FD} && exec ${PIPE_FD}>&- && exec "$0" "$@"`;

/** A watcher that lives shorter than this is not replaced before the next worker starts, ms. */
const SHORT_LIFE_MS = 1000;

/** How a process is started so that it does not outlive this one. */
export interface WatchedStart {
  readonly execPath: string;
  readonly execArgv: string[];
  /** Stands behind the IPC channel in `stdio`, as number 4. */
  readonly pipe: Writable;
}

interface Watcher {
  readonly child: ChildProcess;
  readonly pipe: Writable;
  readonly gone: Promise<void>;
}

export class ParentWatch {
  readonly #notes: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #alive = new Set<number>();
  #watcher: Watcher | null = null;
  #closed = false;

  /**
   * Starts nothing yet.
   *
   * @param notes - directory whose subdirectories `*.containers` hold notes of containers; null: there are none
   */
  constructor(notes: string | null, env: NodeJS.ProcessEnv) {
    this.#notes = notes === null ? '' : resolve(notes);
    this.#env = env;
  }

  /**
   * What starts a watched program; spawned detached, all that it starts is watched with it.
   *
   * @throws ProcessingError CRASHED when the watcher cannot be started
   */
  around(execPath: string, execArgv: readonly string[]): WatchedStart {
    this.#watcher ??= this.#start();
    if (this.#watcher === null) {
      throw new ProcessingError('CRASHED', `${SHELL} could not be started, which watches the workers`, {
        cure: 'check that it is there, and limits on processes and memory (ulimit -u), then run again',
      });
    }
    return { execPath: SHELL, execArgv: ['-c', BEGIN, execPath, ...execArgv], pipe: this.#watcher.pipe };
  }

  /** A watched process was started. */
  started(pid: number): void {
    this.#alive.add(pid);
  }

  /** A watched process has ended, and with it its group: its number may be given to another. */
  ended(pid: number): void {
    if (this.#alive.delete(pid)) this.#watcher?.pipe.write(`end ${pid}\n`);
  }

  /** Lets the watcher go and waits for its end; all processes must have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.child.ref();
    // Without it the end of the pipe would be that of this process, whose containers are still to be ended.
    this.#watcher?.pipe.end('done\n');
    await this.#watcher?.gone;
  }

  /** @returns null when the system starts no process */
  #start(): Watcher | null {
    const child = spawn(SHELL, ['-c', WATCH, 'neuroloom-watch', this.#notes, [...this.#alive].join(' ')], {
      // A session of its own: it must be there when everything else of the run is gone. It holds no directory.
      ...{ detached: true, cwd: '/', env: this.#env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Told by what has no number, or by the exit.
    child.once('error', () => undefined);
    if (child.pid === undefined) return null;
    const { stdin: pipe } = child;
    // The pipe of a watcher that was killed: its exit is what counts.
    pipe.on('error', () => undefined);
    child.unref();
    (pipe as Socket).unref();
    const bornAt = performance.now();
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
        if (this.#watcher?.child !== child) return;
        this.#watcher = null;
        // Somebody killed it.
        const isLasting = performance.now() - bornAt > SHORT_LIFE_MS;
        if (!this.#closed && isLasting && this.#alive.size > 0) this.#watcher = this.#start();
      });
    });
    return { child, pipe, gone };
  }
}
