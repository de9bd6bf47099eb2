import { read, scale, scoped, tensor, upsampleField, warp } from '../../tensor/index.js';
import type { SeededRandom } from '../random.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { displacementOf } from './registration-pass.js';
import type { ModelSettings } from './settings.js';

/** Distance of the control points of the smooth part, voxels of the half grid; a power of two. */
const CONTROL_SPACING = 4;

/**
 * Standard deviations, voxels of the half grid: of the vectors at the control points, of the shift; and of the entries of
 * the linear part. Twice as much made the task too hard to learn in a hundred epochs (bench/RESULTS.md).
 */
const SMOOTH_VOXELS = 0.5;
const SHIFT_VOXELS = 0.5;
const LINEAR_PART = 0.02;

/**
 * A volume as another person might have it: pulled by a random diffeomorphism, affine and smooth. No mirror: a tract
 * belongs to one hemisphere.
 *
 * @param volume - training grid
 * @param random - drawn from in a fixed number of normal deviates
 * @returns shape `shape`
 */
export async function deformAtRandom(
  volume: Float32Array,
  shape: Shape3,
  model: Pick<ModelSettings, 'int_steps'>,
  random: SeededRandom,
): Promise<Float32Array> {
  const half = velocityShapeOf(shape, 'half');
  const velocity = await smoothVelocity(half, random);
  addAffineVelocity(velocity, half, random);
  return scoped(() => {
    const field = tensor(velocity, [1, ...half, 3]);
    const displacement = displacementOf(field, { ...model, flow_resolution: 'half' });
    return read(warp(tensor(volume, [1, ...shape, 1]), displacement, 'zeros'));
  });
}

/** Normal vectors at control points, trilinear between them. */
async function smoothVelocity(half: Shape3, random: SeededRandom): Promise<Float32Array> {
  const points = half.map((count) => Math.ceil(count / CONTROL_SPACING)) as unknown as Shape3;
  const vectors = new Float32Array(3 * voxelCount(points)).map(() => SMOOTH_VOXELS * random.normal());
  const wide = points.map((count) => CONTROL_SPACING * count) as unknown as Shape3;
  const values = await scoped(() => {
    let field = tensor(vectors, [1, ...points, 3]);
    // Each doubling of the grid doubles the vectors too, which is taken back.
    for (let spacing = CONTROL_SPACING; spacing > 1; spacing /= 2) field = scale(upsampleField(field), 0.5);
    return read(field);
  });
  return cutLowCorner(values, wide, half);
}

function cutLowCorner(field: Float32Array, from: Shape3, to: Shape3): Float32Array {
  const cut = new Float32Array(3 * voxelCount(to));
  for (let x = 0; x < to[0]; x++) {
    for (let y = 0; y < to[1]; y++) {
      const start = 3 * (x * from[1] + y) * from[2];
      cut.set(field.subarray(start, start + 3 * to[2]), 3 * (x * to[1] + y) * to[2]);
    }
  }
  return cut;
}

/** Adds `A (x - centre) + t`. */
function addAffineVelocity(velocity: Float32Array, half: Shape3, random: SeededRandom): void {
  const linear = Array.from({ length: 9 }, () => LINEAR_PART * random.normal());
  const shift = Array.from({ length: 3 }, () => SHIFT_VOXELS * random.normal());
  let at = 0;
  for (let x = 0; x < half[0]; x++) {
    for (let y = 0; y < half[1]; y++) {
      for (let z = 0; z < half[2]; z++) {
        const fromCentre = [x - (half[0] - 1) / 2, y - (half[1] - 1) / 2, z - (half[2] - 1) / 2];
        for (let axis = 0; axis < 3; axis++, at++) {
          const row = linear.slice(3 * axis, 3 * axis + 3);
          const moved = row.reduce((sum, entry, k) => sum + entry * fromCentre[k]!, shift[axis]!);
          velocity[at] = velocity[at]! + moved;
        }
      }
    }
  }
}
