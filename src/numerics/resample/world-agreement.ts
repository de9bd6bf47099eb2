import type { Matrix4 } from './matrix4.js';
import { applyMatrix } from './matrix4.js';

/** A grid in the world. */
export interface WorldGrid {
  readonly shape: readonly [number, number, number];
  /** Voxel to world, row-major 4x4, RAS mm. */
  readonly affine: Matrix4;
}

/** Cosine below which two axes are not parallel: 0.8 degrees. */
const PARALLEL_COSINE = 0.9999;
/** Share of the smaller field of view that both grids must have in common. */
const SHARED_VIEW = 0.5;

/**
 * Why two grids cannot be in one world space, or null: their axes point in different directions (order and sign of
 * axes do not matter), or their fields of view hardly meet.
 */
export function worldDisagreement(one: WorldGrid, other: WorldGrid): string | null {
  const axes = [0, 1, 2].map((axis) => direction(one.affine, axis));
  const isTilted = axes.some((axis) =>
    [0, 1, 2].every((column) => Math.abs(dot(axis, direction(other.affine, column))) < PARALLEL_COSINE),
  );
  if (isTilted) return 'their axes are tilted against each other';
  const shared = sharedView(one, other);
  if (shared >= SHARED_VIEW) return null;
  return `their fields of view share ${Math.round(100 * shared)} % only`;
}

function direction(affine: Matrix4, column: number): number[] {
  const axis = [affine[column]!, affine[4 + column]!, affine[8 + column]!];
  const length = Math.hypot(...axis);
  return axis.map((value) => value / length);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Volume that two world boxes share, over that of the smaller. */
function sharedView(one: WorldGrid, other: WorldGrid): number {
  const [a, b] = [worldBox(one), worldBox(other)];
  let [shared, ofA, ofB] = [1, 1, 1];
  for (let axis = 0; axis < 3; axis++) {
    shared *= Math.max(0, Math.min(a.high[axis]!, b.high[axis]!) - Math.max(a.low[axis]!, b.low[axis]!));
    ofA *= a.high[axis]! - a.low[axis]!;
    ofB *= b.high[axis]! - b.low[axis]!;
  }
  return shared / Math.min(ofA, ofB);
}

/** Box around the outer faces of the voxels. */
function worldBox({ shape, affine }: WorldGrid): { low: Float64Array; high: Float64Array } {
  const [low, high] = [new Float64Array(3).fill(Infinity), new Float64Array(3).fill(-Infinity)];
  const point = new Float64Array(3);
  for (let corner = 0; corner < 8; corner++) {
    const at = [corner >> 2, (corner >> 1) & 1, corner & 1].map((end, axis) => end * shape[axis]! - 0.5);
    applyMatrix(affine, at[0]!, at[1]!, at[2]!, point);
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis]!, point[axis]!);
      high[axis] = Math.max(high[axis]!, point[axis]!);
    }
  }
  return { low, high };
}
