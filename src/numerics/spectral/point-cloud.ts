/** Operators on point clouds that sample a surface. A cloud that fills a volume is none: its operator is another one. */
import { ProcessingError } from '../../errors.js';
import { smallEigen } from '../linalg/small-eigen.js';
import { KdTree } from '../mesh/kd-tree.js';
import { dot, minus, planeFrame, row3, type Vector3 } from '../mesh/vector3.js';
import type { LaplaceBeltramiResult } from './laplace-beltrami.js';
import type { OperatorPair } from './mesh-operator.js';
import type { EigshOptions } from './eigsh.js';
import { operatorSpectrum } from './operator-spectrum.js';
import type { MassKind } from './settings.js';
import { diagonalMatrix, sparseFromTriplets } from './sparse-matrix.js';
import { robustOperator } from './tufted-cover.js';

/** Options of the Laplacian of a point cloud. */
export interface CloudOptions {
  /** Points of each neighbourhood, the point itself among them. */
  readonly neighbours?: number;
  readonly mass?: MassKind;
}

/**
 * Stiffness and mass of a point cloud: around each point its neighbours are laid into the tangent plane and the
 * triangles of their Delaunay triangulation at the point are taken; all of them together, each with a third of its
 * weight, make a mesh whose tufted cover gives the operator. The mass adds up to an estimate of the area.
 *
 * @param points - (n, 3), on a surface, no two at one place
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE, INVALID_ARGUMENT
 * @see Sharp & Crane 2020, "A Laplacian for nonmanifold triangle meshes", section on point clouds
 */
export function cloudOperator(
  points: ArrayLike<number>,
  { neighbours = 30, mass: massKind = 'lumped' }: CloudOptions = {},
): OperatorPair {
  const table = checkedPoints('cloudOperator', points);
  const n = table.length / 3;
  if (!(neighbours >= 4 && n >= 4)) {
    throw new ProcessingError('INVALID_ARGUMENT', `${Math.min(neighbours, n)} points are no neighbourhood`, {
      where: 'cloudOperator',
      cure: 'give 4 points or more, and 4 neighbours or more',
    });
  }
  const tree = new KdTree(table, 3);
  const faces: number[] = [];
  for (let i = 0; i < n; i++) {
    const near = tree.nearest(table, i, neighbours).points.filter((point) => point !== i);
    const [u, v] = planeFrame(tangentNormal(table, i, near));
    const centre = row3(table, i);
    const flat = near.map((point) => {
      const offset = minus(row3(table, point), centre);
      return [dot(offset, u), dot(offset, v)] as const;
    });
    for (const [a, b] of delaunayStar(flat)) faces.push(i, near[a]!, near[b]!);
  }
  const { stiffness, mass } = robustOperator(table, faces, { mass: massKind }).pair;
  const third = (a: OperatorPair['mass']): OperatorPair['mass'] => ({
    ...a,
    values: a.values.map((value) => value / 3),
  });
  return { stiffness: third(stiffness), mass: third(mass) };
}

/** Eigenpairs of a point cloud, and what part of the surface each point stands for. */
export interface CloudSpectrum extends LaplaceBeltramiResult {
  /** (n), row sums of the mass matrix, unit of the coordinates squared; they add up to `area`, an estimate. */
  readonly areas: Float64Array;
}

/**
 * The k smallest eigenpairs of points that sample a surface, by {@link cloudOperator}. The boundary of an open surface is
 * natural: points do not say where it is.
 *
 * @param points - (n, 3), no two at one place
 * @returns eigenvalues in the unit of the coordinates to the power -2
 * @throws ProcessingError as {@link cloudOperator} and `eigsh`
 */
export function cloudLaplaceBeltrami(
  points: ArrayLike<number>,
  options: CloudOptions & Pick<EigshOptions, 'k' | 'solver' | 'threads'> = {},
): CloudSpectrum {
  const { k = 100, solver = 'auto', threads } = options;
  const pair = cloudOperator(points, options);
  const { rows, rowStarts, values } = pair.mass;
  const areas = Float64Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let e = rowStarts[i]!; e < rowStarts[i + 1]!; e++) sum += values[e]!;
    return sum;
  });
  const area = areas.reduce((sum, own) => sum + own, 0);
  const pairs = operatorSpectrum(pair, { k, solver, threads });
  const warnings = [];
  if (pairs.components > 1) {
    warnings.push(
      `the points fall into ${pairs.components} connected parts, and there are as many eigenvalues 0`,
    );
  }
  const lonely = areas.filter((own) => !(own > 0)).length;
  if (lonely > 0) warnings.push(`${lonely} points have no neighbour around them; their rows are NaN`);
  return { ...pairs, areas, area, warnings };
}

/** Neighbourhoods that {@link cloudThickness} looks at. */
const SAMPLED_NEIGHBOURHOODS = 500;

/**
 * How far points are from lying on a surface: the spread across the tangent plane over the smaller spread within it, the median
 * of neighbourhoods. Near 0 on a surface, near 1 where points fill a volume.
 *
 * @param points - (n, 3)
 * @returns without unit, 0 to 1
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE
 */
export function cloudThickness(points: ArrayLike<number>, neighbours = 30): number {
  const table = checkedPoints('cloudThickness', points);
  const n = table.length / 3;
  if (n < 4) return 0;
  const tree = new KdTree(table, 3);
  const count = Math.min(n, SAMPLED_NEIGHBOURHOODS);
  const ratios = Array.from({ length: count }, (_, i) => {
    const at = Math.floor((i * n) / count);
    const near = tree.nearest(table, at, neighbours).points.filter((point) => point !== at);
    const [least = 0, middle = 0] = spread(table, at, near).values;
    return middle > 0 ? Math.sqrt(Math.max(0, least) / middle) : 0;
  }).sort((a, b) => a - b);
  return ratios[count >> 1]!;
}

