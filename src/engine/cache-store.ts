import type { ComponentKind } from './component-kinds.js';
import type { NodeHistory } from './estimate.js';
import type { FailureClass } from './events.js';
import type { FileSystemKind } from './file-system.js';
import type { BatchStore } from './executors/batch-adoption.js';
import type { Standing } from './standing-results.js';

/** An output as it is stored: values inline, files by path inside the object, digest and size. */
export type OutputRecord =
  | { readonly kind: 'value'; readonly value: unknown }
  | {
      readonly kind: 'file';
      readonly rel: string;
      readonly digest: string;
      readonly bytes: number;
      /** Share of its numbers that are finite; absent: they were not counted. Follows from the content. */
      readonly finite?: number | undefined;
    }
  | { readonly kind: 'list'; readonly items: readonly OutputRecord[] }
  | { readonly kind: 'null' };

/** One part of a key; `--explain` compares them. */
export interface KeyComponent {
  readonly kind: ComponentKind;
  /** Port, tool or variable; the kind itself where there is only one. */
  readonly name: string;
  readonly digest: string;
  /** For people, at most 200 characters. */
  readonly brief: string;
}

/** What `result.json` of an object holds: enough to rebuild the index from the objects alone. */
export interface ObjectRecord {
  readonly format: 1;
  readonly key: string;
  readonly node: string;
  readonly version: number;
  readonly components: readonly KeyComponent[];
  readonly state: 'done' | 'skipped';
  readonly skipReason: string | null;
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  /** Digest of the encoded outputs. */
  readonly outDigest: string;
  /** Run time of the node's body. */
  readonly ms: number;
  readonly peakMb: number;
}

/** A result that may be used: its files were looked at. */
export interface StoredResult extends Omit<ObjectRecord, 'format' | 'components'> {
  /** Absolute path of the folder that output files are relative to. */
  readonly outputDir: string;
  readonly bytes: number;
  /** The run that made it; null when that is not known. */
  readonly runId: string | null;
}

export type Lookup =
  | { readonly outcome: 'hit'; readonly result: StoredResult; readonly adopted: boolean }
  | { readonly outcome: 'missing' }
  | LostOutput;

/** A result whose object is not as recorded; `before` and `after` are short texts for people, empty where nothing is known. */
export type LostOutput =
  | { readonly outcome: 'output-missing'; readonly path: string; readonly before: string }
  | {
      readonly outcome: 'output-changed';
      readonly path: string;
      readonly before: string;
      readonly after: string;
    };

/** A file outside the graph, as it was when it was looked at. */
export interface FileFacts {
  readonly path: string;
  readonly state: 'present' | 'missing' | 'unreadable';
  /** SHA-256 in hex, or `missing` or `unreadable`. */
  readonly digest: string;
  readonly bytes: number;
}

export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly configDigest: string;
  readonly argv: readonly string[];
  /** Absolute. */
  readonly outputDir: string;
}

export interface AttemptStart {
  readonly runId: string;
  readonly instance: string;
  /** From 1. */
  readonly n: number;
  readonly key: string;
  readonly components: readonly KeyComponent[];
  /** JSON of parameters by digest, for the reasons of later runs. */
  readonly literals?: ReadonlyMap<string, string>;
  /** `RunReason.kind`. */
  readonly reason: string;
}

export interface AttemptEnd {
  readonly runId: string;
  readonly instance: string;
  readonly n: number;
  readonly key: string;
  readonly state: 'done' | 'skipped' | 'failed' | 'cancelled';
  readonly workerPid: number | null;
  readonly exit: number | null;
  readonly signal: string | null;
  readonly failureClass: FailureClass | null;
  readonly peakMb: number;
  readonly cpuMs: number;
}

export type Lease =
  | { readonly outcome: 'mine' }
  /** Another run finished this key since it was looked up: look it up again. No attempt was recorded. */
  | { readonly outcome: 'finished' }
  /** A live run works on this key: ask again later. No attempt was recorded. */
  | { readonly outcome: 'held'; readonly runId: string; readonly host: string; readonly pid: number };

/** The newest attempt of an instance in earlier runs of a workflow. */
export interface LastAttempt {
  readonly key: string;
  readonly state: 'running' | 'interrupted' | 'done' | 'skipped' | 'failed' | 'cancelled' | 'reused';
  readonly failureClass: FailureClass | null;
}

