import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { StorageError } from '../errors.js';
import {
  changedOutput,
  filesOf,
  findBadFile,
  installObject,
  listObjects,
  objectDirectory,
  outputMissing,
  readObjectRecord,
  removeTree,
} from './artifact-store.js';
import type {
  Admission,
  AdmitOptions,
  AttemptEnd,
  AttemptStart,
  CacheStore,
  CacheStoreOptions,
  FileFacts,
  KeyComponent,
  LastAttempt,
  Lease,
  Lookup,
  LostOutput,
  ObjectRecord,
  OutputRecord,
  PublishedRow,
  Recovery,
  ResultSummary,
  RunRow,
  StoredResult,
  StoreWarning,
} from './cache-store.js';
import { BatchRows } from './batch-rows.js';
import { CommitQueue } from './commit-queue.js';
import type { BatchJobRow } from './executors/batch-adoption.js';
import type { NodeHistory } from './estimate.js';
import { FileDigests, fileStat } from './file-digest.js';
import { fileSystemOf } from './file-system.js';
import { outputsDigest } from './fingerprint.js';
import { openIndex } from './index-open.js';
import { INDEX_FILE, indexPlace, type IndexPlace } from './index-place.js';
import { INDEX_FORMAT } from './index-schema.js';
import { IndexRows, type ResultRow } from './index-rows.js';
import { packageVersion } from './package-root.js';
import { errnoOf } from './failure.js';
import { ownIdentity } from './process-identity.js';
import { killPoint } from './kill-points.js';
import { IndexedResult } from './indexed-result.js';
import { makeCacheDirectory, RunDirectories } from './run-directories.js';
import { type IndexDatabase, openDatabase } from './sqlite-database.js';
import { requireCache } from './require-cache.js';
import type { Standing } from './standing-results.js';
import { UpstreamResults } from './upstream-results.js';

/** How long a writer waits for another one before it gives up. */
const BUSY_MS = 10_000;

/** `last_used` of a result is brought up to date at most once a day, so that a run that reuses all writes nothing. */
const USED_STEP_MS = 86_400_000;

/** The cache of one directory: `index.db`, `objects/`, `checkpoints/`, `tmp/`. */
export class SqliteCache implements CacheStore {
  readonly directory: string;
  readonly writable: boolean;
  readonly #db: IndexDatabase;
  readonly #rows: IndexRows;
  readonly #batchRows: BatchRows;
  readonly #files: FileDigests;
  readonly #writes: CommitQueue;
  readonly #runs: RunDirectories;
  readonly #now: () => number;
  readonly #warnings: StoreWarning[];
  readonly #isUpstream: boolean;
  readonly #upstreams: UpstreamResults | null;
  readonly #ownRuns = new Set<string>();
  /** Results that wait to be committed, by key: reads see them. */
  readonly #fresh = new Map<string, StoredResult>();
  #looksTogether = false;
  /** Keys whose checkpoint folder was asked for. */
  readonly #withCheckpoints = new Set<string>();

  static open(options: CacheStoreOptions): SqliteCache {
    return new SqliteCache(options);
  }

