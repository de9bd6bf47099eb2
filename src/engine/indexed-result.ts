import path from 'node:path';
import { objectDirectory, OUTPUT_FOLDER } from './artifact-store.js';
import type { StoredResult } from './cache-store.js';
import type { ResultRow } from './index-rows.js';

/** A result as the index knows it. Runs hold one per instance, so what follows from the key is made when asked for. */
export class IndexedResult implements StoredResult {
  readonly state: 'done' | 'skipped';
  readonly skipReason: string | null;
  readonly outputs: StoredResult['outputs'];
  readonly outDigest: string;
  readonly runId: string | null;
  readonly #directory: string;
  readonly #row: Omit<ResultRow, 'lastUsed'>;

  constructor(
    directory: string,
    readonly key: string,
    row: Omit<ResultRow, 'lastUsed'>,
  ) {
    this.#directory = directory;
    this.#row = row;
    this.state = row.state;
    this.skipReason = row.skipReason;
    this.outputs = row.outputs;
    this.outDigest = row.outDigest;
    this.runId = row.runId;
  }

  get node(): string {
    return this.#row.node;
  }

  get version(): number {
    return this.#row.version;
  }

  get ms(): number {
    return this.#row.ms;
  }

  get peakMb(): number {
    return this.#row.peakMb;
  }

  get bytes(): number {
    return this.#row.bytes;
  }

  get outputDir(): string {
    return path.join(objectDirectory(this.#directory, this.key), OUTPUT_FOLDER);
  }
}
