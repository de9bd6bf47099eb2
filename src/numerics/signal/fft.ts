/** Largest prime factor of a length that is transformed directly; lengths with a larger one go through a convolution. */
const LARGEST_RADIX = 31;

/** Discrete Fourier transform of one length, any from 1 on: mixed radices, Bluestein's convolution for large primes. */
export class ComplexFft {
  readonly length: number;
  readonly #radices: readonly number[];
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #workRe: Float64Array;
  readonly #workIm: Float64Array;
  readonly #termRe = new Float64Array(LARGEST_RADIX);
  readonly #termIm = new Float64Array(LARGEST_RADIX);
  readonly #bluestein: Bluestein | null;

  constructor(length: number) {
    this.length = length;
    const radices = factors(length);
    this.#radices = radices ?? [];
    this.#bluestein = radices === null ? new Bluestein(length) : null;
    const size = radices === null ? 0 : length;
    this.#cos = new Float64Array(size);
    this.#sin = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      this.#cos[i] = Math.cos((2 * Math.PI * i) / length);
      this.#sin[i] = -Math.sin((2 * Math.PI * i) / length);
    }
    this.#workRe = new Float64Array(size);
    this.#workIm = new Float64Array(size);
  }

  /** Replaces (re, im), each of the length, by their transform: sum_t x_t exp(-2 pi i k t / n). */
  transform(re: Float64Array, im: Float64Array): void {
    if (this.#bluestein !== null) {
      this.#bluestein.transform(re, im);
      return;
    }
    let [a, b, c, d] = [re, im, this.#workRe, this.#workIm];
    let rest = this.length;
    let stride = 1;
    for (const radix of this.#radices) {
      rest /= radix;
      if (radix === 2) this.#pass2(rest, stride, a, b, c, d);
      else if (radix === 4) this.#pass4(rest, stride, a, b, c, d);
      else this.#passAny(radix, rest, stride, a, b, c, d);
      [a, b, c, d] = [c, d, a, b];
      stride *= radix;
    }
    if (a === re) return;
    re.set(a);
    im.set(b);
  }

  #pass2(rest: number, s: number, a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array): void {
    for (let q = 0; q < rest; q++) {
      const wr = this.#cos[q * s]!;
      const wi = this.#sin[q * s]!;
      for (let k = 0; k < s; k++) {
        const from = k + s * q;
        const other = from + s * rest;
        const to = k + 2 * s * q;
        const dr = a[from]! - a[other]!;
        const di = b[from]! - b[other]!;
        c[to] = a[from]! + a[other]!;
        d[to] = b[from]! + b[other]!;
        c[to + s] = dr * wr - di * wi;
        d[to + s] = dr * wi + di * wr;
      }
    }
  }

  #pass4(rest: number, s: number, a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array): void {
    const cos = this.#cos;
    const sin = this.#sin;
    const hop = s * rest;
    for (let q = 0; q < rest; q++) {
      const [w1r, w1i] = [cos[q * s]!, sin[q * s]!];
      const [w2r, w2i] = [cos[2 * q * s]!, sin[2 * q * s]!];
      const [w3r, w3i] = [cos[3 * q * s]!, sin[3 * q * s]!];
      for (let k = 0; k < s; k++) {
        const i0 = k + s * q;
        const i1 = i0 + hop;
        const i2 = i1 + hop;
        const i3 = i2 + hop;
        const [sumR, sumI] = [a[i0]! + a[i2]!, b[i0]! + b[i2]!];
        const [difR, difI] = [a[i0]! - a[i2]!, b[i0]! - b[i2]!];
        const [odR, odI] = [a[i1]! + a[i3]!, b[i1]! + b[i3]!];
        // -i times the difference of the odd pair.
        const [turnR, turnI] = [b[i1]! - b[i3]!, a[i3]! - a[i1]!];
        const to = k + 4 * s * q;
        c[to] = sumR + odR;
        d[to] = sumI + odI;
        const [r1, m1] = [difR + turnR, difI + turnI];
        c[to + s] = r1 * w1r - m1 * w1i;
        d[to + s] = r1 * w1i + m1 * w1r;
        const [r2, m2] = [sumR - odR, sumI - odI];
        c[to + 2 * s] = r2 * w2r - m2 * w2i;
        d[to + 2 * s] = r2 * w2i + m2 * w2r;
        const [r3, m3] = [difR - turnR, difI - turnI];
        c[to + 3 * s] = r3 * w3r - m3 * w3i;
        d[to + 3 * s] = r3 * w3i + m3 * w3r;
      }
    }
  }

  #passAny(
    p: number,
    rest: number,
    s: number,
    a: Float64Array,
    b: Float64Array,
    c: Float64Array,
    d: Float64Array,
  ): void {
    const cos = this.#cos;
    const sin = this.#sin;
    const termRe = this.#termRe;
    const termIm = this.#termIm;
    const root = this.length / p;
    for (let q = 0; q < rest; q++) {
      for (let k = 0; k < s; k++) {
        for (let j = 0; j < p; j++) {
          termRe[j] = a[k + s * (q + rest * j)]!;
          termIm[j] = b[k + s * (q + rest * j)]!;
        }
        for (let r = 0; r < p; r++) {
          let re = termRe[0]!;
          let im = termIm[0]!;
          for (let j = 1; j < p; j++) {
            const at = ((j * r) % p) * root;
            re += termRe[j]! * cos[at]! - termIm[j]! * sin[at]!;
            im += termRe[j]! * sin[at]! + termIm[j]! * cos[at]!;
          }
          const turn = q * r * s;
          const to = k + s * (p * q + r);
          c[to] = re * cos[turn]! - im * sin[turn]!;
          d[to] = re * sin[turn]! + im * cos[turn]!;
        }
      }
    }
  }
}

