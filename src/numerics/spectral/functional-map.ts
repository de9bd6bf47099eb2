/** Linear maps between functions on two surfaces, in the coordinates of their eigenvectors. */
import { ProcessingError } from '../../errors.js';
import { cholesky, solveCholesky } from '../linalg/cholesky.js';
import { matrix, multiply, transpose, type Matrix } from '../linalg/matrix.js';
import { singularValues } from '../linalg/singular-values.js';
import { symmetricEigen } from '../linalg/symmetric-eigen.js';
import { KdTree } from '../mesh/kd-tree.js';

/** A surface as a functional map sees it. */
export interface MappedShape {
  /** (k), ascending. */
  readonly eigenvalues: ArrayLike<number>;
  /** (n, k), row per vertex, mass-orthonormal; rows with NaN (vertices in no triangle) take no part. */
  readonly eigenvectors: Float64Array;
  /** (n), lumped mass of each vertex. */
  readonly masses: ArrayLike<number>;
}

/**
 * Coefficients of functions in the first eigenvectors: a = Phi' M f. Vertices whose eigenvectors or values are NaN are
 * left out.
 *
 * @param table - (n, columns), row per vertex
 * @param basis - number of eigenvectors, all where absent
 * @returns (basis, columns)
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function functionCoefficients(
  { eigenvalues, eigenvectors, masses }: MappedShape,
  table: ArrayLike<number>,
  basis = eigenvalues.length,
): Matrix {
  const k = eigenvalues.length;
  const n = masses.length;
  const columns = table.length / n;
  if (!Number.isInteger(columns) || eigenvectors.length !== n * k || basis > k) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${table.length} values and ${eigenvectors.length} components for ${n} vertices and ${basis} of ${k} modes`,
      {
        where: 'functionCoefficients',
        cure: 'give one row per vertex, and at most as many modes as there are',
      },
    );
  }
  const out = matrix(basis, columns);
  for (let x = 0; x < n; x++) {
    if (Number.isNaN(eigenvectors[x * k])) continue;
    for (let c = 0; c < columns; c++) {
      const value = masses[x]! * table[x * columns + c]!;
      if (Number.isNaN(value)) continue;
      for (let i = 0; i < basis; i++) out.values[i * columns + c]! += eigenvectors[x * k + i]! * value;
    }
  }
  return out;
}

/** Weights of the terms of a functional map. */
export interface FunctionalMapOptions {
  /** Weight of the squared entries of the map. */
  readonly ridge?: number;
  /** Weight of the difference of eigenvalues that an entry joins; 0 leaves it out. */
  readonly commutativity?: number;
  /** (k_source) and (k_target), normalised by area: needed unless `commutativity` is 0. */
  readonly eigenvalues?: readonly [ArrayLike<number>, ArrayLike<number>];
}

/**
 * Functional map C with C A near B: row i minimises |c A - B_i|^2 + ridge |c|^2 + commutativity sum_j
 * ((l_i - l_j) / max)^2 c_j^2, l_i and l_j eigenvalues of target and source.
 *
 * @param source - A, (k_source, d), coefficients of d functions
 * @param target - B, (k_target, d), coefficients of the same functions on the other surface
 * @returns (k_target, k_source)
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 * @see Ovsjanikov, Ben-Chen, Solomon, Butscher & Guibas 2012
 */
