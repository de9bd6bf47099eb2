import { createHash } from 'node:crypto';
import { statSync, type BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileFacts } from './cache-store.js';
import { storageError } from './storage-error.js';

/** What `stat` says about the identity of a file's content. */
export interface FileStat {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
}

/** Where known digests are kept between runs. */
export interface DigestRows {
  /** The digest recorded for exactly this stat, 64 hex digits. */
  find(path: string, stat: FileStat): string | null;
  store(path: string, stat: FileStat, digest: string, hashedAt: number): void;
}

/** A change within the clock step of a file system can leave all times as they were (2 s on FAT, 1 s on ext3). */
export const RACY_MS = 2_000;

const READ_BYTES = 1_048_576;

export interface FileDigestsOptions {
  readonly rows: DigestRows;
  readonly mode: 'stat' | 'content';
  readonly now: () => number;
  /** Called once, for the first file whose time is more than 2 s ahead of the clock. */
  readonly onFuture: (path: string) => void;
}

/**
 * Digests of files outside the graph. The content is read once; later the stat answers, if the file's times were
 * older than the moment of reading by 2 s (a younger file could change without a trace in its times).
 */
export class FileDigests {
  readonly #options: FileDigestsOptions;
  readonly #seen = new Map<
    string,
    { readonly stat: FileStat; readonly facts: FileFacts; readonly trusted: boolean }
  >();
  readonly #reading = new Map<string, Promise<FileFacts>>();
  #warned = false;

  constructor(options: FileDigestsOptions) {
    this.#options = options;
  }

  /** By stat alone; null when the content must be read. A missing file is known to be missing. */
  known(path: string): FileFacts | null {
    const stat = statOf(path);
    if (stat.state !== 'present') return absent(path, stat.state);
    const seen = this.#seen.get(path);
    if (seen !== undefined && seen.trusted && sameStat(seen.stat, stat.stat)) return seen.facts;
    if (this.#options.mode === 'content') return null;
    const digest = this.#options.rows.find(path, stat.stat);
    if (digest === null) return null;
    const facts: FileFacts = { path, state: 'present', digest, bytes: Number(stat.stat.size) };
    this.#seen.set(path, { stat: stat.stat, facts, trusted: true });
    return facts;
  }

  /** What this process last learned of a file, without looking at it again; null when it never read it. */
  seen(path: string): FileFacts | null {
    return this.#seen.get(path)?.facts ?? null;
  }

  /** Reads the content; two calls for one path at a time read once. */
  read(path: string): Promise<FileFacts> {
    let reading = this.#reading.get(path);
    if (reading === undefined) {
      reading = this.#readNow(path).finally(() => this.#reading.delete(path));
      this.#reading.set(path, reading);
    }
    return reading;
  }

  async isUnchanged(facts: FileFacts): Promise<boolean> {
    const now = this.known(facts.path) ?? (await this.read(facts.path));
    return now.state === facts.state && now.digest === facts.digest;
  }

  /** Takes over a digest that is known from writing the file. */
  remember(path: string, digest: string): void {
    const stat = statOf(path);
    if (stat.state === 'present') this.#keep(path, stat.stat, digest, this.#options.now());
  }

  async #readNow(path: string): Promise<FileFacts> {
    // A file that is written to while it is read is read again; one that never rests is taken as it was read.
    for (let attempt = 1; ; attempt += 1) {
      const before = statOf(path);
      if (before.state !== 'present') return absent(path, before.state);
      const hashedAt = this.#options.now();
      const digest = await digestContent(path);
      if (digest === null) return absent(path, 'unreadable');
      const after = statOf(path);
      if (after.state === 'present' && sameStat(before.stat, after.stat)) {
        return this.#keep(path, before.stat, digest, hashedAt);
      }
      if (attempt === 3) return { path, state: 'present', digest, bytes: Number(before.stat.size) };
    }
  }

  #keep(path: string, stat: FileStat, digest: string, hashedAt: number): FileFacts {
    const facts: FileFacts = { path, state: 'present', digest, bytes: Number(stat.size) };
    const newest = Number((stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs) / 1_000_000n);
    const trusted = hashedAt - newest >= RACY_MS;
    this.#seen.set(path, { stat, facts, trusted });
    if (trusted) this.#options.rows.store(path, stat, digest, hashedAt);
    else if (newest - hashedAt > RACY_MS && !this.#warned) {
      this.#warned = true;
      this.#options.onFuture(path);
    }
    return facts;
  }
}

/** The fields of a stat that identify content. */
export function fileStat(stat: BigIntStats): FileStat {
  const { size, mtimeNs, ctimeNs, ino, dev } = stat;
  // SQLite integers are signed; some file systems use the upper half for inode numbers.
  return { size, mtimeNs, ctimeNs, ino: BigInt.asIntN(64, ino), dev: BigInt.asIntN(64, dev) };
}

export function sameStat(a: FileStat, b: FileStat): boolean {
  return (
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}

type StatOutcome =
  { readonly state: 'present'; readonly stat: FileStat } | { readonly state: 'missing' | 'unreadable' };

/** Links are followed: what counts is the content that a node would read. */
function statOf(path: string): StatOutcome {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.isFile() ? { state: 'present', stat: fileStat(stat) } : { state: 'unreadable' };
  } catch (cause) {
    switch ((cause as NodeJS.ErrnoException).code) {
      case 'ENOENT':
      case 'ENOTDIR':
        return { state: 'missing' };
      case 'EACCES':
      case 'EPERM':
      case 'ELOOP':
      case 'ENAMETOOLONG':
        return { state: 'unreadable' };
      default:
        throw storageError(cause, path);
    }
  }
}

function absent(path: string, state: 'missing' | 'unreadable'): FileFacts {
  return { path, state, digest: state, bytes: 0 };
}

/** SHA-256 of the content, or null when the file may not be read. Does not block the event loop. */
async function digestContent(path: string): Promise<string | null> {
  try {
    const handle = await open(path, 'r');
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, (await handle.stat()).size)));
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) return hash.digest('hex');
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT' || code === 'EIO') return null;
    throw storageError(cause, path);
  }
}
