/**
 * Copies results to where people look for them. A final name appears by rename only, and the members of a group
 * appear together: all copies are made under temporary names before the first is renamed.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { ConfigError } from '../errors.js';
import type { CacheStore, OutputRecord, StoredResult } from './cache-store.js';
import type { Publication } from './graph.js';
import { killPoint } from './kill-points.js';
import { makeDirectory } from './make-directory.js';
import { outputError } from './output-error.js';

/** One file to copy. */
interface Copy {
  readonly source: string;
  readonly target: string;
  readonly digest: string;
  readonly part: string;
}

export interface PublishedFile {
  /** Relative to the output directory, with `/`. */
  readonly path: string;
  /** Whether it was written now; false when it was there already. */
  readonly fresh: boolean;
  readonly instance: number;
  /** SHA-256 of its content. */
  readonly digest: string;
}

const WRITABLE_BY_OWNER = 0o666;

export class Publisher {
  readonly #outputDir: string;
  readonly #runId: string;
  readonly #store: Pick<CacheStore, 'knownFile' | 'hashFile' | 'rememberFile'>;
  readonly #mode: number;

  constructor(
    outputDir: string,
    runId: string,
    store: Pick<CacheStore, 'knownFile' | 'hashFile' | 'rememberFile'>,
  ) {
    this.#outputDir = resolve(outputDir);
    this.#runId = runId;
    this.#store = store;
    const umask = process.umask();
    this.#mode = WRITABLE_BY_OWNER & ~umask;
  }

  /**
   * Publishes together. A target with the recorded content is left as it is; any other is replaced.
   *
   * @param results - the result of the instance of each publication
   * @throws StorageError IO_FULL, IO_DENIED or IO with the path; ConfigError GRAPH_PUBLISH for a target outside
   */
  async publish(
    members: readonly { readonly publication: Publication; readonly result: StoredResult }[],
  ): Promise<PublishedFile[]> {
    const published: PublishedFile[] = [];
    const copies: Copy[] = [];
    for (const { publication, result } of members) {
      for (const file of this.#filesOf(publication, result)) {
        const fresh = !(await this.#isThere(file.target, file.digest));
        const { digest } = file;
        published.push({ path: this.#name(file.target), fresh, instance: publication.instance, digest });
        if (fresh) copies.push(file);
      }
    }
    try {
      for (const copy of copies) this.#copy(copy);
      for (const copy of copies) this.#rename(copy);
    } catch (error) {
      for (const { part } of copies) rmSync(part, { force: true });
      throw error;
    }
    return published;
  }

  /** Removes the temporary copies that runs left which died while they published. */
  sweep(deadRuns: readonly string[], publications: readonly Publication[]): void {
    if (deadRuns.length === 0) return;
    const folders = new Set<string>();
    for (const { target } of publications) {
      const path = resolve(this.#outputDir, target);
      // A list is published into the target, anything else beside it.
      folders.add(path).add(dirname(path));
    }
    for (const folder of folders) {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
      for (const name of readdirSync(folder)) {
        if (deadRuns.some((id) => name.endsWith(`.part-${id}`))) rmSync(join(folder, name), { force: true });
      }
    }
  }

  #filesOf(publication: Publication, result: StoredResult): Copy[] {
    const record = result.outputs[publication.port] ?? { kind: 'null' };
    const root = resolve(this.#outputDir, publication.target);
    const copies: Copy[] = [];
    const add = (item: OutputRecord, target: string): void => {
      if (item.kind !== 'file') return;
      this.#checkInside(target);
      copies.push({
        source: join(result.outputDir, item.rel),
        target,
        digest: item.digest,
        part: `${target}.part-${this.#runId}`,
      });
    };
    if (record.kind === 'list') {
      for (const item of record.items)
        if (item.kind === 'file') add(item, join(root, posix.basename(item.rel)));
    } else add(record, root);
    return copies;
  }

  #checkInside(target: string): void {
    const rel = relative(this.#outputDir, target);
    if (rel !== '' && rel !== '..' && !rel.startsWith(`..${sep}`) && !isAbsolute(rel)) return;
    throw new ConfigError('GRAPH_PUBLISH', `published file ${target} lies outside the output directory`, {
      where: target,
      cure: `choose a place inside ${this.#outputDir}`,
    });
  }

  async #isThere(target: string, digest: string): Promise<boolean> {
    try {
      if (lstatSync(target, { throwIfNoEntry: false })?.isFile() !== true) return false;
    } catch (cause) {
      throw outputError(cause, target);
    }
    const facts = this.#store.knownFile(target) ?? (await this.#store.hashFile(target));
    return facts.state === 'present' && facts.digest === digest;
  }

  #copy({ source, target, part }: Copy): void {
    try {
      makeDirectory(dirname(target));
      copyFileSync(source, part, constants.COPYFILE_FICLONE);
      chmodSync(part, this.#mode);
      const fd = openSync(part, 'r');
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw outputError(cause, target);
    }
    killPoint('publish-part-written');
  }

  #rename({ part, target, digest }: Copy): void {
    try {
      renameSync(part, target);
    } catch (cause) {
      throw outputError(cause, target);
    }
    this.#store.rememberFile(target, digest);
    killPoint('publish-renamed');
  }

  #name(target: string): string {
    return relative(this.#outputDir, target).split(sep).join('/');
  }
}
