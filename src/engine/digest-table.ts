import type { Hash } from 'node:crypto';

/** SHA-256 digests by number, 32 bytes each; grows as needed. */
export class DigestTable {
  #bytes: Buffer;
  /** One bit would do; a byte is read faster. */
  #isSet: Uint8Array;

  /** @param size - how many are expected */
  constructor(size: number) {
    this.#bytes = Buffer.alloc(size * DIGEST_BYTES);
    this.#isSet = new Uint8Array(size);
  }

  /** @param digest - 64 hex digits */
  set(at: number, digest: string): void {
    if (at >= this.#isSet.length) this.#grow(at + 1);
    this.#bytes.write(digest, at * DIGEST_BYTES, DIGEST_BYTES, 'hex');
    this.#isSet[at] = 1;
  }

  /** Takes over the digest that stands at the same number in a list of digests. */
  copy(at: number, list: Buffer): void {
    if (at >= this.#isSet.length) this.#grow(at + 1);
    list.copy(this.#bytes, at * DIGEST_BYTES, at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
    this.#isSet[at] = 1;
  }

  /** Takes over a list of digests, from number 0 on. */
  copyAll(list: Buffer): void {
    const count = list.length / DIGEST_BYTES;
    if (count > this.#isSet.length) this.#grow(count);
    list.copy(this.#bytes);
    this.#isSet.fill(1, 0, count);
  }

  /** Whether the digest is the one that stands at the same number in a list of digests. */
  equals(at: number, list: Buffer): boolean {
    const from = at * DIGEST_BYTES;
    const to = from + DIGEST_BYTES;
    return this.#isSet[at] === 1 && this.#bytes.compare(list, from, to, from, to) === 0;
  }

  /** The first `count` digests; zeros where none is set. */
  list(count: number): Buffer {
    if (count > this.#isSet.length) this.#grow(count);
    return Buffer.from(this.#bytes.subarray(0, count * DIGEST_BYTES));
  }

  /** 64 hex digits, or null. */
  get(at: number): string | null {
    if (this.#isSet[at] !== 1) return null;
    return this.#bytes.toString('hex', at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
  }

  /** Adds the first `count` digests, and which of them are set, to a hash. */
  addTo(hash: Hash, count: number): void {
    if (count > this.#isSet.length) this.#grow(count);
    hash.update(this.#isSet.subarray(0, count));
    hash.update(this.#bytes.subarray(0, count * DIGEST_BYTES));
  }

  #grow(size: number): void {
    const capacity = Math.max(size, Math.ceil(this.#isSet.length * 1.5));
    const bytes = Buffer.alloc(capacity * DIGEST_BYTES);
    this.#bytes.copy(bytes);
    this.#bytes = bytes;
    const isSet = new Uint8Array(capacity);
    isSet.set(this.#isSet);
    this.#isSet = isSet;
  }
}

const DIGEST_BYTES = 32;
