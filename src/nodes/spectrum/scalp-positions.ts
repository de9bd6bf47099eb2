import type { ChannelPositions } from '../../io/index.js';

/** Channels on a map of the head: x to the right, y to the front; the circle of radius 1 is the equator of the head. */
export type ScalpPositions = ReadonlyMap<string, readonly [number, number]>;

/** Fewest positions through which a sphere is laid. */
const FEWEST = 4;
/** Smallest pivot of the normal equations, as a share of the largest, for positions that are not in one plane. */
const FLAT = 1e-6;

/**
 * Electrodes of the scalp on a map: a sphere is laid through them, and each goes as far from the vertex as its angle there says
 * (azimuthal equidistant projection).
 *
 * @param positions - x to the right, y to the front, z up, in any unit
 * @returns null where no sphere can be laid: fewer than four positions, or all in one plane
 */
export function scalpPositions(positions: ChannelPositions): ScalpPositions | null {
  const points = [...positions.values()];
  const center = points.length < FEWEST ? null : sphereCenter(points);
  if (center === null) return null;
  return new Map(
    [...positions].map(([channel, point]) => {
      const [x, y, z] = point.map((value, axis) => value - center[axis]!) as [number, number, number];
      const across = Math.hypot(x, y);
      const radius = Math.atan2(across, z) / (Math.PI / 2);
      const scale = across === 0 ? 0 : radius / across;
      return [channel, [round(scale * x), round(scale * y)]];
    }),
  );
}

/** Least-squares solution of |p|^2 = 2 p.c + d for the centre c. */
function sphereCenter(points: ReadonlyArray<readonly [number, number, number]>): number[] | null {
  const mean = [0, 1, 2].map((axis) => points.reduce((sum, p) => sum + p[axis]!, 0) / points.length);
  const shifted = points.map((p) => p.map((value, axis) => value - mean[axis]!));
  const size = Math.max(...shifted.map((p) => Math.hypot(...p)));
  if (!(size > 0)) return null;
  const rows = shifted.map((p) => p.map((value) => value / size));
  const matrix = [0, 1, 2, 3].map((i) =>
    [0, 1, 2, 3, 4].map((j) =>
      rows.reduce((sum, p) => {
        const row = [2 * p[0]!, 2 * p[1]!, 2 * p[2]!, 1, p[0]! ** 2 + p[1]! ** 2 + p[2]! ** 2];
        return sum + row[i]! * row[j]!;
      }, 0),
    ),
  );
  const solution = solved(matrix);
  return solution === null ? null : mean.map((value, axis) => value + size * solution[axis]!);
}

/** Gauss elimination with pivots of a matrix with its right side as last column; null when it is singular. */
function solved(matrix: number[][]): number[] | null {
  const n = matrix.length;
  const largest = Math.max(...matrix.flatMap((row) => row.slice(0, n).map(Math.abs)));
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(matrix[i]![k]!) > Math.abs(matrix[pivot]![k]!)) pivot = i;
    [matrix[k], matrix[pivot]] = [matrix[pivot]!, matrix[k]!];
    if (!(Math.abs(matrix[k]![k]!) > FLAT * largest)) return null;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = matrix[i]![k]! / matrix[k]![k]!;
      for (let j = k; j <= n; j++) matrix[i]![j]! -= factor * matrix[k]![j]!;
    }
  }
  return matrix.map((row, i) => row[n]! / row[i]!);
}

function round(value: number): number {
  // Plus 0: no -0 in files.
  return Number(value.toFixed(4)) + 0;
}
