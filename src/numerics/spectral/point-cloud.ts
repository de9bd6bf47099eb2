/** Operators on point clouds that sample a surface. A cloud that fills a volume is none: its operator is another one. */
import { ProcessingError } from '../../errors.js';
import { smallEigen } from '../linalg/small-eigen.js';
import { KdTree } from '../mesh/kd-tree.js';
import { dot, minus, planeFrame, row3, type Vector3 } from '../mesh/vector3.js';
import type { OperatorPair } from './mesh-operator.js';
import { diagonalMatrix, sparseFromTriplets } from './sparse-matrix.js';
import { robustOperator } from './tufted-cover.js';

/** Options of the Laplacian of a point cloud. */
export interface CloudOptions {
  /** Points of each neighbourhood, the point itself among them. */
  readonly neighbours?: number;
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
  { neighbours = 30 }: CloudOptions = {},
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
  const { stiffness, mass } = robustOperator(table, faces).pair;
  const third = (a: OperatorPair['mass']): OperatorPair['mass'] => ({
    ...a,
    values: a.values.map((value) => value / 3),
  });
  return { stiffness: third(stiffness), mass: third(mass) };
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
  const { rows } = smallEigen(3, covariance, 3);
  return [rows[0]!, rows[1]!, rows[2]!];
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
