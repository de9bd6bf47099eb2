/** The symmetric pair in the form that the solver works on: one pattern, order of elimination, row sums. */
import type { JoinedPair, PairFacts } from '../../native/index.js';
import { checkEntries } from './check-entries.js';
import { connectedComponents } from './graph.js';
import type { SolverPair } from './solver-kernels.js';
import type { SparseMatrix } from './sparse-matrix.js';

// A row sum below this many roundings of its absolute sum is exactly 0: the matrix is a Laplacian.
const ROUNDINGS = 8;

/** Both matrices on one pattern, and its connected parts; refused as {@link checkEntries} does. */
export function joinPair(stiffness: SparseMatrix, mass: SparseMatrix): JoinedPair {
  checkEntries('eigsh', stiffness, mass);
  const pair = commonPair(stiffness, mass);
  const starts = new Int32Array(pair.size + 1);
  const neighbours = new Int32Array(pair.columns.length);
  let at = 0;
  for (let i = 0; i < pair.size; i++) {
    for (let e = pair.starts[i]!; e < pair.starts[i + 1]!; e++) {
      if (pair.columns[e] !== i && (pair.stiffness[e] !== 0 || pair.mass[e] !== 0)) {
        neighbours[at++] = pair.columns[e]!;
      }
    }
    starts[i + 1] = at;
  }
  return { pair, ...connectedComponents({ size: pair.size, starts, neighbours }) };
}

/** What the solver asks of a pair once. */
export function pairFacts(pair: SolverPair): PairFacts {
  return {
    totalMass: totalMass(pair),
    stiffnessNorm: oneNorm(pair),
    isLaplacian: isLaplacian(pair),
    hasDominantMass: isDominantMass(pair),
  };
}

/** Pattern that holds every entry of both matrices, and the diagonal. */
export function commonPair(stiffness: SparseMatrix, mass: SparseMatrix): SolverPair {
  const n = stiffness.rows;
  const starts = new Int32Array(n + 1);
  const room = stiffness.columnIndices.length + mass.columnIndices.length + n;
  const columns = new Int32Array(room);
  const stiff = new Float64Array(room);
  const heavy = new Float64Array(room);
  let isDiagonal = true;
  let at = 0;
  for (let i = 0; i < n; i++) {
    let s = stiffness.rowStarts[i]!;
    let m = mass.rowStarts[i]!;
    const sEnd = stiffness.rowStarts[i + 1]!;
    const mEnd = mass.rowStarts[i + 1]!;
    let isDiagonalPending = true;
    for (;;) {
      const sColumn = s < sEnd ? stiffness.columnIndices[s]! : n;
      const mColumn = m < mEnd ? mass.columnIndices[m]! : n;
      const column = Math.min(sColumn, mColumn, isDiagonalPending ? i : n);
      if (column === n) break;
      columns[at] = column;
      if (sColumn === column) stiff[at] = stiffness.values[s++]!;
      if (mColumn === column) heavy[at] = mass.values[m++]!;
      if (column === i) isDiagonalPending = false;
      else if (heavy[at] !== 0) isDiagonal = false;
      at++;
    }
    starts[i + 1] = at;
  }
  return finished(n, starts, columns.slice(0, at), stiff.slice(0, at), heavy.slice(0, at), isDiagonal);
}

function finished(
  size: number,
  starts: Int32Array,
  columns: Int32Array,
  stiffness: Float64Array,
  mass: Float64Array,
  isDiagonal: boolean,
): SolverPair {
  const rowSums = new Float64Array(size);
  const diagonal = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    let absolute = 0;
    for (let e = starts[i]!; e < starts[i + 1]!; e++) {
      sum += stiffness[e]!;
      absolute += Math.abs(stiffness[e]!);
      if (columns[e] === i) diagonal[i] = mass[e]!;
    }
    rowSums[i] = Math.abs(sum) <= ROUNDINGS * Number.EPSILON * absolute ? 0 : sum;
  }
  return { size, starts, columns, stiffness, mass, diagonalMass: isDiagonal ? diagonal : null, rowSums };
}

/** The pair with rows and columns renumbered: row i of the result is order[i]. */
export function permutedPair(pair: SolverPair, order: Int32Array): SolverPair {
  const n = pair.size;
  const place = new Int32Array(n);
  for (let i = 0; i < n; i++) place[order[i]!] = i;
  const starts = new Int32Array(n + 1);
  const columns = new Int32Array(pair.columns.length);
  const stiffness = new Float64Array(columns.length);
  const mass = new Float64Array(columns.length);
  // Entries of row v go to the rows of their columns, in the order of v: every new row comes out sorted.
  for (let i = 0; i < n; i++)
    starts[i + 1] = starts[i]! + pair.starts[order[i]! + 1]! - pair.starts[order[i]!]!;
  const end = starts.slice(0, n);
  for (let i = 0; i < n; i++) {
    const v = order[i]!;
    for (let e = pair.starts[v]!; e < pair.starts[v + 1]!; e++) {
      const at = end[place[pair.columns[e]!]!]!++;
      columns[at] = i;
      stiffness[at] = pair.stiffness[e]!;
      mass[at] = pair.mass[e]!;
    }
  }
  const reordered = (values: Float64Array): Float64Array => {
    const result = new Float64Array(n);
    for (let i = 0; i < n; i++) result[i] = values[order[i]!]!;
    return result;
  };
  return {
    size: n,
    starts,
    columns,
    stiffness,
    mass,
    diagonalMass: pair.diagonalMass === null ? null : reordered(pair.diagonalMass),
    rowSums: reordered(pair.rowSums),
  };
}

/** Sum of all entries of the mass: the area of a surface. Compensated: the constant vector is scaled by its root. */
function totalMass(pair: SolverPair): number {
  const values = pair.diagonalMass ?? pair.mass;
  let total = 0;
  let lost = 0;
  for (let e = 0; e < values.length; e++) {
    const term = values[e]! - lost;
    const sum = total + term;
    lost = sum - total - term;
    total = sum;
  }
  return total;
}

/** Whether every diagonal entry of the mass outweighs its row, as in the masses of finite elements: then all its
 * eigenvalues are positive. Where one only equals its row, they may be 0. */
function isDominantMass({ size, starts, columns, mass, diagonalMass }: SolverPair): boolean {
  if (diagonalMass !== null) return true;
  for (let i = 0; i < size; i++) {
    let own = 0;
    let others = 0;
    for (let e = starts[i]!; e < starts[i + 1]!; e++) {
      if (columns[e] === i) own = mass[e]!;
      else others += Math.abs(mass[e]!);
    }
    if (!(others < own * (1 - 1e-9))) return false;
  }
  return true;
}

/** Whether the constant vector has eigenvalue 0. */
function isLaplacian(pair: SolverPair): boolean {
  return pair.rowSums.every((sum) => sum === 0);
}

/** Largest absolute column sum of the stiffness. */
function oneNorm(pair: SolverPair): number {
  let largest = 0;
  for (let i = 0; i < pair.size; i++) {
    let sum = 0;
    for (let e = pair.starts[i]!; e < pair.starts[i + 1]!; e++) sum += Math.abs(pair.stiffness[e]!);
    largest = Math.max(largest, sum);
  }
  return largest;
}