export function functionalMap(
  source: Matrix,
  target: Matrix,
  { ridge = 1e-3, commutativity = 1e-2, eigenvalues }: FunctionalMapOptions = {},
): Matrix {
  const [from, to] = [source.rows, target.rows];
  const isComplete =
    commutativity === 0 || (eigenvalues?.[0].length === from && eigenvalues[1].length === to);
  if (source.columns !== target.columns || !isComplete) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${from} x ${source.columns} and ${to} x ${target.columns} coefficients with ` +
        `${eigenvalues?.[0].length ?? 0} and ${eigenvalues?.[1].length ?? 0} eigenvalues`,
      { where: 'functionalMap', cure: 'give the same functions on both sides and one eigenvalue per row' },
    );
  }
  const gram = multiply(source, transpose(source));
  const right = multiply(source, transpose(target));
  const [own, other] = eigenvalues ?? [[], []];
  const largest = Math.max(...Array.from(own), ...Array.from(other));
  const map = matrix(to, from);
  for (let i = 0; i < to; i++) {
    const system = matrix(from, from, gram.values.slice());
    for (let j = 0; j < from; j++) {
      const difference = commutativity === 0 ? 0 : (other[i]! - own[j]!) / largest;
      system.values[j * from + j]! += ridge + commutativity * difference * difference;
    }
    const lower = cholesky(system);
    if (lower === null) {
      throw new ProcessingError('INVALID_ARGUMENT', 'the functions do not determine the map', {
        where: 'functionalMap',
        cure: 'give a ridge above 0 or more functions',
      });
    }
    const row = solveCholesky(
      lower,
      matrix(
        from,
        1,
        Array.from({ length: from }, (_, j) => right.values[j * to + i]!),
      ),
    );
    map.values.set(row.values, i * from);
  }
  return map;
}

/**
 * Point map of a functional map: for each vertex of the target the vertex of the source whose embedding is nearest.
 *
 * @param map - (k_target, k_source)
 * @returns (n_target): vertex of the source, -1 for a vertex in no triangle
 */
export function pointMap(map: Matrix, source: MappedShape, target: MappedShape): Int32Array {
  const [from, to] = [map.columns, map.rows];
  const k = target.eigenvalues.length;
  const points = leadingModes(source, from);
  const tree = new KdTree(points, from, usedVertices(source));
  const n = target.masses.length;
  const query = new Float64Array(from);
  return Int32Array.from({ length: n }, (_, x) => {
    if (Number.isNaN(target.eigenvectors[x * k])) return -1;
    query.fill(0);
    for (let i = 0; i < to; i++) {
      const value = target.eigenvectors[x * k + i]!;
      for (let j = 0; j < from; j++) query[j]! += value * map.values[i * from + j]!;
    }
    return tree.nearest(query, 0, 1).points[0] ?? -1;
  });
}

/**
 * Functional map of a point map: coefficients of the source's eigenvectors after they are carried over.
 *
 * @param points - (n_target), vertex of the source, -1 for none
 * @param sizes - rows (target) and columns (source) of the map
 * @returns (rows, columns)
 */
export function mapOfPoints(
  points: ArrayLike<number>,
  source: MappedShape,
  target: MappedShape,
  [rows, columns]: readonly [number, number],
): Matrix {
  const k = source.eigenvalues.length;
  const carried = new Float64Array(target.masses.length * columns).fill(NaN);
  for (let x = 0; x < target.masses.length; x++) {
    const from = points[x]!;
    if (from < 0) continue;
    for (let j = 0; j < columns; j++) carried[x * columns + j] = source.eigenvectors[from * k + j]!;
  }
  return functionCoefficients(target, carried, rows);
}

/** Options of refining a functional map by adding modes. */
export interface ZoomOutOptions {
  /** Size of the map at the end, at most the eigenpairs of both. */
  readonly size: number;
  /** Modes added at a time. */
  readonly step?: number;
  /** Vertices of each surface that take part until the last step, spread by area; all where absent. */
  readonly samples?: number;
}

/** The last search of nearest vertices is in this many modes where vertices were sampled: more cost time and move little. */
const SEARCHED_MODES = 40;

/**
 * ZoomOut: a small map becomes a point map, that becomes a larger functional map, and so on. With `samples` the maps on the
 * way are fitted to some vertices, ten per mode at least; the last one is of all.
 *
 * @see Melzi, Ren, Rodola, Sharma, Wonka & Ovsjanikov 2019
 */
export function zoomOut(
  map: Matrix,
  source: MappedShape,
  target: MappedShape,
  { size, step = 5, samples = Infinity }: ZoomOutOptions,
): { readonly map: Matrix; readonly points: Int32Array } {
  const most = Math.min(size, source.eigenvalues.length, target.eigenvalues.length);
  const count = Math.max(samples, 10 * most);
  const isSampled = Math.max(source.masses.length, target.masses.length) > count;
  const [from, to] = isSampled ? [sampled(source, count), sampled(target, count)] : [source, target];
  let current = map;
  for (;;) {
    const points = pointMap(current, from, to);
    const isDone = current.rows >= most && current.columns >= most;
    const rows = Math.max(map.rows, Math.min(most, current.rows + step));
    const columns = Math.max(map.columns, Math.min(most, current.columns + step));
    current = isSampled
      ? fittedMap(points, from, to, [rows, columns])
      : mapOfPoints(points, source, target, [rows, columns]);
    if (!isDone) continue;
    if (!isSampled) return { map: current, points };
    const searched = leadingBlock(current, SEARCHED_MODES);
    const all = pointMap(searched, source, target);
    return { map: mapOfPoints(all, source, target, [rows, columns]), points: all };
  }
}

/** Vertices at equal steps of the area, in the order of their numbers, each with an equal share of it. */
function sampled(shape: MappedShape, count: number): MappedShape {
  const k = shape.eigenvalues.length;
  const used = usedVertices(shape);
  if (used.length <= count) return shape;
  const area = used.reduce((sum, vertex) => sum + shape.masses[vertex]!, 0);
  const chosen: number[] = [];
  let [sum, next] = [0, (0.5 * area) / count];
  for (const vertex of used) {
    sum += shape.masses[vertex]!;
    if (sum < next) continue;
    chosen.push(vertex);
    while (next <= sum) next += area / count;
  }
  const eigenvectors = new Float64Array(chosen.length * k);
  chosen.forEach((vertex, row) => {
    eigenvectors.set(shape.eigenvectors.subarray(vertex * k, (vertex + 1) * k), row * k);
  });
  return {
    eigenvalues: shape.eigenvalues,
    eigenvectors,
    masses: new Float64Array(chosen.length).fill(area / chosen.length),
  };
}

/** As {@link mapOfPoints} on a sample, where eigenvectors are orthonormal only nearly: by least squares. */
function fittedMap(
  points: Int32Array,
  source: MappedShape,
  target: MappedShape,
  size: readonly [number, number],
): Matrix {
  const [rows] = size;
  const right = mapOfPoints(points, source, target, size);
  const gram = functionCoefficients(target, leadingModes(target, rows), rows);
  const lower = cholesky(gram);
  return lower === null ? right : solveCholesky(lower, right);
}

function leadingBlock(map: Matrix, most: number): Matrix {
  const [rows, columns] = [Math.min(most, map.rows), Math.min(most, map.columns)];
  const out = matrix(rows, columns);
  for (let i = 0; i < rows; i++) {
    out.values.set(map.values.subarray(i * map.columns, i * map.columns + columns), i * columns);
  }
  return out;
}

/** The orthogonal matrix nearest to a square one: U V' of its singular value decomposition. */
export function nearestOrthogonal(a: Matrix): Matrix {
  const { left, right } = singularValues(a);
  return multiply(left, transpose(right));
}

/** Operators that say where a map changes areas and angles (Rustamov and others 2013). */
export interface ShapeDifferences {
  /** C' C: how areas change; the identity for a map that keeps area. */
  readonly area: Matrix;
  /** L_s^-1/2 C' L_t C L_s^-1/2 without the zero modes: how energies change; the identity for a conformal map. */
  readonly conformal: Matrix;
  /** Ascending. */
  readonly areaEigenvalues: Float64Array;
  readonly conformalEigenvalues: Float64Array;
}

/**
 * Shape difference operators of a functional map.
 *
 * @param map - (k_target, k_source)
 * @param source - (k_source), eigenvalues, the zero modes first
 * @param target - (k_target)
 * @param zeros - zero modes of both
 * @throws ProcessingError SHAPE_MISMATCH
 * @see Rustamov, Ovsjanikov, Azencot, Ben-Chen, Chazal & Guibas 2013
 */
export function shapeDifferences(
  map: Matrix,
  source: ArrayLike<number>,
  target: ArrayLike<number>,
  zeros = 1,
): ShapeDifferences {
  if (source.length !== map.columns || target.length !== map.rows) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${target.length} and ${source.length} eigenvalues for a ${map.rows} x ${map.columns} map`,
      {
        where: 'shapeDifferences',
        cure: 'give one eigenvalue of the target per row, of the source per column',
      },
    );
  }
  const [rows, columns] = [map.rows - zeros, map.columns - zeros];
  const weighted = matrix(rows, columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const entry = map.values[(i + zeros) * map.columns + j + zeros]!;
      weighted.values[i * columns + j] = entry * Math.sqrt(target[i + zeros]! / source[j + zeros]!);
    }
  }
  const area = multiply(transpose(map), map);
  const conformal = multiply(transpose(weighted), weighted);
  return {
    area,
    conformal,
    areaEigenvalues: symmetricEigen(area).values,
    conformalEigenvalues: symmetricEigen(conformal).values,
  };
}

function leadingModes({ eigenvalues, eigenvectors, masses }: MappedShape, count: number): Float64Array {
  const k = eigenvalues.length;
  const out = new Float64Array(masses.length * count);
  for (let x = 0; x < masses.length; x++) {
    out.set(eigenvectors.subarray(x * k, x * k + count), x * count);
  }
  return out;
}

function usedVertices({ eigenvalues, eigenvectors, masses }: MappedShape): Int32Array {
  const k = eigenvalues.length;
  return Int32Array.from({ length: masses.length }, (_, x) => x).filter(
    (x) => !Number.isNaN(eigenvectors[x * k]),
  );
}
