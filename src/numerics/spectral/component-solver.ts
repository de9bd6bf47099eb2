/** Eigenpairs of one connected symmetric pair: ordering, slices, polish and gate. */
import { ProcessingError } from '../../errors.js';
import type { PairFacts } from '../../native/index.js';
import { NotConvergedError, type PartialPairs } from './not-converged.js';
import { correct, polish, type BlockPairs } from './polish.js';
import {
  chooseShifts,
  COUNTING_GROWTH,
  definiteFactor,
  joinSlices,
  shiftsInGaps,
  sliceShares,
  steadyFactor,
  type FactorSource,
  type SliceShare,
  type Taken,
} from './slice-plan.js';
import {
  BLOCK,
  GROUP,
  type NumericFactor,
  type Slice,
  type SliceTask,
  type SolverKernels,
  type SolverPair,
} from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';
import { notDefinite } from './symmetric-pencil.js';

/** Lanczos residual that is accepted before the polish. */
const TOLERANCE = 1e-11;
// No slice above the last one helps the polish to remove what is left there.
const LAST_TOLERANCE = 1e-13;
// Down to the root of the rounding unit the projected operator keeps all its digits (Simon 1984); the polish makes the
// result orthonormal.
const MOST_LOST = 1e-9;
// Where the pairs are no small part of all there are, the polish hardly damps what slices leave: they leave nothing.
const LEAST_LOST = 1e-13;
// One polish is enough but where pivots grew: there a second one removes what rounding in that factor left.
const MOST_POLISHES = 3;
const GOOD_BACKWARD = 8e-15;
const ACCEPTED_BACKWARD = 1e-14;
// Vectors from a factor with more growth are corrected with it once: its rounding errors then count squared. Growth of 30
// left 1e-14 after one polish (hippocampus, k = 300), growth below 25 at most 5e-15 on all reference meshes.
const REFINED_GROWTH = 25;
const FIRST_SPARE = 4;
// What slices leave of the pairs above them falls with the distance of those.
const CAREFUL_SPARE = 32;
const MOST_SPARE = 128;
/** Neighbours closer than this, relatively, are one cluster: never cut there. */
export const CLUSTER_GAP = 1e-6;
// Beyond this no digit is left: all pairs are taken from one definite factor instead, which cannot grow.
const USABLE_GROWTH = 1e10;
const REMEMBERED = 4;

interface Remembered {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly symbolic: SymbolicFactor;
}

// The one used last stands last.
const remembered: Remembered[] = [];

