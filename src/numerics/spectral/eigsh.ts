import { ProcessingError } from '../../errors.js';
import { getNativeThreads } from '../../native/index.js';
import { CLUSTER_GAP, ComponentSolver, type PolishedPairs, type RawPairs } from './component-solver.js';
import { chooseKernels, type SolverChoice } from './choose-kernels.js';
import { NotConvergedError, withAllRows } from './not-converged.js';
import { principalSubmatrix, type SparseMatrix } from './sparse-matrix.js';
import type { SolverKernels, SolverPair } from './solver-kernels.js';

/** Options of {@link eigsh}. */
export interface EigshOptions {
  /** Number of eigenpairs, zero modes included. */
  readonly k?: number;
  /** Accepted for callers of scipy and LaPy; shifts are chosen from the matrix and the result does not depend on it. */
  readonly sigma?: number;
  /** Accepted likewise; always the smallest eigenvalues, as 'LM' with a shift at the lower end gives. */
  readonly which?: 'LM' | 'SM' | 'SA';
  /** Accepted likewise; pairs are always computed to working precision. */
  readonly tol?: number;
  /** Accepted likewise; the basis grows until all pairs have converged. */
  readonly maxiter?: number;
  /** `native` needs the addon; `auto` takes it where it is built. */
  readonly solver?: SolverChoice;
  /** Threads of the addon for this call, as many as it has where absent; the result does not depend on them. */
  readonly threads?: number | undefined;
}

/** Proof that no eigenvalue was missed: K - shift M has `count` negative pivots, and `count` pairs lie below. */
export interface CountCertificate {
  /** Between the last pair that was solved for and the next eigenvalue; null where all pairs of the matrix are given. */
  readonly shift: number | null;
  /** Eigenvalues below the shift: k, or k and the rest of the cluster that k cuts. */
  readonly count: number;
}

/** What was measured on the result; the gate refuses worse than its limits. */
export interface SolutionQuality {
  /** Largest |K v - lambda M v| / (lambda |M v|) over the nonzero eigenvalues, 2-norms. */
  readonly resLambda: number;
  /** Largest |K v - lambda M v| / (|K|_1 |v|). */
  readonly resBack: number;
  /** Largest entry of |V' M V - I|. */
  readonly orthonormality: number;
}

/** Smallest eigenpairs of K v = lambda M v. */
export interface Eigenpairs {
  /** Number of rows of the matrices, and of eigenpairs. */
  readonly n: number;
  readonly k: number;
  /** (k), ascending. */
  readonly eigenvalues: Float64Array;
  /** (n, k), row per vertex, mass-orthonormal; the largest component of each vector is positive. */
  readonly eigenvectors: Float64Array;
  /** (k): |K v - lambda M v| / |M v|. */
  readonly residuals: Float64Array;
  readonly quality: SolutionQuality;
  readonly certificate: CountCertificate;
  /** Connected parts of the pair, solved one by one. */
  readonly components: number;
  readonly solver: 'native' | 'typescript';
}

// Worse than this is no solution; well-shaped meshes reach 1e-15 in both.
const MOST_BACKWARD = 1e-11;
const MOST_ORTHONORMALITY = 1e-10;
const MOST_ROUNDS = 12;

/**
 * The k smallest eigenpairs of K v = lambda M v for a symmetric sparse K and a symmetric positive definite M: spectrum
 * slicing, with a certificate from the law of inertia that none was missed. Connected parts are solved one by one;
 * where rows of K sum to 0 the constant vector with eigenvalue 0 is written exactly.
 *
 * Inside a group of equal eigenvalues only the space is defined: never rely on single vectors there. The result is the
 * same on every run with the same matrices, solver and instruction set.
 *
 * @param stiffness - K, (n, n), both triangles
 * @param mass - M, (n, n), both triangles; the identity where absent
 * @throws ProcessingError SHAPE_MISMATCH (matrices that do not fit, k above n), INVALID_ARGUMENT (not symmetric, mass
 *   not positive), NON_FINITE, NOT_CONVERGED (a NotConvergedError holds what was found), ILL_CONDITIONED; DependencyError ADDON_MISSING with solver `native`
 * @see Parlett 1980, The Symmetric Eigenvalue Problem, chapter 3 (slicing); Grimes, Lewis & Simon 1994
 */
