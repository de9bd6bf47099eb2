/**
 * What a run that ended well leaves for the next one of its workflow: under one signature of the graph, the keys of all
 * its instances. When the signature is the same again, instances whose outputs are values only need no key and no
 * look-up of their own: all that they follow from stands.
 *
 * Results that have files are looked up as ever, because a file may be lost or changed where nobody tells. A result that
 * leaves the index, or gives way to another one, takes this record with it.
 */
import { createHash, hash } from 'node:crypto';
import type { CacheStore } from './cache-store.js';
import type { InstanceTable } from './instance-table.js';

export interface StandingOptions {
  readonly workflow: string;
  readonly table: InstanceTable;
  readonly store: Pick<CacheStore, 'standing' | 'keepStanding' | 'lastKeys'>;
  /** Of the graph as it is now, see `graphSignature`; null when it is not known, or when every result is to be looked at. */
  readonly signature: string | null;
  /** Milliseconds since 1970; tests set it. */
  readonly now?: () => number;
}

/** The record, as it is kept: all that is listed is by instance, in the order of the graph. */
export interface Standing {
  readonly signature: string;
  /** `lastKeys` of the run that left it. */
  readonly lastKeys: string;
  /** ms since 1970; when the results were last marked as used. */
  readonly usedAt: number;
  /** Runs that made the results; null: not known. */
  readonly runs: readonly (string | null)[];
  /** 32 bytes each; zeros without a key. */
  readonly keys: Buffer;
  /** 1: done, and its outputs are values only. */
  readonly isPlain: Uint8Array;
  /** Places in `runs`. */
  readonly origins: Int32Array;
}

export const KEY_BYTES = 32;
const DIGEST_BYTES = 32;
const PLACE_BYTES = 4;
/** Results that are reused are marked as used at least so often; then they are looked up. */
const USED_STEP_MS = 86_400_000;

export class StandingResults {
  readonly #options: StandingOptions;
  readonly #known: Standing | null;
  /** By instance, 1: it has the result that it had when the record was left. */
  readonly #stands: Uint8Array;
  #standing = 0;

  constructor(options: StandingOptions) {
    const { store, workflow, table, signature } = options;
    this.#options = options;
    const count = table.graph.instances.length;
    this.#stands = new Uint8Array(count);
    const known = signature !== null ? store.standing(workflow) : null;
    const fits =
      known?.signature === signature &&
      known?.isPlain.length === count &&
      known.lastKeys === store.lastKeys(workflow) &&
      Math.abs(this.#now() - known.usedAt) < USED_STEP_MS;
    this.#known = fits ? known : null;
  }

  /** Takes the result of an instance all of whose dependencies have ended, when it is known to stand. */
  take(index: number): boolean {
    const known = this.#known;
    if (known === null || known.isPlain[index] !== 1) return false;
    const { offsets, targets } = this.#options.table.graph.dependencies;
    for (let edge = offsets[index] as number; edge < (offsets[index + 1] as number); edge++) {
      if (this.#stands[targets[edge] as number] !== 1) return false;
    }
    this.#options.table.stand(index, known.keys, known.runs[known.origins[index] as number] ?? null);
    this.#note(index);
    return true;
  }

  /** Takes the results of all instances at once, when every one of them is known to stand. */
  takeAll(): boolean {
    const known = this.#known;
    if (known === null || known.isPlain.includes(0)) return false;
    this.#options.table.standAll(known);
    this.#stands.fill(1);
    this.#standing = this.#stands.length;
    return true;
  }

  /** An instance was looked up, and has its result of an earlier run. */
  found(index: number): void {
    if (this.#known !== null && this.#options.table.hasKey(index, this.#known.keys)) this.#note(index);
  }

  /** Whether every instance has the result that it had when the record was left. */
  get isWhole(): boolean {
    return this.#known !== null && this.#standing === this.#stands.length;
  }

  /**
   * Leaves a record for the next run, unless the one that is there says the same.
   *
   * @param signature - of the graph with the files as the run has seen them; null when they changed meanwhile
   * @param lastKeys - what `keepLastKeys` was given
   */
  keep(signature: string | null, lastKeys: string): void {
    const { store, workflow, table } = this.#options;
    if (signature === null) return;
    if (this.#known?.signature === signature && this.#known.lastKeys === lastKeys) return;
    store.keepStanding(workflow, {
      signature,
      lastKeys,
      usedAt: this.#now(),
      ...table.standing(),
    });
  }

  #note(index: number): void {
    this.#stands[index] = 1;
    this.#standing += 1;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

interface Header {
  readonly format: 1;
  readonly signature: string;
  readonly last_keys: string;
  readonly used_at: number;
  readonly runs: readonly (string | null)[];
  readonly count: number;
}

/** One line of JSON, the keys, the marks, the places, and a digest of all that. */
export function encodeStanding(standing: Standing): Buffer {
  const { signature, lastKeys, usedAt, runs, keys, isPlain, origins } = standing;
  const count = isPlain.length;
  const header: Header = {
    ...{ format: 1, signature, last_keys: lastKeys, used_at: usedAt },
    ...{ runs, count },
  };
  const places = new Uint8Array(origins.buffer, origins.byteOffset, origins.byteLength);
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), keys, isPlain, places]);
  return Buffer.concat([bytes, createHash('sha256').update(bytes).digest()]);
}

/** Null when it is damaged, or of another release. */
export function decodeStanding(bytes: Buffer): Standing | null {
  const content = bytes.subarray(0, -DIGEST_BYTES);
  if (hash('sha256', content, 'hex') !== bytes.subarray(-DIGEST_BYTES).toString('hex')) return null;
  const end = content.indexOf(0x0a);
  const header = JSON.parse(content.toString('utf8', 0, end)) as Header;
  if (header.format !== 1) return null;
  const { signature, last_keys: lastKeys, used_at: usedAt, runs, count } = header;
  const keysAt = end + 1;
  const marksAt = keysAt + count * KEY_BYTES;
  const placesAt = marksAt + count;
  const origins = new Int32Array(count);
  new Uint8Array(origins.buffer).set(content.subarray(placesAt, placesAt + count * PLACE_BYTES));
  return {
    ...{ signature, lastKeys, usedAt, runs, origins },
    keys: content.subarray(keysAt, marksAt),
    isPlain: Uint8Array.from(content.subarray(marksAt, placesAt)),
  };
}