  private constructor(options: CacheStoreOptions) {
    const now = options.now ?? Date.now;
    this.directory = path.resolve(options.directory);
    this.writable = options.writable;
    this.#now = now;
    const place = indexPlace(this.directory, options.fileSystem ?? fileSystemOf(this.directory));
    const isUpstream = options.isUpstream ?? false;
    // The index of somebody else's cache stands where that cache is.
    const indexDirectory = options.indexDirectory ?? (isUpstream ? this.directory : place.directory);
    if (this.writable) makeCacheDirectory(this.directory);
    const opened = openIndex({
      file: path.join(indexDirectory, INDEX_FILE),
      writable: this.writable,
      isUpstream,
      journal: fileSystemOf(indexDirectory).isNetwork ? 'DELETE' : 'WAL',
      connect: (file, how) => openDatabase(file, { timeout: BUSY_MS, ...how }),
      now,
      meta: {
        format: String(INDEX_FORMAT),
        created_by: `neuroloom ${packageVersion()}`,
        fs_type: place.fileSystem.name,
        host: ownIdentity().host,
      },
    });
    this.#db = opened.db;
    this.#warnings = [...opened.warnings];
    if (this.writable && place.isApart && indexDirectory === place.directory && opened.isNew) {
      this.#warnings.push(apartWarning(place));
    }
    this.#isUpstream = isUpstream;
    this.#rows = new IndexRows(opened.db);
    this.#batchRows = new BatchRows(opened.db);
    this.#writes = new CommitQueue({
      ...{ rows: this.#rows, writable: this.writable, directory: this.directory, indexDirectory },
      onEmpty: () => this.#fresh.clear(),
    });
    this.#runs = new RunDirectories(this.directory, now);
    this.#files = new FileDigests({
      mode: options.hash ?? 'stat',
      now,
      rows: {
        find: (file, stat) => this.#writes.guard(() => this.#rows.fileDigest(file, stat)),
        store: (file, stat, digest, at) =>
          this.#writes.later(() => this.#rows.putFileDigest(file, stat, digest, at)),
      },
      onFuture: (file) => {
        this.#warnings.push({
          code: 'IO',
          message: `${path.basename(file)} has a time in the future; its content is read again in each run`,
          cure: 'correct the clock of the machine that wrote it, or touch the file',
        });
      },
    });
    if (opened.isNew && this.writable) this.#rebuild();
    const upstreams = (options.upstreams ?? []).map((directory) => openUpstream(directory, now));
    for (const { warnings } of upstreams) this.#warnings.push(...warnings);
    this.#upstreams =
      upstreams.length === 0
        ? null
        : new UpstreamResults(upstreams, this, (warning) => this.#warnings.push(warning));
  }

  get warnings(): readonly StoreWarning[] {
    return this.#warnings;
  }

  lookup(key: string): Lookup {
    const own = this.#lookupOwn(key);
    if (own.outcome === 'hit' || this.#upstreams === null) return own;
    const result = this.#upstreams.lookup(key);
    return result === null ? own : { outcome: 'hit', result, adopted: false };
  }

  #lookupOwn(key: string): Lookup {
    const fresh = this.#fresh.get(key);
    if (fresh !== undefined) return { outcome: 'hit', result: fresh, adopted: false };
    const row = this.#writes.guard(() => {
      if (this.#looksTogether) this.#rows.beginView();
      return this.#rows.result(key);
    });
    // A row that does not fit its own digest was damaged where SQLite cannot see it; the object knows better.
    if (row === null || outputsDigest(row.outputs) !== row.outDigest) return this.#adopt(key);
    const result = this.#storedResult(key, row);
    // Files of an upstream are checked by those who use them, and once.
    for (const file of this.#isUpstream ? [] : filesOf(row.outputs)) {
      const lost = this.#checkOutput(key, result.outputDir, file);
      if (lost !== null) return lost;
    }
    const now = this.#now();
    if (now - row.lastUsed > USED_STEP_MS) this.#writes.later(() => this.#rows.markUsed(key, now));
    return { outcome: 'hit', result, adopted: false };
  }

  stored(key: string): StoredResult | null {
    const fresh = this.#fresh.get(key);
    if (fresh !== undefined) return fresh;
    const row = this.#writes.guard(() => this.#rows.result(key));
    if (row !== null && outputsDigest(row.outputs) === row.outDigest) return this.#storedResult(key, row);
    const other = this.#upstreams?.lookup(key) ?? null;
    if (other !== null) return other;
    // What is said to stand and is not here is looked up by the next run.
    if (this.writable) this.#writes.commit(() => this.#rows.dropStandings());
    const record = readObjectRecord(objectDirectory(this.directory, key), key);
    return 'problem' in record ? null : this.#storedResult(key, { ...record, bytes: 0, runId: null });
  }

  lookTogether<T>(work: () => T): T {
    if (this.#looksTogether) return work();
    this.#looksTogether = true;
    try {
      return work();
    } finally {
      this.#looksTogether = false;
      this.#rows.endView();
    }
  }

  components(key: string): readonly KeyComponent[] {
    this.flush();
    const own = this.#writes.guard(() => this.#rows.components(key));
    return own.length > 0 || this.#upstreams === null ? own : this.#upstreams.components(key);
  }

  literal(digest: string): string | null {
    return this.#writes.guard(() => this.#rows.literal(digest)) ?? this.#upstreams?.literal(digest) ?? null;
  }

  results(): readonly ResultSummary[] {
    this.flush();
    return this.#writes.guard(() => this.#rows.results());
  }

  publishedRows(outputDir: string, workflow: string): readonly PublishedRow[] {
    this.flush();
    return this.#writes.guard(() => this.#rows.published(outputDir, workflow));
  }

  putPublished(
    outputDir: string,
    workflow: string,
    rows: readonly PublishedRow[],
    dropped: readonly string[],
  ): void {
    this.#mustWrite();
    this.#writes.commit(() => {
      this.#rows.putPublished(outputDir, workflow, rows, dropped);
    });
  }

  nodeHistory(): ReadonlyMap<string, NodeHistory> {
    this.flush();
    return this.#writes.guard(() => this.#rows.nodeHistory());
  }

  lastAttempts(workflow: string): ReadonlyMap<string, LastAttempt> {
    this.flush();
    return this.#writes.guard(() => this.#rows.lastAttempts(workflow));
  }

  beginRun(run: RunRow): void {
    this.#mustWrite();
    // The row first: another run that finds the directory without its owner can see in it whose it is.
    const extra = { ...ownIdentity(), now: this.#now(), version: packageVersion() };
    this.#writes.commit(() => this.#rows.putRun(run, extra));
    this.#ownRuns.add(run.id);
    this.#runs.make(run.id);
  }

  finishRun(runId: string, status: string): void {
    this.#mustWrite();
    if (!this.#ownRuns.delete(runId)) return;
    this.#runs.end(runId, () => {
      this.#writes.commit(() => this.#rows.endRun(runId, status, this.#now()));
    });
  }

  recover(sweep: (deadRuns: readonly string[]) => void = () => undefined): Recovery {
    this.#mustWrite();
    const interruptedRuns: string[] = [];
    const adopted: string[] = [];
    const live = new Set(this.#ownRuns);
    // Before the rows are read: what is listed here has its row by then.
    const found = this.#runs.list();
    for (const run of this.#writes.guard(() => this.#rows.openRuns())) {
      if (live.has(run.id)) continue;
      const beat = Math.max(
        this.#runs.lastBeat(run.id),
        this.#writes.guard(() => this.#rows.newestBeat(run.id)),
      );
      if (this.#runs.isRunLive(run.id, run, beat)) live.add(run.id);
      else interruptedRuns.push(run.id);
    }
    const dead = new Set(interruptedRuns);
    for (const runId of found) {
      if (live.has(runId) || this.#runs.isOwnerLive(runId)) continue;
      if (!dead.has(runId) && this.#runs.isBeingMade(runId)) continue;
      adopted.push(...this.#adoptLeftovers(this.#runs.of(runId)));
      this.#runs.remove(runId);
    }
    sweep(interruptedRuns);
    // Last: a process that dies before leaves all of it to the next one.
    this.#writes.commit(() => {
      for (const id of interruptedRuns) this.#rows.endRun(id, 'interrupted', this.#now());
    });
    this.flush();
    return { interruptedRuns, adopted };
  }

  startAttempt(start: AttemptStart, options: { readonly force?: boolean } = {}): Lease {
    return this.startAttempts([{ ...start, force: options.force ?? false }])[0] as Lease;
  }

  startAttempts(starts: readonly (AttemptStart & { readonly force: boolean })[]): Lease[] {
    this.#mustWrite();
    return this.#writes.commit(() => starts.map((start) => this.#start(start)));
  }

  #start(start: AttemptStart & { readonly force: boolean }): Lease {
    if (!start.force && this.#rows.hasResult(start.key)) {
      const { outcome } = this.lookup(start.key);
      if (outcome === 'hit') return { outcome: 'finished' };
    }
    const now = this.#now();
    const held = this.#rows.lease(start.key);
    if (held !== null && held.runId !== start.runId && this.#runs.isRunLive(held.runId, held, held.beat)) {
      return { outcome: 'held', runId: held.runId, host: held.host, pid: held.pid };
    }
    this.#rows.putLease(start.key, { runId: start.runId, beat: now, ...ownIdentity() });
    this.#rows.putAttempt(start, now);
    return { outcome: 'mine' };
  }

  endAttempt(end: AttemptEnd): void {
    const now = this.#now();
    this.#writes.later(() => {
      this.#rows.endAttempt(end, now);
      this.#rows.dropLease(end.key, end.runId);
    });
  }

  noteReuse(runId: string, instance: string, key: string): void {
    const now = this.#now();
    this.#writes.later(() => this.#rows.putReuse(runId, instance, key, now));
  }

  lastKeys(workflow: string): string | null {
    return this.#writes.guard(() => this.#rows.lastKeys(workflow));
  }

  keepLastKeys(workflow: string, runId: string, digest: string): void {
    this.#writes.later(() => this.#rows.putLastKeys(workflow, runId, digest));
  }

  standing(workflow: string): Standing | null {
    return this.#writes.guard(() => this.#rows.standing(workflow));
  }

  keepStanding(workflow: string, standing: Standing): void {
    // Results of others may go where this index does not see it.
    if (this.#upstreams !== null) return;
    this.#writes.later(() => this.#rows.putStanding(workflow, standing));
  }

  forgetLastKeys(workflow: string): void {
    this.#writes.commit(() => this.#rows.dropLastKeys(workflow));
  }

  beat(): void {
    if (!this.writable) return;
    const now = this.#now();
    this.#writes.commit(() => {
      for (const runId of this.#ownRuns) this.#rows.beat(runId, now);
    });
    for (const runId of this.#ownRuns) this.#runs.beat(runId);
  }

  attemptDirectory(runId: string, instanceIndex: number, n: number): string {
    this.#mustWrite();
    return this.#runs.makeAttempt(runId, instanceIndex, n);
  }

  checkpointDirectory(key: string): string {
    this.#mustWrite();
    const directory = path.join(this.directory, 'checkpoints', key);
    makeCacheDirectory(directory);
    this.#withCheckpoints.add(key);
    return directory;
  }

  admit(key: string, attemptDirectory: string, options: AdmitOptions = {}): Admission {
    this.#mustWrite();
    const record = options.record ?? readObjectRecord(attemptDirectory, key);
    if ('problem' in record) {
      return {
        outcome: record.problem === 'not there' ? 'output-missing' : 'output-changed',
        path: record.path,
      };
    }
    const bad = findBadFile(attemptDirectory, record, 'stat');
    if (bad !== null) return bad;
    const target = objectDirectory(this.directory, key);
    if (!installObject(attemptDirectory, target)) {
      const existing = readObjectRecord(target, key);
      const isWhole = !('problem' in existing) && findBadFile(target, existing, 'content') === null;
      const identical = isWhole && existing.outDigest === record.outDigest;
      if (isWhole && (identical || options.replace !== true)) {
        removeTree(attemptDirectory);
        return { outcome: 'existing', result: this.#keep(existing, options.runId ?? null), identical };
      }
      // The old object leaves by rename too: at no moment is there half of one under the name of the key.
      const old = `${attemptDirectory}.old`;
      removeTree(old);
      if (!installObject(target, old) || !installObject(attemptDirectory, target)) {
        throw new StorageError('IO', 'another process writes the same result', {
          where: target,
          cure: 'run the same command again',
        });
      }
      removeTree(old);
    }
    killPoint('after-object-rename');
    // A record that a worker told belongs to an attempt of this process, which knows whether it made checkpoints.
    if (options.record === undefined || this.#withCheckpoints.delete(key)) {
      removeTree(path.join(this.directory, 'checkpoints', key));
    }
    return { outcome: 'stored', result: this.#keep(record, options.runId ?? null) };
  }

  isRunLive(runId: string): boolean {
    return this.#ownRuns.has(runId) || this.#runs.isOwnerLive(runId);
  }

  putBatchJob(row: BatchJobRow): void {
    this.#mustWrite();
    this.#writes.commit(() => this.#batchRows.put(row, this.#now()));
  }

  batchJobId(token: string): string | null {
    return this.#writes.guard(() => this.#batchRows.jobId(token));
  }

  dropBatchJob(token: string): void {
    this.#writes.later(() => this.#batchRows.drop(token));
  }

  adopt(directory: string): boolean {
    this.#mustWrite();
    const record = readObjectRecord(directory);
    if ('problem' in record || findBadFile(directory, record, 'content') !== null) return false;
    return !this.#rows.hasResult(record.key) && this.admit(record.key, directory).outcome === 'stored';
  }

  typicalMs(node: string): number | null {
    this.flush();
    return this.#writes.guard(() => this.#batchRows.typicalMs(node));
  }

  discard(key: string, attemptDirectory: string): void {
    removeTree(attemptDirectory);
    this.#writes.later(() => {
      for (const runId of this.#ownRuns) this.#rows.dropLease(key, runId);
    });
  }

  removeRunDirectory(runId: string): void {
    this.#runs.remove(runId);
  }

  knownFile(file: string): FileFacts | null {
    return this.#files.known(path.resolve(file));
  }

  seenFile(file: string): FileFacts | null {
    return this.#files.seen(path.resolve(file));
  }

  hashFile(file: string): Promise<FileFacts> {
    return this.#files.read(path.resolve(file));
  }

  isUnchanged(facts: FileFacts): Promise<boolean> {
    return this.#files.isUnchanged(facts);
  }

  rememberFile(file: string, digest: string): void {
    this.#files.remember(path.resolve(file), digest);
  }

  flush(): void {
    this.#writes.flush();
  }

  close(): void {
    if (!this.#db.open) return;
    try {
      this.flush();
    } finally {
      this.#db.close();
      this.#upstreams?.close();
    }
  }

  #mustWrite(): void {
    if (!this.writable) {
      throw new StorageError('INTERNAL', 'a cache that was opened for a plan cannot be written', {
        where: this.directory,
        cure: 'open it with `writable: true`',
      });
    }
  }

  /** A file output against its row by stat, and by content where stat moved (a copied cache, a restored backup). */
  #checkOutput(
    key: string,
    outputDir: string,
    file: OutputRecord & { readonly kind: 'file' },
  ): LostOutput | null {
    const target = path.join(outputDir, file.rel);
    const found = lstatSync(target, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return outputMissing(file);
    const stat = fileStat(found);
    if (
      found.isFile() &&
      this.#writes.guard(() => this.#rows.hasOutputFile(key, file.rel, file.digest, stat))
    ) {
      return null;
    }
    const changed = changedOutput(file, target, found);
    if (changed !== null) return changed;
    this.#writes.later(() => this.#rows.putOutputFile(key, file.rel, file.digest, file.bytes, stat));
    return null;
  }

  /** An object without a row: left by a run that died between rename and commit. */
  #adopt(key: string): Lookup {
    const directory = objectDirectory(this.directory, key);
    if (!existsSync(directory)) return { outcome: 'missing' };
    const record = readObjectRecord(directory, key);
    if ('problem' in record) {
      return { outcome: 'output-changed', path: record.path, before: '', after: record.problem };
    }
    const bad = findBadFile(directory, record, 'content');
    return bad ?? { outcome: 'hit', result: this.#keep(record, null), adopted: true };
  }

  /** Queues the rows of an object that is in its place. */
  #keep(record: ObjectRecord, runId: string | null): StoredResult {
    const files = [...filesOf(record.outputs)];
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const result = this.#storedResult(record.key, { ...record, bytes, runId });
    const stats = files.map((file) => ({
      file,
      stat: fileStat(lstatSync(path.join(result.outputDir, file.rel), { bigint: true })),
    }));
    const created = this.#now();
    this.#fresh.set(record.key, result);
    this.#writes.later(() => {
      this.#rows.putResult(record, { bytes, created, runId });
      for (const { file, stat } of stats) {
        this.#rows.putOutputFile(record.key, file.rel, file.digest, file.bytes, stat);
      }
    });
    return result;
  }

  #storedResult(key: string, row: Omit<ResultRow, 'lastUsed'>): StoredResult {
    return new IndexedResult(this.directory, key, row);
  }

  /** Fills a new index from the objects; their files are read when they are first used. */
  #rebuild(): void {
    for (const key of listObjects(this.directory)) {
      const record = readObjectRecord(objectDirectory(this.directory, key), key);
      if ('problem' in record) continue;
      const files = [...filesOf(record.outputs)];
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      const created = this.#now();
      this.#writes.later(() => {
        this.#rows.putResult(record, { bytes, created, runId: null });
        for (const file of files) this.#rows.putOutputFile(key, file.rel, file.digest, file.bytes, null);
      });
    }
    this.flush();
  }

  /** Takes over complete attempts of a dead run whose parent did not get to move them. */
  #adoptLeftovers(runDirectory: string): string[] {
    const adopted: string[] = [];
    for (const name of existsSync(runDirectory) ? readdirSync(runDirectory) : []) {
      const key = this.#adoptLeftover(path.join(runDirectory, name));
      if (key !== null) adopted.push(key);
    }
    return adopted;
  }

  /** @returns the key of the result; null when there is none, or when a run that started with this one took it */
  #adoptLeftover(directory: string): string | null {
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
    try {
      const record = readObjectRecord(directory);
      if ('problem' in record || findBadFile(directory, record, 'content') !== null) return null;
      if (this.#rows.hasResult(record.key)) return null;
      return this.admit(record.key, directory).outcome === 'stored' ? record.key : null;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT' && !existsSync(directory)) return null;
      throw cause;
    }
  }
}

/** A cache of others, which is only read. */
function openUpstream(directory: string, now: () => number): SqliteCache {
  requireCache(path.resolve(directory));
  return SqliteCache.open({ directory, writable: false, isUpstream: true, now });
}

/** Told once, when the index is made. */
function apartWarning({ directory, fileSystem }: IndexPlace): StoreWarning {
  return {
    code: 'IO',
    message: `the cache stands on ${fileSystem.name}, which machines share; its index is kept in ${directory}`,
    cure:
      'nothing to do on one machine; runs on several machines should use caches of their own (--cache-dir) ' +
      'and read a common one with --cache-from',
  };
}
