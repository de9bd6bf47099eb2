import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { removeTree } from './artifact-store.js';
import { makeDirectory } from './make-directory.js';
import { BEAT_LIMIT_MS, isLive, ownIdentity, type ProcessIdentity } from './process-identity.js';
import { storageError } from './storage-error.js';

const OWNER_FILE = 'owner.json';

/** Runs of this process whose end could not be written, on a full disk for example: they do not live on with it. */
const ENDED_UNWRITTEN = new Set<string>();

/** Makes a directory of the cache. */
export function makeCacheDirectory(directory: string): void {
  try {
    makeDirectory(directory);
  } catch (cause) {
    throw storageError(cause, directory);
  }
}

/** The directories of runs, `tmp/<run>`, and whose process still lives. */
export class RunDirectories {
  readonly #tmp: string;
  readonly #now: () => number;

  /** @param directory - of the cache */
  constructor(directory: string, now: () => number) {
    this.#tmp = path.join(directory, 'tmp');
    this.#now = now;
  }

  /** Runs that have a directory. */
  list(): string[] {
    return existsSync(this.#tmp) ? readdirSync(this.#tmp) : [];
  }

  of(runId: string): string {
    return path.join(this.#tmp, runId);
  }

  /** Makes the directory of a run of this process. */
  make(runId: string): void {
    const directory = this.of(runId);
    makeCacheDirectory(directory);
    try {
      writeFileSync(path.join(directory, OWNER_FILE), JSON.stringify(ownIdentity()));
    } catch (cause) {
      throw storageError(cause, directory);
    }
  }

  remove(runId: string): void {
    removeTree(this.of(runId));
  }

  /** An empty directory for one attempt of an instance. */
  makeAttempt(runId: string, instanceIndex: number, n: number): string {
    const directory = path.join(this.of(runId), `${instanceIndex}.${n}`);
    try {
      mkdirSync(directory);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST') removeTree(directory);
      else if (code !== 'ENOENT') throw storageError(cause, directory);
      makeCacheDirectory(directory);
    }
    return directory;
  }

  /** The run has ended: it does not live on with this process, even when `write` fails. */
  end(runId: string, write: () => void): void {
    ENDED_UNWRITTEN.add(runId);
    write();
    ENDED_UNWRITTEN.delete(runId);
  }

  /** A sign of life of a run of this process. */
  beat(runId: string): void {
    const owner = this.#ownerFile(runId);
    const seconds = this.#now() / 1000;
    try {
      utimesSync(owner, seconds, seconds);
    } catch (cause) {
      throw storageError(cause, owner);
    }
  }

  /** The last sign of life, ms since 1970; 0 when there is none. */
  lastBeat(runId: string): number {
    return statSync(this.#ownerFile(runId), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** Whether the process of a run lives, and has not ended the run. */
  isRunLive(runId: string, identity: ProcessIdentity, beat: number): boolean {
    return !ENDED_UNWRITTEN.has(runId) && isLive(identity, beat, this.#now());
  }

  /** Whether the owner file of a run names a live process; a folder without one belongs to nobody. */
  isOwnerLive(runId: string): boolean {
    const owner = this.#ownerFile(runId);
    if (!existsSync(owner)) return false;
    let identity: ProcessIdentity;
    try {
      identity = JSON.parse(readFileSync(owner, 'utf8')) as ProcessIdentity;
    } catch (cause) {
      if (cause instanceof SyntaxError) return false;
      throw storageError(cause, owner);
    }
    return this.isRunLive(runId, identity, this.lastBeat(runId));
  }

  /** Whether a folder has no owner yet: on a shared cache another index may hold the row of its run. */
  isBeingMade(runId: string): boolean {
    if (ENDED_UNWRITTEN.has(runId) || existsSync(this.#ownerFile(runId))) return false;
    const stat = statSync(this.of(runId), { throwIfNoEntry: false });
    // Its time may be that of a file server.
    return stat === undefined || Math.abs(this.#now() - stat.mtimeMs) < BEAT_LIMIT_MS;
  }

  #ownerFile(runId: string): string {
    return path.join(this.of(runId), OWNER_FILE);
  }
}
