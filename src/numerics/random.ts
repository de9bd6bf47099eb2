/**
 * Seeded random numbers: xoshiro128** 1.1 (Blackman & Vigna 2018, "Scrambled linear pseudorandom number
 * generators"), 128 bits of state, period 2^128 - 1. The state is four 32-bit words that can be stored and
 * given back, so an interrupted computation goes on with the numbers it would have drawn.
 *
 * Streams: the words come from SplitMix64 started at `seed + 2^32 * fnv1a32(purpose)`, so two purposes of one
 * seed are independent and adding draws to one does not move the other.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Use {@link seededRandom} or {@link SeededRandom.fromState}: not every state is a good one. */
  private constructor(words: readonly number[]) {
    [this.#a, this.#b, this.#c, this.#d] = words as [number, number, number, number];
  }

  /**
   * A stream that continues where {@link SeededRandom.state} was taken.
   *
   * @param state - four unsigned 32-bit words, not all 0
   * @throws RangeError when the state is not of that form
   */
  static fromState(state: readonly number[]): SeededRandom {
    const [a, b, c, d] = state;
    const isWord = (word: number | undefined): word is number =>
      word !== undefined && Number.isInteger(word) && word >= 0 && word <= 0xffffffff;
    if (state.length !== 4 || !isWord(a) || !isWord(b) || !isWord(c) || !isWord(d)) {
      throw new RangeError('the state of a random stream is four unsigned 32-bit words');
    }
    if ((a | b | c | d) === 0) throw new RangeError('the state of a random stream must not be all 0');
    return new SeededRandom([a | 0, b | 0, c | 0, d | 0]);
  }

  /** The state as four unsigned 32-bit words, JSON-safe. */
  state(): [number, number, number, number] {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0];
  }

  /** Next 32 random bits as an unsigned number. */
  nextUint32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return scrambled;
  }

  /** Uniform on [0, 1), 53 bits from two draws. */
  uniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** Uniform on [low, high). */
  uniformBetween(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Standard normal, Box-Muller with the cosine branch only: two uniforms per number, nothing kept between. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Whole number on [0, bound) without bias: draws in the incomplete last block are rejected. */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000) {
      throw new RangeError(`bound must be a whole number from 1 to 2^32, got ${bound}`);
    }
    const limit = 0x100000000 - (0x100000000 % bound);
    for (;;) {
      const draw = this.nextUint32();
      if (draw < limit) return draw % bound;
    }
  }

  /** The numbers 0 to count - 1 in random order (Fisher-Yates, from the last place to the first). */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const chosen = this.below(last + 1);
      const held = order[last]!;
      order[last] = order[chosen]!;
      order[chosen] = held;
    }
    return order;
  }
}

/**
 * The random numbers of one purpose under one seed.
 *
 * @param seed - whole number, 0 to 2^32 - 1
 * @param purpose - e.g. `initialisation`; every purpose is a stream of its own
 * @throws RangeError when the seed is not such a number
 */
export function seededRandom(seed: number, purpose: string): SeededRandom {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new RangeError(`seed must be a whole number from 0 to 4294967295, got ${seed}`);
  }
  let state = (BigInt(fnv1a32(purpose)) << 32n) | BigInt(seed);
  const words: number[] = [];
  while (words.length < 4) {
    state = (state + 0x9e3779b97f4a7c15n) & MASK_64;
    const mixed = splitMix64(state);
    words.push(Number(mixed & 0xffffffffn), Number(mixed >> 32n));
  }
  return SeededRandom.fromState(words);
}

const MASK_64 = (1n << 64n) - 1n;

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Output function of SplitMix64 (Steele, Lea & Flood 2014). */
function splitMix64(state: bigint): bigint {
  let mixed = ((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return mixed ^ (mixed >> 31n);
}

/** FNV-1a over the UTF-8 bytes of a text, 32 bits. */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
