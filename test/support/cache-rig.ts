import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeOutputFile, sealObject } from '../../src/engine/artifact-store.js';
import {
  openCacheStore,
  type Admission,
  type CacheStore,
  type CacheStoreOptions,
  type KeyComponent,
  type OutputRecord,
  type StoredResult,
} from '../../src/engine/cache-store.js';
import { keyOf, valueDigest } from '../../src/engine/fingerprint.js';

/** A directory that is removed at the end of a test. */
export class TemporaryDirectory {
  readonly path = mkdtempSync(path.join(tmpdir(), 'neuroloom-test-'));

  join(...parts: string[]): string {
    return path.join(this.path, ...parts);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface MadeResult {
  readonly key: string;
  readonly components: readonly KeyComponent[];
}

/** Components and key of an imaginary node whose only parameter is `x`. */
export function madeKey(x: unknown): MadeResult {
  const components: KeyComponent[] = [
    { kind: 'node', name: 'node', ...valueDigest('made') },
    { kind: 'params', name: 'x', ...valueDigest(x) },
  ];
  return { key: keyOf(components), components };
}

export interface MakeOptions {
  readonly runId?: string;
  readonly n?: number;
  readonly replace?: boolean;
  readonly value?: unknown;
}

/** An attempt directory of `x` as a worker leaves it: one file per entry of `files`, and a value. */
export function makeAttempt(
  store: CacheStore,
  x: unknown,
  files: Readonly<Record<string, string>>,
  options: MakeOptions = {},
): string {
  const directory = store.attemptDirectory(options.runId ?? 'run-1', Number(x), options.n ?? 1);
  const outputs: Record<string, OutputRecord> = { value: { kind: 'value', value: options.value ?? x } };
  const list: OutputRecord[] = [];
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(directory, 'out', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    list.push(describeOutputFile(directory, file));
  }
  outputs['files'] = { kind: 'list', items: list };
  const draft = { node: 'made', version: 1, state: 'done', skipReason: null, ms: 1, peakMb: 2 } as const;
  sealObject(directory, { ...madeKey(x), ...draft, outputs });
  return directory;
}

export function admitMade(
  store: CacheStore,
  x: unknown,
  files: Readonly<Record<string, string>>,
  options: MakeOptions = {},
): Admission {
  const directory = makeAttempt(store, x, files, options);
  return store.admit(madeKey(x).key, directory, { replace: options.replace ?? false });
}

/** Stores a result and gives it back. */
export function storeMade(
  store: CacheStore,
  x: unknown,
  files: Readonly<Record<string, string>> = {},
): StoredResult {
  const admission = admitMade(store, x, files);
  if (admission.outcome !== 'stored') throw new Error(admission.outcome);
  return admission.result;
}

export function openStore(directory: string, options: Partial<CacheStoreOptions> = {}): Promise<CacheStore> {
  return openCacheStore({ directory, writable: true, ...options });
}