export function eigsh(
  stiffness: SparseMatrix,
  mass: SparseMatrix | null = null,
  { k = 100, solver = 'auto', threads }: EigshOptions = {},
): Eigenpairs {
  const heavy = mass ?? identityMatrix(stiffness.rows);
  checkPair(stiffness, heavy, k);
  const kernels = chooseKernels(solver);
  if (threads === undefined || kernels.name !== 'native') return solvePair(kernels, stiffness, heavy, k);
  // The pool belongs to the process: who comes next may have one processor.
  const before = getNativeThreads();
  kernels.useThreads(threads);
  try {
    return solvePair(kernels, stiffness, heavy, k);
  } finally {
    kernels.useThreads(before);
  }
}

function solvePair(
  kernels: SolverKernels,
  stiffness: SparseMatrix,
  heavy: SparseMatrix,
  k: number,
): Eigenpairs {
  const n = stiffness.rows;
  const parts = connectedParts(kernels, stiffness, heavy);
  const solvers = parts.map((part) => new ComponentSolver(kernels, part.pair));
  const { raw, counts, shift } = solveParts(solvers, parts, k, n);
  const polished = raw.map((pairs, c) => (counts[c] === 0 ? null : solvers[c]!.polish(pairs, counts[c]!)));
  const quality = gate(polished);
  const merged = polished.flatMap((pairs, part) =>
    Array.from(pairs?.eigenvalues ?? [], (eigenvalue, index) => ({ eigenvalue, part, index })),
  );
  merged.sort((a, b) => a.eigenvalue - b.eigenvalue || a.part - b.part || a.index - b.index);
  const count = merged.length;
  const taken = merged.slice(0, k);
  const eigenvectors = new Float64Array(n * k);
  const residuals = new Float64Array(k);
  polished.forEach((pairs, part) => {
    if (pairs === null) return;
    const { nodes } = parts[part]!;
    const { order, size } = solvers[part]!;
    const places = nodes === null ? order : order.map((i) => nodes[i]!);
    const outColumns: number[] = [];
    taken.forEach(({ part: own, index }, column) => {
      if (own !== part) return;
      residuals[column] = pairs.residuals[index]!;
      if (pairs.columns[index]! >= 0) outColumns.push(column);
      else for (const row of places) eigenvectors[row * k + column] = pairs.constant;
    });
    const columns = Int32Array.from(outColumns, (column) => pairs.columns[taken[column]!.index]!);
    kernels.toRows(size, pairs.vectors, columns, places, n, k, eigenvectors, Int32Array.from(outColumns));
  });
  kernels.fixSigns(n, k, eigenvectors);
  return {
    n,
    k,
    eigenvalues: Float64Array.from(taken, ({ eigenvalue }) => eigenvalue),
    eigenvectors,
    residuals,
    quality,
    certificate: { shift, count },
    components: parts.length,
    solver: kernels.name,
  };
}

interface Part {
  readonly pair: SolverPair;
  /** Rows of the whole, null where the part is the whole. */
  readonly nodes: Int32Array | null;
}

/** Parts between which both matrices have nothing but zeros. */
function connectedParts(kernels: SolverKernels, stiffness: SparseMatrix, mass: SparseMatrix): Part[] {
  const { pair, count, component } = kernels.join(stiffness, mass);
  if (count === 1) return [{ pair, nodes: null }];
  const members = Array.from({ length: count }, (): number[] => []);
  component.forEach((part, i) => members[part]!.push(i));
  return members.map((list) => {
    const nodes = Int32Array.from(list);
    const own = kernels.join(principalSubmatrix(stiffness, nodes), principalSubmatrix(mass, nodes));
    return { pair: own.pair, nodes };
  });
}

interface SolvedParts {
  readonly raw: readonly RawPairs[];
  /** Pairs of each part below the shift. */
  readonly counts: readonly number[];
  readonly shift: number | null;
}