export interface AdmitOptions {
  /** The run that made it. */
  readonly runId?: string;
  /** Puts the new object in the place of one with other outputs (a forced run). */
  readonly replace?: boolean;
  /** What the worker sealed, when it told; else it is read from the attempt. */
  readonly record?: ObjectRecord;
}

export type Admission =
  /** The object is in its place. */
  | { readonly outcome: 'stored'; readonly result: StoredResult }
  /** Another run was first; its object is used. `identical` false: the node is not deterministic. */
  | { readonly outcome: 'existing'; readonly result: StoredResult; readonly identical: boolean }
  /** A declared output is not there, or has another size than recorded. */
  | { readonly outcome: 'output-missing' | 'output-changed'; readonly path: string };

/** A stored result, for lists. */
export interface ResultSummary {
  readonly key: string;
  readonly node: string;
  /** Instances that made or used it, as far as the history knows: `fit[sub-03]`. */
  readonly instances: readonly string[];
  readonly version: number;
  readonly state: 'done' | 'skipped';
  readonly bytes: number;
  readonly ms: number;
  readonly peakMb: number;
  /** ms since 1970. */
  readonly created: number;
  readonly lastUsed: number;
  readonly runId: string | null;
}

/** A file in an output directory, as a run left it. */
export interface PublishedRow {
  /** Relative to the output directory, with `/`. */
  readonly path: string;
  /** SHA-256 of its content. */
  readonly digest: string;
  /** Of the result that it was copied from. */
  readonly key: string;
  /** Its sidecar, relative like `path`; null: none. */
  readonly sidecar: string | null;
}

export interface Recovery {
  /** Runs that died without ending. */
  readonly interruptedRuns: readonly string[];
  /** Keys whose finished objects were found without a row, and taken over. */
  readonly adopted: readonly string[];
}

export interface StoreWarning {
  readonly code: 'CACHE_CORRUPT' | 'CACHE_FORMAT' | 'IO';
  readonly message: string;
  readonly cure: string | null;
}

/**
 * Results by key, what is known about files, and the history of runs. Only the parent process holds one.
 *
 * Writes are collected and committed in batches (64 results or 20 ms); reads see what is waiting. Every method
 * throws StorageError (IO_FULL, IO_DENIED, IO, CACHE_FORMAT) when the file system refuses.
 */
export interface CacheStore extends BatchStore {
  readonly directory: string;
  /** false: a plan; nothing is written, on disk or in the index. */
  readonly writable: boolean;
  /** What was repaired while opening. */
  readonly warnings: readonly StoreWarning[];

  /** The result of a key, its output files checked by stat, and by content where stat moved. Finds objects without a row. */
  lookup(key: string): Lookup;
  /**
   * A result that was looked up or made before, without another look at its files, so that a run need not keep it;
   * null when it is gone.
   */
  stored(key: string): StoredResult | null;
  /**
   * Many look-ups in a row: they share one view of the index and its locks. What is written meanwhile ends the view;
   * `work` must not wait for anything.
   */
  lookTogether<T>(work: () => T): T;
  /** Components of a key that was ever started; empty when unknown. */
  components(key: string): readonly KeyComponent[];
  /** JSON of a parameter of a key that was ever started, by its digest; null when it is short, or not known. */
  literal(digest: string): string | null;
  /** Every stored result, newest first. */
  results(): readonly ResultSummary[];
  /** Files that earlier runs of a workflow left in an output directory, by path. */
  publishedRows(outputDir: string, workflow: string): readonly PublishedRow[];
  /** Remembers files of an output directory, and forgets others. */
  putPublished(
    outputDir: string,
    workflow: string,
    rows: readonly PublishedRow[],
    dropped: readonly string[],
  ): void;
  /** What the results of each node took, by its name. Reads every row. */
  nodeHistory(): ReadonlyMap<string, NodeHistory>;
  /** Newest attempt of every instance of a workflow. One query. */
  lastAttempts(workflow: string): ReadonlyMap<string, LastAttempt>;

  beginRun(run: RunRow): void;
  finishRun(runId: string, status: string): void;
  /**
   * Takes over or deletes what dead runs left in tmp/, then marks their attempts. Call once before work.
   *
   * @param sweep - deletes what they left elsewhere, before they are marked: it is repeated when this process dies
   */
  recover(sweep?: (deadRuns: readonly string[]) => void): Recovery;

