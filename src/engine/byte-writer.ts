/** Bytes that grow at the end; the parts that the canonical form is made of. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + bytes));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = at + bytes;
    return at;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  count(value: number): void {
    this.#count(this.#reserve(4), value);
  }

  /** A count in the place of an earlier one. */
  countAt(at: number, value: number): void {
    this.#count(at, value);
  }

  #count(at: number, value: number): void {
    const buffer = this.#buffer;
    buffer[at] = value & 0xff;
    buffer[at + 1] = (value >>> 8) & 0xff;
    buffer[at + 2] = (value >>> 16) & 0xff;
    buffer[at + 3] = value >>> 24;
  }

  number(value: number): void {
    const at = this.#reserve(8);
    // NaN has many bit patterns; Number.NaN as a constant gives one.
    if (Number.isNaN(value)) this.#buffer.writeBigUInt64LE(0x7ff8000000000000n, at);
    else this.#buffer.writeDoubleLE(value, at);
  }

  /** @returns false when the text is not Unicode: it holds half a surrogate pair */
  text(value: string): boolean {
    const { length } = value;
    // Most text here is short ASCII: names and hex digits. Written unit by unit it costs no call into C++.
    if (length <= 80) {
      const start = this.#reserve(4 + length);
      const buffer = this.#buffer;
      this.#count(start, length);
      let i = 0;
      for (; i < length; i += 1) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        buffer[start + 4 + i] = unit;
      }
      if (i === length) return true;
      this.#length = start;
    }
    if (/\p{Surrogate}/u.test(value)) return false;
    const bytes = Buffer.byteLength(value);
    this.count(bytes);
    const at = this.#reserve(bytes);
    this.#buffer.write(value, at, bytes, 'utf8');
    return true;
  }

  raw(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  get length(): number {
    return this.#length;
  }

  /** A view that the next write may change. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > LARGE_BUFFER_BYTES) this.#buffer = Buffer.allocUnsafe(LARGE_BUFFER_BYTES);
  }
}

/** A buffer that grew beyond this is not kept. */
const LARGE_BUFFER_BYTES = 1_048_576;
