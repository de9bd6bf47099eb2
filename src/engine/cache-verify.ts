/** `cache verify`: every object read again and held against its record. */
import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import {
  digestFile,
  filesOf,
  listObjects,
  objectDirectory,
  OUTPUT_FOLDER,
  readObjectRecord,
  RESULT_FILE,
} from './artifact-store.js';
import type { CareCache } from './cache-care.js';
import type { ObjectRecord } from './cache-store.js';
import { outputsDigest } from './fingerprint.js';

/**
 * What can be wrong with a result. `lost`: the index has it, the objects do not; `record`: `result.json` cannot be
 * believed; `row`: the index says something else than the object; `unindexed`, `extra` and `writable` do no harm.
 */
export type FindingKind =
  'missing' | 'changed' | 'size' | 'link' | 'record' | 'row' | 'lost' | 'extra' | 'writable' | 'unindexed';

export interface Finding {
  readonly key: string;
  readonly node: string | null;
  readonly kind: FindingKind;
  /** Relative to the object; empty for the object as a whole. */
  readonly path: string;
}

export interface Verification {
  readonly objects: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  /** Results that were taken out of the index, so that they are computed again when they are needed. */
  readonly dropped: readonly string[];
}

const HARMLESS: ReadonlySet<FindingKind> = new Set<FindingKind>(['extra', 'writable', 'unindexed']);

/** Whether a result with this finding must not be used. */
export function isDamage({ kind }: Finding): boolean {
  return !HARMLESS.has(kind);
}

/**
 * Reads every object. Damaged results leave the index and stay on the disk; the next run that needs one computes it
 * again and says why.
 *
 * @param onObject - called before each object, with its place in the order
 */
export function verifyCache(
  cache: CareCache,
  onObject: (at: number) => void = () => undefined,
): Verification {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const key of listObjects(cache.directory)) {
    onObject(seen.size);
    seen.add(key);
    bytes += verifyObject(cache, key, findings);
  }
  const lost = cache.rows.results().filter(({ key }) => !seen.has(key));
  for (const { key, node } of lost) findings.push({ key, node, kind: 'lost', path: '' });
  const dropped = [...new Set(findings.filter(isDamage).map(({ key }) => key))];
  cache.rows.write(() => {
    for (const key of dropped) cache.rows.dropResult(key);
  });
  return { objects: seen.size, bytes, findings, dropped };
}

function verifyObject(cache: CareCache, key: string, findings: Finding[]): number {
  const directory = objectDirectory(cache.directory, key);
  const row = cache.rows.result(key);
  let node = row?.node ?? null;
  const report = (kind: FindingKind, where: string): void => {
    findings.push({ key, node, kind, path: where });
  };
  if (!lstatSync(directory).isDirectory()) {
    report('link', '');
    return 0;
  }
  const record = readObjectRecord(directory, key);
  if ('problem' in record) {
    report('record', record.path);
    return 0;
  }
  ({ node } = record);
  if (row === null) report('unindexed', '');
  else if (row.outDigest !== record.outDigest || outputsDigest(row.outputs) !== row.outDigest)
    report('row', '');
  if ((lstatSync(path.join(directory, RESULT_FILE)).mode & 0o222) !== 0) report('writable', RESULT_FILE);
  const bytes = verifyFiles(directory, record, report);
  for (const extra of extraFiles(directory, record)) report('extra', extra);
  return bytes;
}

function verifyFiles(
  directory: string,
  record: ObjectRecord,
  report: (kind: FindingKind, where: string) => void,
): number {
  let sum = 0;
  for (const { rel, bytes, digest } of filesOf(record.outputs)) {
    const file = path.join(directory, OUTPUT_FOLDER, rel);
    const where = `${OUTPUT_FOLDER}/${rel}`;
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined) report('missing', where);
    else if (stat.isSymbolicLink()) report('link', where);
    else if (!stat.isFile()) report('changed', where);
    else if (stat.size !== bytes) report('size', where);
    else if (digestFile(file) !== digest) report('changed', where);
    else {
      sum += bytes;
      if ((stat.mode & 0o222) !== 0) report('writable', where);
    }
  }
  return sum;
}

/** Everything in an object that its record does not name, links to directories included. */
function extraFiles(directory: string, record: ObjectRecord): string[] {
  const known = new Set([...filesOf(record.outputs)].map(({ rel }) => `${OUTPUT_FOLDER}/${rel}`)).add(
    RESULT_FILE,
  );
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      path.relative(directory, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'),
    )
    .filter((name) => !known.has(name));
}