/** A transform as a circular convolution with a chirp, of a power-of-two length. */
class Bluestein {
  readonly #fft: ComplexFft;
  readonly #chirpRe: Float64Array;
  readonly #chirpIm: Float64Array;
  readonly #kernelRe: Float64Array;
  readonly #kernelIm: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  constructor(length: number) {
    const size = nextPowerOfTwo(2 * length - 1);
    this.#fft = new ComplexFft(size);
    this.#chirpRe = new Float64Array(length);
    this.#chirpIm = new Float64Array(length);
    this.#kernelRe = new Float64Array(size);
    this.#kernelIm = new Float64Array(size);
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
    // i^2 modulo 2 length, step by step: the square itself would lose digits.
    for (let i = 0, square = 0; i < length; i++) {
      const angle = (Math.PI * square) / length;
      this.#chirpRe[i] = Math.cos(angle);
      this.#chirpIm[i] = -Math.sin(angle);
      square = (square + 2 * i + 1) % (2 * length);
    }
    for (let i = 0; i < length; i++) {
      for (const at of i === 0 ? [0] : [i, size - i]) {
        this.#kernelRe[at] = this.#chirpRe[i]!;
        this.#kernelIm[at] = -this.#chirpIm[i]!;
      }
    }
    this.#fft.transform(this.#kernelRe, this.#kernelIm);
  }

  transform(re: Float64Array, im: Float64Array): void {
    const [x, y] = [this.#re.fill(0), this.#im.fill(0)];
    for (let i = 0; i < re.length; i++) {
      x[i] = re[i]! * this.#chirpRe[i]! - im[i]! * this.#chirpIm[i]!;
      y[i] = re[i]! * this.#chirpIm[i]! + im[i]! * this.#chirpRe[i]!;
    }
    this.#fft.transform(x, y);
    // The inverse transform is the transform of the conjugate.
    for (let i = 0; i < x.length; i++) {
      const product = x[i]! * this.#kernelRe[i]! - y[i]! * this.#kernelIm[i]!;
      y[i] = -(x[i]! * this.#kernelIm[i]! + y[i]! * this.#kernelRe[i]!);
      x[i] = product;
    }
    this.#fft.transform(x, y);
    for (let i = 0; i < re.length; i++) {
      const [r, m] = [x[i]! / x.length, -y[i]! / x.length];
      re[i] = r * this.#chirpRe[i]! - m * this.#chirpIm[i]!;
      im[i] = r * this.#chirpIm[i]! + m * this.#chirpRe[i]!;
    }
  }
}

/** Transform of real values: an even length through a complex transform of half of it. */
export class RealFft {
  readonly length: number;
  /** floor(length / 2) + 1. */
  readonly bins: number;
  readonly #fft: ComplexFft;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #isHalved: boolean;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /** @param length - from 1 on */
  constructor(length: number) {
    this.length = length;
    this.bins = Math.floor(length / 2) + 1;
    this.#isHalved = length % 2 === 0;
    const size = this.#isHalved ? length / 2 : length;
    this.#fft = new ComplexFft(size);
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
    const turns = this.#isHalved ? this.bins : 0;
    this.#cos = Float64Array.from({ length: turns }, (_, k) => Math.cos((Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: turns }, (_, k) => -Math.sin((Math.PI * k) / size));
  }

  /**
   * @param samples - (length), or fewer: zeros follow
   * @param re - (bins), receives the real parts
   * @param im - (bins), receives the imaginary parts
   */
  transform(samples: Float64Array, re: Float64Array, im: Float64Array): void {
    const [x, y] = [this.#re.fill(0), this.#im.fill(0)];
    if (!this.#isHalved) {
      x.set(samples);
      this.#fft.transform(x, y);
      re.set(x.subarray(0, this.bins));
      im.set(y.subarray(0, this.bins));
      return;
    }
    const half = x.length;
    for (let i = 0; i < samples.length; i += 2) x[i >> 1] = samples[i]!;
    for (let i = 1; i < samples.length; i += 2) y[i >> 1] = samples[i]!;
    this.#fft.transform(x, y);
    for (let k = 0; k <= half; k++) {
      const [a, b] = [k % half, (half - k) % half];
      const evenRe = 0.5 * (x[a]! + x[b]!);
      const evenIm = 0.5 * (y[a]! - y[b]!);
      const oddRe = 0.5 * (y[a]! + y[b]!);
      const oddIm = 0.5 * (x[b]! - x[a]!);
      const [c, s] = [this.#cos[k]!, this.#sin[k]!];
      re[k] = evenRe + c * oddRe - s * oddIm;
      im[k] = evenIm + c * oddIm + s * oddRe;
    }
  }
}

/** Smallest power of two that is not below n. */
export function nextPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/** Radices whose product is the length, or null when a prime factor is too large. */
function factors(length: number): number[] | null {
  const found: number[] = [];
  let rest = length;
  for (const radix of [4, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, LARGEST_RADIX]) {
    while (rest % radix === 0) {
      found.push(radix);
      rest /= radix;
    }
  }
  return rest === 1 ? found : null;
}