/** Solves every part far enough that the first k pairs of all, and a gap behind them, are known and counted. */
function solveParts(
  solvers: readonly ComponentSolver[],
  parts: readonly Part[],
  k: number,
  n: number,
): SolvedParts {
  const mass = solvers.reduce((sum, { mass: own }) => sum + own, 0);
  const isWhole = solvers.length === 1;
  const wanted = solvers.map((solver) =>
    Math.min(solver.size, isWhole ? k + 1 : Math.ceil((1.1 * k * solver.mass) / mass) + 4),
  );
  const solve = (c: number): RawPairs => {
    try {
      return solvers[c]!.solve(wanted[c]!);
    } catch (error) {
      const { nodes } = parts[c]!;
      if (error instanceof NotConvergedError && nodes !== null) throw withAllRows(error, nodes, n);
      throw error;
    }
  };
  const raw = solvers.map((_, c) => solve(c));
  const extend = (c: number, count: number): void => {
    wanted[c] = Math.min(solvers[c]!.size, count);
    raw[c] = solve(c);
  };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // Up to here the joined list has no gaps.
    const limit = Math.min(
      ...raw.map((pairs) => (pairs.isComplete ? Infinity : pairs.eigenvalues[pairs.count - 1]!)),
    );
    const values = Float64Array.from(
      raw.flatMap((pairs) => Array.from(pairs.eigenvalues.subarray(0, pairs.count))),
    )
      .sort()
      .filter((value) => value <= limit);
    if (limit === Infinity && values.length === k)
      return { raw, counts: raw.map((pairs) => pairs.count), shift: null };
    const last = gapAfter(values, k);
    if (last === null) {
      raw.forEach((pairs, c) => {
        if (pairs.isComplete || pairs.eigenvalues[pairs.count - 1]! > limit) return;
        extend(c, Math.ceil(1.2 * pairs.count) + 8);
      });
      continue;
    }
    const [lower, upper] = [values[last - 1]!, values[last]!];
    const counted = solvers.map((solver) => solver.countBetween(lower, upper));
    const known = raw.map((pairs) => pairs.eigenvalues.filter((value) => value <= lower).length);
    const missing = counted.flatMap(({ count }, c) => (count === known[c] ? [] : [c]));
    if (missing.length === 0) return { raw, counts: known, shift: counted[0]!.shift };
    for (const c of missing) extend(c, Math.max(counted[c]!.count, wanted[c]!) + 4);
  }
  throw new ProcessingError('NOT_CONVERGED', `no gap was found behind the first ${k} eigenvalues`, {
    where: 'eigsh',
    cure: 'ask for a few more or fewer eigenpairs',
  });
}

/** The smallest number from k on after which there is a gap, null when none is known. */
function gapAfter(values: Float64Array, k: number): number | null {
  const scale = Math.max(Math.abs(values[0] ?? 0), Math.abs(values.at(-1) ?? 0));
  for (let count = k; count < values.length; count++) {
    const gap = values[count]! - values[count - 1]!;
    if (gap > CLUSTER_GAP * Math.max(Math.abs(values[count]!), 1e-3 * scale)) return count;
  }
  return null;
}

/** Refuses what is no solution. */
function gate(polished: readonly (PolishedPairs | null)[]): SolutionQuality {
  let [resLambda, resBack, orthonormality] = [0, 0, 0];
  const top = Math.max(...polished.map((pairs) => pairs?.eigenvalues.at(-1) ?? 0));
  for (const pairs of polished) {
    if (pairs === null) continue;
    resBack = Math.max(resBack, pairs.backwardResidual);
    orthonormality = Math.max(orthonormality, pairs.orthonormality);
    pairs.relativeResiduals.forEach((residual, i) => {
      if (Math.abs(pairs.eigenvalues[i]!) > 1e-8 * top) resLambda = Math.max(resLambda, residual);
    });
  }
  const isSolution = resBack <= MOST_BACKWARD && orthonormality <= MOST_ORTHONORMALITY;
  if (!isSolution) {
    const numbers = `backward residual ${resBack.toExponential(1)}, orthonormality ${orthonormality.toExponential(1)}`;
    throw new ProcessingError('ILL_CONDITIONED', `the eigenpairs are not accurate: ${numbers}`, {
      where: 'eigsh',
      cure: 'the matrix has lost its digits: see the smallest angle of the mesh, or use operator intrinsic_delaunay',
    });
  }
  return { resLambda, resBack, orthonormality };
}

function identityMatrix(n: number): SparseMatrix {
  const counting = Int32Array.from({ length: n + 1 }, (_, i) => i);
  return {
    rows: n,
    columns: n,
    rowStarts: counting,
    columnIndices: counting.slice(0, n),
    values: new Float64Array(n).fill(1),
  };
}

function checkPair(stiffness: SparseMatrix, mass: SparseMatrix, k: number): void {
  const where = 'eigsh';
  const n = stiffness.rows;
  for (const [name, a] of [
    ['stiffness', stiffness],
    ['mass', mass],
  ] as const) {
    if (a.rows !== n || a.columns !== n) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `the ${name} matrix is ${a.rows} x ${a.columns}, not ${n} x ${n}`,
        {
          where,
          cure: 'give two square matrices of one size',
        },
      );
    }
  }
  if (!Number.isInteger(k) || k < 1) {
    throw new ProcessingError('INVALID_ARGUMENT', `k is ${k}`, {
      where,
      cure: 'ask for 1 eigenpair or more',
    });
  }
  if (k > n) {
    throw new ProcessingError('SHAPE_MISMATCH', `${k} eigenpairs of a matrix with N = ${n} rows`, {
      where,
      cure: `ask for at most ${n}`,
    });
  }
}
