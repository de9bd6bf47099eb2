/** Eigenpairs near one shift by block Lanczos on (K - shift M)^-1 M, without restarts. */
import type { SmallEigen } from '../linalg/small-eigen.js';
import { seededRandom } from '../random.js';
import { BLOCK, type LanczosKernels, type Slice, type SliceTask, type SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

/** A slice, and what it is solved with. */
interface SliceProblem extends SliceTask {
  readonly kernels: LanczosKernels;
  readonly symbolic: SymbolicFactor;
  readonly pair: SolverPair;
  /** Working memory, see {@link basisBlocks}. */
  readonly basis: Float64Array;
}

// A column whose pivot falls under this part of its square norm has nothing new in it.
const DEPENDENT = 1e-13;

// Residuals of this many roundings of the largest theta, and at most this part of the wanted theta, count as none: the
// polish removes them.
const ROUNDINGS = 16;
const LARGEST_NOISE = 1e-8;
// A shift that one theta exceeds the smallest wanted one by more has cost more than four digits: it is moved.
const LARGEST_RATIO = 1e4;

/** Most blocks that the basis of a slice with `wanted` pairs may have. */
function basisBlocks(size: number, wanted: number): number {
  return Math.max(1, Math.min(Math.ceil((6 * wanted + 12 * BLOCK) / BLOCK), Math.floor(size / BLOCK)));
}

/** Slice after slice, in one working memory. */
export function solveSlices(
  kernels: LanczosKernels,
  symbolic: SymbolicFactor,
  pair: SolverPair,
  tasks: readonly SliceTask[],
): Slice[] {
  const most = Math.max(0, ...tasks.map(({ below, above }) => below + above));
  const basis = new Float64Array((basisBlocks(pair.size, most) + 1) * BLOCK * pair.size);
  return tasks.map((task) => new BlockLanczos({ ...task, kernels, symbolic, pair, basis }).run());
}

/** Largest relative residual of the wanted pairs when the basis had this many blocks. */
interface Tested {
  readonly blocks: number;
  readonly worst: number;
}

/**
 * Block Lanczos with full reorthogonalisation, where the addon (native/spectral_slice.cc) does it on demand: the known
 * three terms first, then one pass against the whole basis, then Cholesky-QR twice. The vectors returned
 * have the residual block added, which is one exact inverse iteration.
 *
 * @see Grimes, Lewis & Simon 1994, "A shifted block Lanczos algorithm for solving sparse symmetric generalized
 *   eigenproblems"
 */
class BlockLanczos {
  readonly #problem: SliceProblem;
  readonly #size: number;
  readonly #width: number;
  readonly #capacity: number;
  readonly #projected: Float64Array;
  readonly #draws;
  #image: Float64Array;
  #nextImage: Float64Array;
  #scaleOfOperator = 0;
  #solves = 0;

  constructor(problem: SliceProblem) {
    this.#problem = problem;
    this.#size = problem.pair.size;
    this.#width = BLOCK * this.#size;
    this.#capacity = basisBlocks(this.#size, problem.below + problem.above);
    const order = this.#capacity * BLOCK;
    this.#projected = new Float64Array(order * order);
    this.#draws = seededRandom(problem.seed, 'block Lanczos');
    this.#image = new Float64Array(this.#width);
    this.#nextImage = new Float64Array(this.#width);
  }

  run(): Slice {
    const { below, above } = this.#problem;
    const wanted = below + above;
    if (wanted === 0) {
      return {
        isConverged: true,
        eigenvalues: new Float64Array(0),
        vectors: new Float64Array(0),
        solves: 0,
        betterShift: null,
      };
    }
    let beta = this.#start();
    let blocks = 1;
    let next = Math.min(this.#capacity, Math.max(2, Math.floor((1.5 * wanted + 2 * BLOCK) / BLOCK)));
    let before: Tested | null = null;
    for (;;) {
      beta = this.#extend(blocks, beta);
      if (blocks >= next || blocks >= this.#capacity) {
        const { worst, isEnough, betterShift } = this.#convergence(blocks, beta);
        if (betterShift !== null) return this.#tooClose(betterShift);
        const isConverged = isEnough && worst <= this.#problem.tolerance;
        if (isConverged || blocks >= this.#capacity) return this.#ritz(blocks, beta, isConverged, isEnough);
        next = Math.min(this.#capacity, blocks + this.#stepAfter({ blocks, worst }, before));
        before = { blocks, worst };
      }
      this.#couple(blocks, beta);
      blocks++;
    }
  }

  /** Blocks until the next test: residuals fall about geometrically, so two tests tell where the third is worth while. */
  #stepAfter({ blocks, worst }: Tested, before: Tested | null): number {
    const { below, above, tolerance } = this.#problem;
    const usual = worst > 1e-6 ? Math.max(2, Math.floor((below + above) / (8 * BLOCK)) + 1) : 1;
    if (before === null || !Number.isFinite(before.worst) || !(worst < 0.5 * before.worst)) return usual;
    const rate = Math.log(before.worst / worst) / (blocks - before.blocks);
    const left = Math.log(worst / tolerance) / rate;
    return Math.min(8, Math.max(1, Math.floor(0.8 * left)));
  }

  #block(index: number): Float64Array {
    return this.#problem.basis.subarray(index * this.#width, (index + 1) * this.#width);
  }

  #solve(x: Float64Array): void {
    const { kernels, symbolic, factor } = this.#problem;
    kernels.solve(symbolic, factor, x, 1);
    this.#solves += BLOCK;
  }

  #multiplyMass(x: Float64Array, y: Float64Array): void {
    this.#problem.kernels.multiplyMass(this.#problem.pair, x, y, 1);
  }

  #randomColumn(w: Float64Array, column: number): void {
    for (let i = column; i < this.#width; i += BLOCK) w[i] = this.#draws.uniform() - 0.5;
  }

  /** A random block, smoothed by one application of the operator. */
  #start(): Float64Array {
    const first = this.#block(0);
    this.#problem.kernels.fillRandom(this.#problem.seed, this.#image);
    this.#multiplyMass(this.#image, first);
    this.#solve(first);
    this.#multiplyMass(first, this.#image);
    return this.#orthonormalise(first, this.#image, 0);
  }

  /** The next block of the basis; stores the diagonal block of the projected operator. @returns the coupling block */
  #extend(blocks: number, coupling: Float64Array): Float64Array {
    const { kernels, basis } = this.#problem;
    const size = this.#size;
    const last = blocks - 1;
    const w = this.#block(blocks);
    w.set(this.#image);
    this.#solve(w);
    if (last > 0) kernels.subtract(size, this.#block(last - 1), 1, transposed(coupling), w);
    const inner = new Float64Array(BLOCK * BLOCK);
    kernels.project(size, this.#image, 1, w, inner);
    kernels.subtract(size, this.#block(last), 1, inner, w);
    this.#multiplyMass(w, this.#nextImage);
    const again = new Float64Array(BLOCK * BLOCK * blocks);
    kernels.project(size, basis, blocks, this.#nextImage, again);
    kernels.subtract(size, basis, blocks, again, w);
    const order = this.#capacity * BLOCK;
    const at = BLOCK * BLOCK * last;
    for (let a = 0; a < BLOCK; a++) {
      for (let b = 0; b < BLOCK; b++) {
        const value =
          (inner[a * BLOCK + b]! +
            inner[b * BLOCK + a]! +
            again[at + a * BLOCK + b]! +
            again[at + b * BLOCK + a]!) /
          2;
        this.#projected[(last * BLOCK + a) * order + last * BLOCK + b] = value;
        if (a === b) this.#scaleOfOperator = Math.max(this.#scaleOfOperator, Math.abs(value));
      }
    }
    this.#multiplyMass(w, this.#nextImage);
    return this.#orthonormalise(w, this.#nextImage, blocks);
  }

  #couple(blocks: number, beta: Float64Array): void {
    const order = this.#capacity * BLOCK;
    const last = blocks - 1;
    for (let a = 0; a < BLOCK; a++) {
      for (let b = 0; b < BLOCK; b++) {
        this.#projected[(blocks * BLOCK + a) * order + last * BLOCK + b] = beta[a * BLOCK + b]!;
        this.#projected[(last * BLOCK + b) * order + blocks * BLOCK + a] = beta[a * BLOCK + b]!;
      }
    }
    const held = this.#image;
    this.#image = this.#nextImage;
    this.#nextImage = held;
  }

  /**
   * Makes w mass-orthonormal by Cholesky-QR, twice; `image` becomes M w. Dependent columns are replaced by random ones
   * made orthogonal to the basis: the Krylov space was exhausted in their direction.
   *
   * @returns R with w before = w after R
   */
  #orthonormalise(w: Float64Array, image: Float64Array, blocks: number): Float64Array {
    const { kernels, basis } = this.#problem;
    const size = this.#size;
    let r = identity();
    let passes = 2;
    for (let pass = 0; pass < passes && pass < 8; pass++) {
      const gram = new Float64Array(BLOCK * BLOCK);
      kernels.project(size, w, 1, image, gram);
      const { upper, inverse, dependent, smallestRatio } = factorGram(gram, this.#scaleOfOperator);
      kernels.scale(size, w, inverse);
      kernels.scale(size, image, inverse);
      r = product(upper, r);
      const isDependent = dependent.some(Boolean);
      if (!isDependent && !(pass === 0 && smallestRatio < 1e-8)) continue;
      dependent.forEach((is, column) => {
        if (is) this.#randomColumn(w, column);
      });
      const h = new Float64Array(BLOCK * BLOCK * blocks);
      for (let repeat = 0; repeat < (isDependent ? 2 : 1); repeat++) {
        this.#multiplyMass(w, image);
        kernels.project(size, basis, blocks, image, h);
        kernels.subtract(size, basis, blocks, h, w);
      }
      this.#multiplyMass(w, image);
      passes = Math.max(passes, pass + 3);
    }
    return r;
  }

  #eigen(blocks: number, lastEntries: number): SmallEigen {
    const order = this.#capacity * BLOCK;
    const n = blocks * BLOCK;
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) a.set(this.#projected.subarray(i * order, i * order + n), i * n);
    return this.#problem.kernels.smallEigen(n, a, lastEntries);
  }

  /** Largest relative residual of the wanted pairs, from the last entries of the small vectors alone. */
  #convergence(
    blocks: number,
    beta: Float64Array,
  ): { readonly worst: number; readonly isEnough: boolean; readonly betterShift: number | null } {
    const { below, above } = this.#problem;
    const n = blocks * BLOCK;
    const { values, rows } = this.#eigen(blocks, BLOCK);
    let negative = 0;
    for (const theta of values) if (theta < 0) negative++;
    if (negative < below || n - negative < above)
      return { worst: Infinity, isEnough: false, betterShift: null };
    // Where the shift lies beside an eigenvalue, rounding in that one large theta is all that is left in the others.
    const largest = Math.max(Math.abs(values[0]!), Math.abs(values[n - 1]!));
    const smallest = smallestWanted(values, below, above);
    const betterShift = largest > LARGEST_RATIO * smallest ? this.#gapCentre(values) : null;
    const noise = Math.min(ROUNDINGS * Number.EPSILON * largest, LARGEST_NOISE * smallest);
    let worst = 0;
    for (let c = 0; c < below + above; c++) {
      const index = c < below ? c : n - 1 - (c - below);
      let square = 0;
      for (let a = 0; a < BLOCK; a++) {
        let sum = 0;
        for (let b = 0; b < BLOCK; b++) sum += beta[a * BLOCK + b]! * rows[index * BLOCK + b]!;
        square += sum * sum;
      }
      const residual = Math.sqrt(square);
      if (residual > noise) worst = Math.max(worst, residual / Math.abs(values[index]!));
    }
    return { worst, isEnough: true, betterShift };
  }

  /** Middle between the eigenvalues on both sides of the shift, null where it is not clearly farther from both. */
  #gapCentre(values: Float64Array): number | null {
    const { mayMove, factor } = this.#problem;
    const left = 1 / values[0]!;
    const right = 1 / values.at(-1)!;
    const isInside = left < 0 && right > 0;
    if (!mayMove || !isInside || right - left < 8 * Math.min(-left, right)) return null;
    return factor.shift + (left + right) / 2;
  }

  #tooClose(betterShift: number): Slice {
    const none = new Float64Array(0);
    return { isConverged: false, eigenvalues: none, vectors: none, solves: this.#solves, betterShift };
  }

  #ritz(blocks: number, beta: Float64Array, isConverged: boolean, isEnough: boolean): Slice {
    const { below, above, factor, kernels, basis } = this.#problem;
    const wanted = isEnough ? below + above : 0;
    const n = blocks * BLOCK;
    const { values, rows } = this.#eigen(blocks, n);
    const outBlocks = Math.ceil(wanted / BLOCK);
    const all = blocks + 1;
    const coefficients = new Float64Array(outBlocks * all * BLOCK * BLOCK);
    const eigenvalues = new Float64Array(wanted);
    for (let c = 0; c < wanted; c++) {
      const index = c < below ? below - 1 - c : n - 1 - (c - below);
      const theta = values[index]!;
      eigenvalues[c] = factor.shift + 1 / theta;
      const at = Math.floor(c / BLOCK) * all * BLOCK * BLOCK + (c % BLOCK);
      for (let i = 0; i < n; i++) coefficients[at + i * BLOCK] = rows[index * n + i]!;
      for (let a = 0; a < BLOCK; a++) {
        let sum = 0;
        for (let b = 0; b < BLOCK; b++) sum += beta[a * BLOCK + b]! * rows[index * n + n - BLOCK + b]!;
        coefficients[at + (n + a) * BLOCK] = sum / theta;
      }
    }
    const vectors = new Float64Array(outBlocks * this.#width);
    kernels.combine(this.#size, basis, all, coefficients, outBlocks, vectors);
    return { isConverged, eigenvalues, vectors, solves: this.#solves, betterShift: null };
  }
}

/** Smallest absolute theta of the wanted pairs: the farthest one of each side. */
function smallestWanted(values: Float64Array, below: number, above: number): number {
  const left = below > 0 ? Math.abs(values[below - 1]!) : Infinity;
  const right = above > 0 ? Math.abs(values[values.length - above]!) : Infinity;
  return Math.min(left, right);
}

function identity(): Float64Array {
  const g = new Float64Array(BLOCK * BLOCK);
  for (let i = 0; i < BLOCK; i++) g[i * BLOCK + i] = 1;
  return g;
}

function transposed(g: Float64Array): Float64Array {
  return g.map((_, at) => g[(at % BLOCK) * BLOCK + Math.floor(at / BLOCK)]!);
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  const c = new Float64Array(BLOCK * BLOCK);
  for (let i = 0; i < BLOCK; i++) {
    for (let j = 0; j < BLOCK; j++) {
      for (let k = 0; k < BLOCK; k++) c[i * BLOCK + j]! += a[i * BLOCK + k]! * b[k * BLOCK + j]!;
    }
  }
  return c;
}

interface GramFactor {
  /** Upper triangular R of gram = R'R, with zero rows for dependent columns. */
  readonly upper: Float64Array;
  /** Inverse of R, with ones on the diagonal of dependent columns. */
  readonly inverse: Float64Array;
  readonly dependent: readonly boolean[];
  /** Smallest square pivot over square norm. */
  readonly smallestRatio: number;
}

function factorGram(gram: Float64Array, scaleOfOperator: number): GramFactor {
  const upper = new Float64Array(BLOCK * BLOCK);
  const dependent = new Array<boolean>(BLOCK).fill(false);
  let smallestRatio = 1;
  for (let j = 0; j < BLOCK; j++) {
    const square = gram[j * BLOCK + j]!;
    let pivot = square;
    for (let q = 0; q < j; q++) pivot -= upper[q * BLOCK + j]! ** 2;
    if (!(pivot > DEPENDENT * square) || !(square > 1e-28 * scaleOfOperator ** 2)) {
      dependent[j] = true;
      continue;
    }
    smallestRatio = Math.min(smallestRatio, pivot / square);
    const root = Math.sqrt(pivot);
    upper[j * BLOCK + j] = root;
    for (let i = j + 1; i < BLOCK; i++) {
      let sum = gram[i * BLOCK + j]!;
      for (let q = 0; q < j; q++) sum -= upper[q * BLOCK + i]! * upper[q * BLOCK + j]!;
      upper[j * BLOCK + i] = sum / root;
    }
  }
  const inverse = new Float64Array(BLOCK * BLOCK);
  for (let column = 0; column < BLOCK; column++) {
    for (let i = BLOCK - 1; i >= 0; i--) {
      let sum = i === column ? 1 : 0;
      // A dependent column is replaced later: here it neither takes from the others nor gives to them.
      for (let q = i + 1; q < BLOCK; q++) {
        if (!dependent[q]) sum -= upper[i * BLOCK + q]! * inverse[q * BLOCK + column]!;
      }
      inverse[i * BLOCK + column] = dependent[i] ? (i === column ? 1 : 0) : sum / upper[i * BLOCK + i]!;
    }
  }
  return { upper, inverse, dependent, smallestRatio };
}