/** Options of the Laplacian of a point cloud with a Gaussian kernel. */
export interface GaussianCloudOptions {
  /** Width of the kernel exp(-d^2 / (4 epsilon)), unit squared. */
  readonly epsilon: number;
  /** (n), area that each point stands for, or one number for all: area of the surface over the number of points. */
  readonly areas: number | ArrayLike<number>;
  /** Points farther apart than this many roots of epsilon do not see each other. */
  readonly reach?: number;
}

/**
 * Gaussian operator of a point cloud: (L f)(x_i) = 1 / (4 pi epsilon^2) sum_j a_j exp(-|x_i - x_j|^2 / (4 epsilon))
 * (f_i - f_j), as a symmetric pair with the areas as mass. Eigenvalues have an error of the order of epsilon, and high
 * ones are bounded by 1 / epsilon.
 *
 * @param points - (n, 3)
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE, INVALID_ARGUMENT
 * @see Belkin, Sun & Wang 2009
 */
export function gaussianCloudOperator(
  points: ArrayLike<number>,
  { epsilon, areas, reach = 6 }: GaussianCloudOptions,
): OperatorPair {
  const table = checkedPoints('gaussianCloudOperator', points);
  const n = table.length / 3;
  const own = typeof areas === 'number' ? new Float64Array(n).fill(areas) : Float64Array.from(areas);
  if (!(epsilon > 0) || own.length !== n || !own.every((area) => area > 0)) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `epsilon ${epsilon} and ${own.length} areas for ${n} points`,
      {
        where: 'gaussianCloudOperator',
        cure: 'give epsilon above 0 and one area above 0 per point',
      },
    );
  }
  const tree = new KdTree(table, 3);
  const [row, column, value]: [number[], number[], number[]] = [[], [], []];
  const scale = 1 / (4 * Math.PI * epsilon * epsilon);
  for (let i = 0; i < n; i++) {
    const { points: near, squares } = tree.within(table, i, reach * Math.sqrt(epsilon));
    near.forEach((j, at) => {
      if (j <= i) return;
      const weight = scale * own[i]! * own[j]! * Math.exp(-squares[at]! / (4 * epsilon));
      row.push(i, j, i, j);
      column.push(j, i, i, j);
      value.push(-weight, -weight, weight, weight);
    });
  }
  return { stiffness: sparseFromTriplets({ row, column, value }, [n, n]), mass: diagonalMatrix(own) };
}

function checkedPoints(where: string, points: ArrayLike<number>): Float64Array {
  if (points.length % 3 !== 0) {
    throw new ProcessingError('SHAPE_MISMATCH', `${points.length} numbers are no rows of three`, {
      where,
      cure: 'give three coordinates per point',
    });
  }
  const table = Float64Array.from(points);
  const broken = table.findIndex((value) => !Number.isFinite(value));
  if (broken < 0) return table;
  throw new ProcessingError(
    'NON_FINITE',
    `point ${Math.floor(broken / 3)} has the coordinate ${table[broken]}`,
    {
      where,
      cure: 'remove the point',
    },
  );
}

/** Direction in which a neighbourhood is thinnest. */
function tangentNormal(table: Float64Array, centre: number, near: readonly number[]): Vector3 {
  const { rows } = spread(table, centre, near);
  return [rows[0]!, rows[1]!, rows[2]!];
}

/** Principal axes of a neighbourhood, the thinnest first. */
function spread(table: Float64Array, centre: number, near: readonly number[]): ReturnType<typeof smallEigen> {
  const origin = row3(table, centre);
  const offsets = near.map((point) => minus(row3(table, point), origin));
  const mean = [0, 1, 2].map(
    (axis) => offsets.reduce((sum, offset) => sum + offset[axis]!, 0) / (near.length + 1),
  );
  const covariance = new Float64Array(9);
  for (const offset of [...offsets, [0, 0, 0] as const]) {
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) covariance[3 * a + b]! += (offset[a]! - mean[a]!) * (offset[b]! - mean[b]!);
    }
  }
  return smallEigen(3, covariance, 3);
}

/**
 * Triangles at the origin of the Delaunay triangulation of the origin and some points of the plane. Inversion turns
 * empty circles through the origin into lines with all points on one side: the neighbours are the convex hull.
 *
 * @returns pairs of points, counter-clockwise
 */
function delaunayStar(points: readonly (readonly [number, number])[]): [number, number][] {
  const inverted = points.map(([x, y], at) => {
    const square = x * x + y * y;
    return { x: x / square, y: y / square, at };
  });
  const usable = inverted.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  // The origin itself is on the hull where the point is at the rim of its neighbourhood.
  const hull = convexHull([...usable, { x: 0, y: 0, at: -1 }]);
  return hull.flatMap((own, i): [number, number][] => {
    const next = hull[(i + 1) % hull.length]!;
    return own.at < 0 || next.at < 0 || hull.length < 3 ? [] : [[own.at, next.at]];
  });
}

interface PlanePoint {
  readonly x: number;
  readonly y: number;
  readonly at: number;
}

/** Counter-clockwise, without points inside its edges. */
function convexHull(points: readonly PlanePoint[]): PlanePoint[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const chain = (list: readonly PlanePoint[]): PlanePoint[] => {
    const out: PlanePoint[] = [];
    for (const point of list) {
      while (out.length > 1) {
        const [a, b] = [out[out.length - 2]!, out[out.length - 1]!];
        if ((b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) > 0) break;
        out.pop();
      }
      out.push(point);
    }
    return out.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.toReversed())];
}
