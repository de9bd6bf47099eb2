import type { NiftiVolume } from '../io/index.js';

/** A volume whose axes run to the right, to the front and upwards; read by voxel, nothing is copied. */
export interface CanonicalVolume {
  readonly shape: readonly [number, number, number];
  readonly voxelSizeMm: readonly [number, number, number];
  /** First volume of a series. */
  at(right: number, front: number, up: number): number;
}

/** Turns and flips the axes to the nearest RAS+ ones; oblique volumes stay oblique. */
export function canonicalVolume({ shape, affine, voxelSizeMm, data }: NiftiVolume): CanonicalVolume {
  const sizes = [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1] as const;
  const strides = [1, sizes[0], sizes[0] * sizes[1]] as const;
  const axes = nearestAxes(affine);
  const step: number[] = [];
  let first = 0;
  for (const { axis, flipped } of axes) {
    step.push(flipped ? -strides[axis] : strides[axis]);
    if (flipped) first += strides[axis] * (sizes[axis] - 1);
  }
  const [a = 0, b = 0, c = 0] = step;
  return {
    shape: axes.map(({ axis }) => sizes[axis]) as [number, number, number],
    voxelSizeMm: axes.map(({ axis }) => voxelSizeMm[axis]) as [number, number, number],
    at: (right, front, up) => data[first + right * a + front * b + up * c] ?? Number.NaN,
  };
}

interface Axis {
  readonly axis: 0 | 1 | 2;
  readonly flipped: boolean;
}

/** For right, front and up: the voxel axis that runs most in this direction, each taken once. */
function nearestAxes(affine: readonly number[]): Axis[] {
  const free = new Set([0, 1, 2] as const);
  const found: Axis[] = [];
  const order = [0, 1, 2].map((world) => ({
    world,
    clear: Math.max(...[0, 1, 2].map((axis) => share(affine, world, axis))),
  }));
  for (const { world } of order.sort((a, b) => b.clear - a.clear)) {
    const axis = [...free].reduce((best, one) =>
      share(affine, world, one) > share(affine, world, best) ? one : best,
    );
    free.delete(axis);
    found[world] = { axis, flipped: (affine[world * 4 + axis] ?? 0) < 0 };
  }
  return found;
}

/** How much of a voxel step along an axis goes in a world direction, 0 to 1. */
function share(affine: readonly number[], world: number, axis: number): number {
  const column = [0, 1, 2].map((row) => affine[row * 4 + axis] ?? 0);
  return Math.abs(column[world] ?? 0) / (Math.hypot(...column) || 1);
}