/** The symbolic step of a pattern; that of the last four patterns is kept, for surfaces with the same faces. */
function symbolicOf(kernels: SolverKernels, { size, starts, columns }: SolverPair): SymbolicFactor {
  const at = remembered.findIndex((known) => isSame(known.starts, starts) && isSame(known.columns, columns));
  const [known] = at < 0 ? [] : remembered.splice(at, 1);
  const symbolic = known?.symbolic ?? kernels.analyse(size, starts, columns);
  // `columns` may stand in a larger buffer, which would live on.
  remembered.push(known ?? { starts: starts.slice(), columns: columns.slice(), symbolic });
  if (remembered.length > REMEMBERED) remembered.shift();
  return symbolic;
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Vectors `columns` of some blocks are the pairs `places` of a list. */
interface Piece {
  readonly vectors: Float64Array;
  readonly columns: Int32Array;
  readonly places: Int32Array;
}

/** Pairs of one component before the polish. */
export interface RawPairs {
  readonly count: number;
  /** Ascending. */
  readonly eigenvalues: Float64Array;
  /** Where the vectors stand. The polish empties the list: they are large, and not needed again. */
  readonly pieces: Piece[];
  /** Whether these are all pairs of the component. */
  readonly isComplete: boolean;
  /** Whether all was done that slices can do for their digits. */
  readonly isCareful: boolean;
}

/** Pairs after the polish, ascending; vectors in the order of elimination. */
export interface PolishedPairs {
  readonly count: number;
  readonly eigenvalues: Float64Array;
  readonly vectors: Float64Array;
  /** Which of the vectors belongs to each pair, -1 for the constant one, which is not among them. */
  readonly columns: Int32Array;
  /** Value of the constant vector. */
  readonly constant: number;
  readonly residuals: Float64Array;
  /** Residual over eigenvalue, 0 where the eigenvalue is exactly 0. */
  readonly relativeResiduals: Float64Array;
  readonly backwardResidual: number;
  readonly orthonormality: number;
}

/** Solver of one component; its symbolic step is shared by all calls. */
export class ComponentSolver {
  readonly size: number;
  readonly mass: number;
  readonly order: Int32Array;
  readonly #source: FactorSource;
  readonly #facts: PairFacts;
  readonly #hasConstant: boolean;

  constructor(kernels: SolverKernels, pair: SolverPair) {
    const symbolic = symbolicOf(kernels, pair);
    this.size = pair.size;
    this.order = symbolic.order;
    this.#source = { kernels, symbolic, pair: kernels.permute(pair, symbolic.order) };
    this.#facts = kernels.facts(pair);
    this.mass = this.#facts.totalMass;
    this.#hasConstant = this.#facts.isLaplacian;
    if (!this.#facts.hasDominantMass) this.#requireDefiniteMass();
  }

  #requireDefiniteMass(): void {
    const { kernels, symbolic, pair } = this.#source;
    const alone: SolverPair = { ...pair, stiffness: pair.mass, mass: new Float64Array(pair.mass.length) };
    const { inertia, growth } = kernels.factor(symbolic, alone, 0);
    if (growth === Infinity) throw notDefinite('a pivot of 0');
    if (inertia > 0) throw notDefinite(`${inertia} negative pivots`);
  }

  /** At least `wanted` smallest pairs (all, where there are not more), ascending and without a gap. */
  solve(wanted: number): RawPairs {
    const isDense = this.size <= Math.max(2 * wanted, 200);
    return isDense ? this.#solveDense(wanted) : this.#solveSliced(wanted, null);
  }

  /** Number of eigenvalues below a shift between two known ones; the steadiest of a few places inside. */
  countBetween(lower: number, upper: number): { readonly shift: number; readonly count: number } {
    const { shift, inertia } = steadyFactor(
      this.#source,
      (lower + upper) / 2,
      4 * (upper - lower),
      COUNTING_GROWTH,
    );
    return { shift, count: inertia };
  }

  #solveDense(wanted: number): RawPairs {
    const { kernels, pair } = this.#source;
    const n = this.size;
    const stiffness = new Float64Array(n * n);
    const mass = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let e = pair.starts[i]!; e < pair.starts[i + 1]!; e++) {
        stiffness[i * n + pair.columns[e]!] = pair.stiffness[e]!;
        mass[i * n + pair.columns[e]!] = pair.mass[e]!;
      }
    }
    const { values, rows } = kernels.pencil(n, stiffness, mass);
    const count = Math.min(n, wanted + FIRST_SPARE);
    const vectors = new Float64Array(Math.ceil(count / BLOCK) * BLOCK * n);
    for (let c = 0; c < count; c++) {
      const from = Math.floor(c / BLOCK) * BLOCK * n + (c % BLOCK);
      for (let i = 0; i < n; i++) vectors[from + BLOCK * i] = rows[c * n + i]!;
    }
    const all = Int32Array.from(counting(count));
    return {
      count,
      eigenvalues: values.slice(0, count),
      pieces: [{ vectors, columns: all, places: all }],
      isComplete: count === n,
      isCareful: true,
    };
  }

  /**
   * @param known - eigenvalues of a first try, for one with all the care there is
   */
  #solveSliced(wanted: number, known: Float64Array | null): RawPairs {
    const isCareful = known !== null;
    const chosen =
      known === null
        ? chooseShifts(this.#source, wanted, this.mass)
        : shiftsInGaps(this.#source, known, wanted);
    const isUsable = chosen.every(({ growth }) => growth <= USABLE_GROWTH);
    const factors = isUsable ? chosen : [definiteFactor(this.#source, this.mass)];
    for (let spare = isCareful ? CAREFUL_SPARE : FIRST_SPARE; spare <= MOST_SPARE; spare *= 2) {
      const top = Math.max(0, wanted - factors.at(-1)!.inertia) + spare;
      const shares = sliceShares(factors, spare, top);
      const slices = this.#slices(factors, shares, spare, isCareful);
      const { taken, cutGap } = joinSlices(factors, shares, slices);
      if (cutGap < CLUSTER_GAP) continue;
      return {
        count: taken.length,
        eigenvalues: Float64Array.from(taken, ({ eigenvalue }) => eigenvalue),
        pieces: takenPieces(taken, slices),
        isComplete: false,
        isCareful,
      };
    }
    throw new ProcessingError(
      'NOT_CONVERGED',
      `more than ${MOST_SPARE} eigenvalues are one cluster between two slices`,
      {
        where: 'eigsh',
        cure: 'split the surface into its connected parts, or ask for fewer eigenpairs',
      },
    );
  }

  #slices(
    factors: readonly NumericFactor[],
    shares: readonly SliceShare[],
    round: number,
    isCareful: boolean,
  ): Slice[] {
    const { kernels, symbolic, pair } = this.#source;
    const tasks = factors.map((factor, i): SliceTask => ({
      ...shares[i]!,
      factor,
      seed: 1000 * round + i,
      tolerance: isCareful || i + 1 === factors.length ? LAST_TOLERANCE : TOLERANCE,
      mostLost: isCareful ? LEAST_LOST : MOST_LOST,
      mayMove: true,
    }));
    const finished: Slice[] = [];
    kernels.slices(symbolic, pair, tasks).forEach((given, i) => {
      const task = given.betterShift === null ? tasks[i]! : this.#moved(tasks[i]!, given.betterShift);
      const slice = given.betterShift === null ? given : kernels.slices(symbolic, pair, [task])[0]!;
      if (!slice.isConverged) {
        throw new NotConvergedError(
          `block Lanczos did not find ${task.below + task.above} pairs near ${factors[i]!.shift}`,
          this.#partial(factors, shares, finished),
          {
            where: 'eigsh',
            cure: 'the matrix may be ill-conditioned: see the smallest angle of the mesh, or use operator intrinsic_delaunay',
          },
        );
      }
      const { factor } = task;
      if (factor.growth > REFINED_GROWTH)
        correct({ ...this.#source, factor }, slice.eigenvalues, slice.vectors);
      finished.push(slice);
    });
    return finished;
  }

  /** The task at a shift farther from its neighbours, where the count is the same there and pivots stay small. */
  #moved(task: SliceTask, shift: number): SliceTask {
    const moved = this.#source.kernels.factor(this.#source.symbolic, this.#source.pair, shift);
    const isSame = moved.inertia === task.factor.inertia && moved.growth < 10 * task.factor.growth;
    return { ...task, factor: isSame ? moved : task.factor, mayMove: false };
  }

  /** What the slices before a failed one have found, without a gap. */
  #partial(
    factors: readonly NumericFactor[],
    shares: readonly SliceShare[],
    slices: readonly Slice[],
  ): PartialPairs {
    const n = this.size;
    const { taken } = joinSlices(factors, shares, slices);
    const k = taken.length;
    const eigenvectors = new Float64Array(n * k);
    for (const { vectors, columns, places } of takenPieces(taken, slices))
      this.#source.kernels.toRows(n, vectors, columns, this.order, n, k, eigenvectors, places);
    return { eigenvalues: Float64Array.from(taken, ({ eigenvalue }) => eigenvalue), eigenvectors };
  }

  /** The first `count` pairs, corrected and measured; solved anew with more care where that is not enough. */
  polish(raw: RawPairs, count: number): PolishedPairs {
    const first = this.#polished(raw, count);
    if (raw.isCareful || first.backwardResidual <= ACCEPTED_BACKWARD) return first;
    const second = this.#polished(this.#solveSliced(count, raw.eigenvalues), count);
    // What the first try found was counted: the second has to be the same eigenvalues, with more digits.
    const isTheSame = second.eigenvalues.every(
      (value, c) =>
        Math.abs(value - first.eigenvalues[c]!) <=
        CLUSTER_GAP * Math.max(Math.abs(value), Math.abs(first.eigenvalues.at(-1)!) / 1e3),
    );
    return isTheSame && second.backwardResidual < first.backwardResidual ? second : first;
  }

  #polished(raw: RawPairs, count: number): PolishedPairs {
    const { kernels, symbolic, pair } = this.#source;
    const values = raw.eigenvalues;
    // The spare pairs take part: errors of the last ones lie mostly in their direction.
    let rest = this.#gathered(raw, this.#hasConstant ? this.#constantPlace(raw) : null);
    raw.pieces.length = 0;
    if (rest.count === 0) return this.#measured(rest, count);
    // Of one pair alone, which may be the zero mode, the next one says how far is far.
    const last = values[Math.min(raw.count, Math.max(count, 2)) - 1]!;
    const range = last - values[0]! || Math.abs(values[0]!) || 1 / this.mass;
    const lowest = this.#hasConstant ? Math.min(values[0]!, 0) : values[0]!;
    const factor = kernels.factor(symbolic, pair, lowest - range / (2 * count));
    if (factor.inertia !== 0 || factor.growth === Infinity) {
      throw new ProcessingError('NOT_CONVERGED', 'eigenvalues were found below the smallest one', {
        where: 'eigsh',
        cure: 'report this matrix: the factorisation has lost its digits',
      });
    }
    let best: PolishedPairs | undefined;
    for (let round = 0; round < MOST_POLISHES; round++) {
      if (round > 0) rest = { ...rest, vectors: rest.vectors.slice() };
      rest.eigenvalues.set(
        polish({ kernels, symbolic, pair, factor }, rest, this.#hasConstant ? this.mass : null),
      );
      const polished = this.#measured(rest, count);
      if (best === undefined || polished.backwardResidual < best.backwardResidual) best = polished;
      if (best.backwardResidual <= GOOD_BACKWARD) break;
    }
    return best!;
  }

  /** Which of the pairs is the constant vector. */
  #constantPlace(raw: RawPairs): number {
    const width = BLOCK * this.size;
    const image = this.#imageOfOnes();
    const overlaps = new Float64Array(BLOCK);
    let best = 0;
    let largest = -1;
    for (const { vectors, columns, places } of raw.pieces) {
      let block = -1;
      columns.forEach((column, i) => {
        const own = Math.floor(column / BLOCK);
        if (own !== block) {
          block = own;
          const head = vectors.subarray(block * width, (block + 1) * width);
          this.#source.kernels.columnDots(this.size, image, head, overlaps);
        }
        const overlap = Math.abs(overlaps[column % BLOCK]!);
        if (overlap <= largest) return;
        largest = overlap;
        best = places[i]!;
      });
    }
    return best;
  }

  /** M times a block of ones. */
  #imageOfOnes(): Float64Array {
    const { kernels, pair } = this.#source;
    const image = new Float64Array(BLOCK * this.size);
    kernels.multiplyMass(pair, new Float64Array(image.length).fill(1), image, 1);
    return image;
  }

  /** All pairs but one in blocks of their own. */
  #gathered(raw: RawPairs, without: number | null): BlockPairs {
    const kept = counting(raw.count).filter((place) => place !== without);
    const positions = new Int32Array(raw.count).fill(-1);
    kept.forEach((place, position) => (positions[place] = position));
    const vectors = new Float64Array(Math.ceil(kept.length / BLOCK) * BLOCK * this.size);
    for (const piece of raw.pieces) {
      const own = counting(piece.columns.length).filter((i) => positions[piece.places[i]!]! >= 0);
      const from = Int32Array.from(own, (i) => piece.columns[i]!);
      const to = Int32Array.from(own, (i) => positions[piece.places[i]!]!);
      this.#source.kernels.copyColumns(this.size, piece.vectors, from, vectors, to);
    }
    return {
      count: kept.length,
      eigenvalues: Float64Array.from(kept, (place) => raw.eigenvalues[place]!),
      vectors,
    };
  }

  /** Rayleigh quotients, residuals and orthonormality of the first `wanted` pairs, the constant one put in its place. */
  #measured(pairs: BlockPairs, wanted: number): PolishedPairs {
    const { kernels, pair } = this.#source;
    const { vectors } = pairs;
    const before = pairs.eigenvalues.findIndex((value) => value > 0);
    const zero = this.#hasConstant ? Math.min(before < 0 ? pairs.count : before, wanted) : wanted;
    const count = zero < wanted ? wanted - 1 : wanted;
    const n = this.size;
    const width = BLOCK * n;
    const stiff = new Float64Array(GROUP * width);
    const heavy = new Float64Array(GROUP * width);
    const norm = this.#facts.stiffnessNorm;
    const eigenvalues = new Float64Array(count);
    const residuals = new Float64Array(count);
    let backwardResidual = 0;
    let orthonormality = 0;
    const [tops, bottoms, images, lengths, squares, values] = Array.from(
      { length: 6 },
      () => new Float64Array(BLOCK),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    const blocks = Math.ceil(count / BLOCK);
    const h = new Float64Array(BLOCK * BLOCK * blocks * GROUP);
    const constant = 1 / Math.sqrt(this.mass);
    const imageOfOnes = count < wanted ? this.#imageOfOnes() : null;
    for (let first = 0; first < blocks; first += GROUP) {
      const group = Math.min(GROUP, blocks - first);
      const head = vectors.subarray(first * width, (first + group) * width);
      kernels.multiplyStiffness(pair, head, stiff, group);
      kernels.multiplyMass(pair, head, heavy, group);
      kernels.gram(n, vectors, first + group, heavy, group, h);
      for (let column = first * BLOCK; column < Math.min(count, (first + group) * BLOCK); column++) {
        for (let row = 0; row <= column; row++) {
          const product = h[row * group * BLOCK + column - first * BLOCK]!;
          orthonormality = Math.max(orthonormality, Math.abs(product - (row === column ? 1 : 0)));
        }
      }
      for (let b = 0; b < group; b++) {
        const [block, stiffBlock, heavyBlock] = [head, stiff, heavy].map((array) =>
          array.subarray(b * width, (b + 1) * width),
        ) as [Float64Array, Float64Array, Float64Array];
        kernels.columnDots(n, block, stiffBlock, tops);
        kernels.columnDots(n, block, heavyBlock, bottoms);
        kernels.columnDots(n, heavyBlock, heavyBlock, images);
        kernels.columnDots(n, block, block, lengths);
        for (let c = 0; c < BLOCK; c++) values[c] = bottoms[c]! > 0 ? tops[c]! / bottoms[c]! : 0;
        kernels.subtractColumns(n, stiffBlock, values, heavyBlock);
        kernels.columnDots(n, stiffBlock, stiffBlock, squares);
        const from = (first + b) * BLOCK;
        for (let c = 0; c < BLOCK && from + c < count; c++) {
          eigenvalues[from + c] = values[c]!;
          residuals[from + c] = Math.sqrt(squares[c]! / images[c]!);
          backwardResidual = Math.max(backwardResidual, Math.sqrt(squares[c]! / lengths[c]!) / norm);
        }
        if (imageOfOnes === null) continue;
        kernels.columnDots(n, block, imageOfOnes, tops);
        for (let c = 0; c < BLOCK && from + c < count; c++)
          orthonormality = Math.max(orthonormality, Math.abs(constant * tops[c]!));
      }
    }
    // The constant vector is exact: its eigenvalue and its residual are 0.
    const columns = Int32Array.from({ length: wanted }, (_, c) => (c < zero ? c : c === zero ? -1 : c - 1));
    const placed = (numbers: Float64Array): Float64Array =>
      Float64Array.from(columns, (column) => (column < 0 ? 0 : numbers[column]!));
    const [ordered, own] = [placed(eigenvalues), placed(residuals)];
    return {
      count: wanted,
      eigenvalues: ordered,
      vectors,
      columns,
      constant,
      residuals: own,
      relativeResiduals: own.map((residual, c) => (ordered[c] === 0 ? 0 : residual / Math.abs(ordered[c]!))),
      backwardResidual,
      orthonormality,
    };
  }
}

/** The vectors of the slices that were taken, as pieces of the joined list. */
function takenPieces(taken: readonly Taken[], slices: readonly Slice[]): Piece[] {
  return slices.map(({ vectors }, number) => {
    const places = counting(taken.length).filter((c) => taken[c]!.slice === number);
    return {
      vectors,
      columns: Int32Array.from(places, (c) => taken[c]!.index),
      places: Int32Array.from(places),
    };
  });
}

const counting = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
