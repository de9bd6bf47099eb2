/** Results that others computed: caches that are only read (`--cache-from`). */
import { lstatSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { digestFile, filesOf, isSafeRelative, objectDirectory } from './artifact-store.js';
import type { CacheStore, KeyComponent, StoredResult, StoreWarning } from './cache-store.js';
import { keyOf } from './fingerprint.js';

/** What the own cache remembers of files: a file of an upstream is read once. */
export type FileMemory = Pick<CacheStore, 'knownFile' | 'rememberFile'>;

/**
 * Looks keys up in other caches. Nothing is believed that does not prove itself: the parts of a key must give the key,
 * paths must stay inside the object, and files must have the content that the record says. A result that does not is
 * passed over with a warning, and computed.
 */
export class UpstreamResults {
  readonly #stores: readonly CacheStore[];
  readonly #memory: FileMemory;
  readonly #warn: (warning: StoreWarning) => void;
  readonly #refused = new Set<string>();

  constructor(stores: readonly CacheStore[], memory: FileMemory, warn: (warning: StoreWarning) => void) {
    this.#stores = stores;
    this.#memory = memory;
    this.#warn = warn;
  }

  lookup(key: string): StoredResult | null {
    for (const store of this.#stores) {
      const found = store.lookup(key);
      if (found.outcome !== 'hit') continue;
      const wrong = this.#whyNot(store, key, found.result);
      if (wrong === null) return found.result;
      if (this.#refused.has(key)) continue;
      this.#refused.add(key);
      this.#warn({
        code: 'CACHE_CORRUPT',
        message: `a result of ${found.result.node} in ${store.directory} is not used: ${wrong}`,
        cure: 'tell the owner of that cache; the node is computed here instead',
      });
    }
    return null;
  }

  components(key: string): readonly KeyComponent[] {
    for (const store of this.#stores) {
      const components = store.components(key);
      if (components.length > 0) return components;
    }
    return [];
  }

  literal(digest: string): string | null {
    for (const store of this.#stores) {
      const json = store.literal(digest);
      if (json !== null) return json;
    }
    return null;
  }

  close(): void {
    for (const store of this.#stores) store.close();
  }

  #whyNot(store: CacheStore, key: string, result: StoredResult): string | null {
    if (keyOf(store.components(key)) !== key) return 'its key does not fit its parts';
    const root = objectDirectory(store.directory, key);
    for (const { rel, digest, bytes } of filesOf(result.outputs)) {
      if (!isSafeRelative(rel)) return `a path leaves the object: ${JSON.stringify(rel)}`;
      const file = path.join(result.outputDir, rel);
      const stat = lstatSync(file, { throwIfNoEntry: false });
      if (stat === undefined) return `${rel} is missing`;
      if (!stat.isFile() || !realpathSync(file).startsWith(realpathSync(root) + path.sep)) {
        return `${rel} is not a file of the object`;
      }
      if (stat.size !== bytes || this.#digest(file) !== digest) return `${rel} has another content`;
    }
    return null;
  }

  #digest(file: string): string {
    const known = this.#memory.knownFile(file);
    if (known !== null) return known.digest;
    const digest = digestFile(file);
    this.#memory.rememberFile(file, digest);
    return digest;
  }
}