  /**
   * Takes the lease of the key and records the attempt, in one transaction that is committed on return.
   * `force`: work although there is a result.
   */
  startAttempt(start: AttemptStart, options?: { readonly force?: boolean }): Lease;
  /** The same for several in one transaction; one lease for each, in order. */
  startAttempts(starts: readonly (AttemptStart & { readonly force: boolean })[]): readonly Lease[];
  endAttempt(end: AttemptEnd): void;
  /** Remembers that an instance was reused under a key that differs from its last one (no attempt was needed). */
  noteReuse(runId: string, instance: string, key: string): void;
  /**
   * A digest of all instances of a workflow and their keys, left by the last run of it that ended well and that no
   * other run of it overlapped; null when there is none.
   */
  lastKeys(workflow: string): string | null;
  keepLastKeys(workflow: string, runId: string, digest: string): void;
  /** What `keepStanding` left, when nothing has made it untrue since; null when there is none. */
  standing(workflow: string): Standing | null;
  /** Kept only together with the last keys that it names. */
  keepStanding(workflow: string, standing: Standing): void;
  /** Committed on return. */
  forgetLastKeys(workflow: string): void;
  /** Keeps the leases of this run alive on other hosts; every 20 s is enough. */
  beat(): void;

  /** Where an attempt works: `tmp/<run>/<instance index>.<attempt>`, made empty. Output files go to an `out/` in it. */
  attemptDirectory(runId: string, instanceIndex: number, n: number): string;
  /** Where the checkpoints of a key are kept; made when missing. */
  checkpointDirectory(key: string): string;
  /**
   * Moves a finished attempt directory (sealed by `sealObject`) to its object and records the result; removes
   * the key's lease and checkpoints.
   */
  admit(key: string, attemptDirectory: string, options?: AdmitOptions): Admission;
  /** Deletes the directory of an attempt that gave nothing, and the lease of its key. */
  discard(key: string, attemptDirectory: string): void;
  /** Deletes the tmp directory of a run (unless kept for inspection). */
  removeRunDirectory(runId: string): void;

  /** Digest of a file outside the graph by the stat fast path; null when the content must be read. */
  knownFile(path: string): FileFacts | null;
  /** What this process last learned of a file outside the graph; it is not looked at again. */
  seenFile(path: string): FileFacts | null;
  /** Reads and remembers the digest of a file outside the graph. */
  hashFile(path: string): Promise<FileFacts>;
  /** Whether a file is still what it was: by stat, and by content where stat moved. */
  isUnchanged(facts: FileFacts): Promise<boolean>;
  /** Remembers the digest of a file that the engine itself wrote (a published output). */
  rememberFile(path: string, digest: string): void;

  /** Commits everything that waits. */
  flush(): void;
  /** Flushes and closes; the store cannot be used afterwards. */
  close(): void;
}

export interface CacheStoreOptions {
  readonly directory: string;
  /** false: open for a plan. A cache that does not exist is then simply empty. */
  readonly writable: boolean;
  /** `content` reads every file again; `stat` trusts size, times and inode. Default `stat`. */
  readonly hash?: 'stat' | 'content';
  /**
   * Where `index.db` stands. Default: `directory`; on a file system that machines share, a folder of the user's
   * local cache directory, because SQLite's log does not work over networks.
   */
  readonly indexDirectory?: string;
  /** Caches of others that are looked into when this one has no result; they are only read. */
  readonly upstreams?: readonly string[];
  /** This is such a cache: its index is not written to, and its files are checked by whoever uses them. */
  readonly isUpstream?: boolean;
  /** The file system of the directory; tests set it. */
  readonly fileSystem?: FileSystemKind;
  /** Milliseconds since 1970; tests set it. */
  readonly now?: () => number;
}

/**
 * Opens (and when writable makes) the cache of a directory. SQLite is loaded here, not before.
 *
 * @throws StorageError CACHE_FORMAT when a newer release made it, IO_DENIED or IO when it cannot be used
 */
export async function openCacheStore(options: CacheStoreOptions): Promise<CacheStore> {
  const { SqliteCache } = await import('./sqlite-cache.js');
  return SqliteCache.open(options);
}
