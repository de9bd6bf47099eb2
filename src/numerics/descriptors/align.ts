import { matrix } from '../linalg/matrix.js';
import { symmetricEigen } from '../linalg/symmetric-eigen.js';

/**
 * A surface turned to its principal axes and shifted to its centre: the first axis has the largest spread; along each of the
 * first two the longer tail points to the positive side, the third completes a right-handed frame. For shapes with an axis of
 * symmetry the frame is not defined.
 *
 * @param vertices - (n, 3), row per vertex
 * @param masses - (n), area of each vertex
 * @returns (n, 3), same unit
 */
export function alignToPrincipalAxes(vertices: ArrayLike<number>, masses: ArrayLike<number>): Float64Array {
  const n = masses.length;
  const centre = [0, 0, 0];
  let total = 0;
  for (let i = 0; i < n; i++) {
    total += masses[i]!;
    for (let d = 0; d < 3; d++) centre[d]! += masses[i]! * vertices[3 * i + d]!;
  }
  for (let d = 0; d < 3; d++) centre[d]! /= total;
  const spread = matrix(3, 3);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < 3; p++) {
      for (let q = 0; q < 3; q++) {
        spread.values[3 * p + q]! +=
          masses[i]! * (vertices[3 * i + p]! - centre[p]!) * (vertices[3 * i + q]! - centre[q]!);
      }
    }
  }
  const { vectors } = symmetricEigen(spread);
  const axisOf = (column: number): number[] => [0, 1, 2].map((d) => vectors.values[3 * d + column]!);
  const along = (axis: readonly number[], i: number): number =>
    axis.reduce((sum, value, d) => sum + value * (vertices[3 * i + d]! - centre[d]!), 0);
  const turned = (axis: number[]): number[] => {
    let skew = 0;
    for (let i = 0; i < n; i++) skew += masses[i]! * along(axis, i) ** 3;
    return skew < 0 ? axis.map((value) => -value) : axis;
  };
  const first = turned(axisOf(2));
  const second = turned(axisOf(1));
  const third = [0, 1, 2].map((d) => {
    const [p, q] = [(d + 1) % 3, (d + 2) % 3];
    return first[p]! * second[q]! - first[q]! * second[p]!;
  });
  const out = new Float64Array(3 * n);
  for (let i = 0; i < n; i++) {
    [first, second, third].forEach((axis, d) => {
      out[3 * i + d] = along(axis, i);
    });
  }
  return out;
}
