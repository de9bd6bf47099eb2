/**
 * Memory for tensors, cut from a few large buffers: what is given back joins its free neighbours and serves arrays of
 * any length, so that the peak is close to the most that was in use at once. Lists by length would keep the largest
 * number of arrays of every length. The system backs a buffer with memory page by page as it is first written.
 */

/** Arrays start at multiples of a cache line; so do those of the allocator behind its own header. */
const LINE_BYTES = 64;
const ALLOCATOR_HEADER_BYTES = 16;
const FIRST_OFFSET = LINE_BYTES - ALLOCATOR_HEADER_BYTES;

/** The first buffer; each further one is as large as all before it together. */
const FIRST_BUFFER_BYTES = 2 ** 28;

/** A stretch of a buffer; neighbours in address order. */
interface Block {
  readonly chunk: Chunk;
  offset: number;
  bytes: number;
  free: boolean;
  previous: Block | null;
  next: Block | null;
}

interface Chunk {
  readonly buffer: ArrayBuffer;
  first: Block;
}

export class BufferArena {
  #chunks: Chunk[] = [];
  readonly #blocks = new WeakMap<Float32Array | Uint8Array, Block>();
  /** Arrays that nobody gave back, for example after an error inside a kernel. */
  readonly #lost = new FinalizationRegistry<Block>((block) => {
    this.#release(block);
  });
  #bytesInUse = 0;
  #mostBytesInUse = 0;

  /** Bytes of the arrays that are in use, and the most that were at once. */
  get usage(): { readonly bytes: number; readonly most: number } {
    return { bytes: this.#bytesInUse, most: this.#mostBytesInUse };
  }

  /** An array with arbitrary content. */
  floats(length: number): Float32Array {
    const block = this.#take(4 * length);
    return this.#handOut(block, new Float32Array(block.chunk.buffer, block.offset, length));
  }

  bytes(length: number): Uint8Array {
    const block = this.#take(length);
    return this.#handOut(block, new Uint8Array(block.chunk.buffer, block.offset, length));
  }

  /** Takes an array back; those from elsewhere are left alone. */
  giveBack(array: Float32Array | Uint8Array): void {
    const block = this.#blocks.get(array);
    if (block === undefined) return;
    this.#blocks.delete(array);
    this.#lost.unregister(array);
    this.#release(block);
  }

  /** Lets go of every buffer of which nothing is in use. */
  releaseUnused(): void {
    this.#chunks = this.#chunks.filter(({ first }) => !(first.free && first.next === null));
  }

  #release(block: Block): void {
    this.#bytesInUse -= block.bytes;
    release(block);
  }

  #handOut<T extends Float32Array | Uint8Array>(block: Block, array: T): T {
    this.#blocks.set(array, block);
    this.#lost.register(array, block, array);
    this.#bytesInUse += block.bytes;
    this.#mostBytesInUse = Math.max(this.#mostBytesInUse, this.#bytesInUse);
    return array;
  }

  /** The first free stretch that is large enough: low addresses were written before. */
  #take(bytes: number): Block {
    const rounded = Math.ceil(Math.max(1, bytes) / LINE_BYTES) * LINE_BYTES;
    for (const { first } of this.#chunks) {
      for (let block: Block | null = first; block !== null; block = block.next) {
        if (block.free && block.bytes >= rounded) return split(block, rounded);
      }
    }
    return split(this.#grow(rounded).first, rounded);
  }

  #grow(bytes: number): Chunk {
    const held = this.#chunks.reduce((total, { buffer }) => total + buffer.byteLength, 0);
    const size = Math.max(FIRST_BUFFER_BYTES, held, bytes + LINE_BYTES);
    const chunk = { buffer: new ArrayBuffer(size) } as Chunk;
    chunk.first = {
      chunk,
      offset: FIRST_OFFSET,
      bytes: size - FIRST_OFFSET,
      free: true,
      previous: null,
      next: null,
    };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** Takes the front of a free block. */
function split(block: Block, bytes: number): Block {
  block.free = false;
  if (block.bytes === bytes) return block;
  const rest: Block = {
    chunk: block.chunk,
    offset: block.offset + bytes,
    bytes: block.bytes - bytes,
    free: true,
    previous: block,
    next: block.next,
  };
  if (block.next !== null) block.next.previous = rest;
  block.next = rest;
  block.bytes = bytes;
  return block;
}

/** Frees a block and joins it with free neighbours. */
function release(block: Block): void {
  block.free = true;
  if (block.next?.free === true) absorbNext(block);
  if (block.previous?.free === true) absorbNext(block.previous);
}

function absorbNext(block: Block): void {
  const absorbed = block.next as Block;
  block.bytes += absorbed.bytes;
  block.next = absorbed.next;
  if (absorbed.next !== null) absorbed.next.previous = block;
}
