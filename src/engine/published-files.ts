/** What a run leaves beside its outputs, and what earlier runs of the workflow left that is no longer part of them. */
import { existsSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestFile } from './artifact-store.js';
import type { CacheStore, PublishedRow } from './cache-store.js';
import { describeDataset } from './dataset-description.js';
import type { RunEvent } from './events.js';
import type { InstanceTable } from './instance-table.js';
import { outputError } from './output-error.js';
import { packageVersion } from './package-root.js';
import type { PublishedFile } from './publish.js';
import { isSidecar, writeSidecars } from './sidecars.js';
import { folderOf } from './source-name.js';

export interface PublishedOptions {
  /** Absolute. */
  readonly outputDir: string;
  /** Absolute; null: not known. */
  readonly inputDir: string | null;
  readonly workflow: string;
  readonly table: InstanceTable;
  readonly store: Pick<CacheStore, 'publishedRows' | 'putPublished'>;
  readonly published: readonly PublishedFile[];
  /**
   * `all`: the run published all that the workflow has, so that what it did not publish is not part of it; `failed`: nodes
   * that publish failed or were not started; `part`: it was asked for a part, or stopped.
   */
  readonly reach: 'all' | 'failed' | 'part';
  /** Takes away what is no longer part of the results. */
  readonly prune: boolean;
  readonly sidecars: boolean;
  readonly emit: (event: RunEvent) => void;
}

/** Files that a warning names. */
const NAMED = 5;

/**
 * Writes sidecars, remembers what was published, and tells of (or takes away) files of earlier runs that this one did
 * not publish. A file that somebody changed since is never taken away.
 *
 * @throws StorageError when the disk refuses
 */
export function settlePublished(options: PublishedOptions): void {
  const { outputDir, workflow, table, store, published, emit } = options;
  const earlier = new Map(store.publishedRows(outputDir, workflow).map((row) => [row.path, row]));
  const isSame = (file: PublishedFile, sidecar: string | null): boolean => {
    const row = earlier.get(file.path);
    const key = table.result(file.instance)?.key;
    return row?.digest === file.digest && row.key === key && row.sidecar === sidecar;
  };
  // A table of participants stands among the data that it lists.
  const inputDir = options.inputDir === null ? null : folderOf(options.inputDir);
  const sidecars = options.sidecars
    ? writeSidecars({
        ...{ outputDir, inputDir, workflow, table, published },
        version: packageVersion(),
        isKnown: isSame,
      })
    : published.map(() => null);
  // Where results stand among the data they are made from, the description is that of the data.
  if (options.sidecars && inputDir !== null && inputDir !== outputDir && published.length > 0) {
    describeDataset(outputDir, packageVersion(), inputDir);
  }
  const changed: PublishedRow[] = [];
  published.forEach((file, at) => {
    const sidecar = sidecars[at] ?? null;
    if (isSame(file, sidecar)) return;
    const key = table.result(file.instance)?.key ?? '';
    changed.push({ path: file.path, digest: file.digest, key, sidecar });
  });
  const current = new Set(published.map(({ path }) => path));
  const others = [...earlier.values()].filter(({ path }) => !current.has(path));
  const gone = others.filter(({ path }) => !isThere(join(outputDir, path)));
  const dropped = gone.map(({ path }) => path);
  const stale = others.filter((row) => !gone.includes(row));
  if (options.reach === 'failed') tellOutdated(stale, emit);
  else if (options.reach === 'all') {
    if (options.prune) dropped.push(...removeStale(outputDir, stale, emit));
    else tellStale(stale, emit);
  }
  if (changed.length + dropped.length > 0) store.putPublished(outputDir, workflow, changed, dropped);
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function tellStale(stale: readonly PublishedRow[], emit: (event: RunEvent) => void): void {
  if (stale.length === 0) return;
  const one = stale.length === 1;
  emit({
    type: 'warning',
    code: 'STALE_OUTPUT',
    message: `${one ? 'a file' : `${stale.length} files`} of earlier runs ${one ? 'is' : 'are'} not part of this result: ${named(stale)}`,
    cure: 'give --prune to take them away, or leave them if you chose a part of the data on purpose',
  });
}

/** Who opens a table after a run that failed takes it for that of the run. */
function tellOutdated(stale: readonly PublishedRow[], emit: (event: RunEvent) => void): void {
  if (stale.length === 0) return;
  const one = stale.length === 1;
  emit({
    type: 'warning',
    code: 'STALE_OUTPUT',
    message: `${one ? 'a file is' : `${stale.length} files are`} of an earlier run, and not written again by this one: ${named(stale)}`,
    cure: 'do not take them for results of this run; mend what failed and run again',
  });
}

/** @returns what went */
function removeStale(
  outputDir: string,
  stale: readonly PublishedRow[],
  emit: (event: RunEvent) => void,
): string[] {
  const removed: PublishedRow[] = [];
  const kept: PublishedRow[] = [];
  for (const row of stale) {
    const file = join(outputDir, row.path);
    try {
      const isOurs = lstatSync(file).isFile() && digestFile(file) === row.digest;
      (isOurs ? removed : kept).push(row);
      if (isOurs) rmSync(file);
      const sidecar = row.sidecar === null ? null : join(outputDir, row.sidecar);
      if (isOurs && sidecar !== null && existsSync(sidecar) && isSidecar(readFileSync(sidecar, 'utf8'))) {
        rmSync(sidecar);
      }
    } catch (cause) {
      throw outputError(cause, file);
    }
  }
  for (const { path } of removed) emit({ type: 'pruned', path });
  if (kept.length > 0) {
    emit({
      type: 'warning',
      code: 'STALE_OUTPUT',
      message: `not taken away, because somebody changed them: ${named(kept)}`,
      cure: 'remove them by hand when nobody needs them',
    });
  }
  return removed.map(({ path }) => path);
}

function named(rows: readonly PublishedRow[]): string {
  const names = rows.slice(0, NAMED).map(({ path }) => path);
  return names.join(', ') + (rows.length > NAMED ? `, ... (${rows.length})` : '');
}
