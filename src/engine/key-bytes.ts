import { hash } from 'node:crypto';
import { ByteWriter } from './byte-writer.js';
import { TAG } from './canonical.js';

const FORMAT = 'node/1';

/**
 * The canonical form of `['node/1', [[kind, name, digest], ...]]`, written part by part: a key is made for every
 * instance of every run, and what stands before a digest is the same for all instances of a node.
 */
export class KeyBytes {
  readonly #writer = new ByteWriter();
  readonly #prefixes = new Map<string, Map<string, Buffer>>();
  #countAt = 0;
  #count = 0;

  begin(): this {
    const writer = this.#writer;
    writer.clear();
    writer.byte(TAG.list);
    writer.count(2);
    text(writer, FORMAT);
    writer.byte(TAG.list);
    this.#countAt = writer.length;
    this.#count = 0;
    writer.count(0);
    return this;
  }

  part(kind: string, name: string, { digest }: { readonly digest: string }): void {
    this.#writer.raw(this.#prefix(kind, name));
    text(this.#writer, digest);
    this.#count += 1;
  }

  /** SHA-256 of everything since `begin`, 64 hex digits. */
  digest(): string {
    this.#writer.countAt(this.#countAt, this.#count);
    return hash('sha256', this.#writer.bytes(), 'hex');
  }

  #prefix(kind: string, name: string): Buffer {
    let names = this.#prefixes.get(kind);
    if (names === undefined) this.#prefixes.set(kind, (names = new Map<string, Buffer>()));
    let prefix = names.get(name);
    if (prefix === undefined) {
      const writer = new ByteWriter();
      writer.byte(TAG.list);
      writer.count(3);
      text(writer, kind);
      text(writer, name);
      prefix = Buffer.from(writer.bytes());
      if (names.size >= MOST_NAMES) names.clear();
      names.set(name, prefix);
    }
    return prefix;
  }
}

/** Ports of workflows are few, and so are the places in joins that have a name. */
const MOST_NAMES = 4096;

/** Kinds, names of ports and digests are checked where they come from: text that is not Unicode cannot reach this. */
function text(writer: ByteWriter, value: string): void {
  writer.byte(TAG.text);
  if (!writer.text(value)) throw new Error(`part of a key is not text: ${JSON.stringify(value)}`);
}
