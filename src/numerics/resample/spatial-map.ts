import { applyMatrix, IDENTITY4, inverse4, multiply4, type Matrix4 } from './matrix4.js';
import { sampleTrilinear } from './sampling.js';

/** Displacement vectors on a grid of their own. */
export interface WorldField {
  /** (X, Y, Z, 3), C order, RAS mm. */
  readonly vectorsMm: Float32Array;
  readonly shape: readonly [number, number, number];
  /** Voxel to world, row-major 4x4, RAS mm. */
  readonly affine: Matrix4;
}

/** One step of a transform of world points, RAS mm. */
export type SpatialStep =
  | { readonly kind: 'matrix'; readonly matrix: Matrix4 }
  | { readonly kind: 'field'; readonly field: WorldField };

/** A map from voxels of one grid to voxels of another. */
export interface VoxelMap {
  /** Set where the map is affine as a whole. */
  readonly matrix: Matrix4 | null;
  /** Writes the coordinate in the second grid of a coordinate in the first. */
  apply(x: number, y: number, z: number, out: Float64Array): void;
}

/**
 * The map from voxels of a grid over its world, through the steps, to voxels of another grid.
 *
 * @param steps - applied right to left: the last one sees the world of `from` first
 * @throws ProcessingError AFFINE_SINGULAR when a grid or a step cannot be inverted
 */
export function voxelMap(from: Matrix4, steps: readonly SpatialStep[], to: Matrix4): VoxelMap {
  const parts: (Matrix4 | WorldPart)[] = [from];
  for (const step of [...steps].reverse()) {
    if (step.kind === 'field') parts.push(new WorldPart(step.field));
    else {
      inverse4(step.matrix, 'the matrix of the transform');
      appendMatrix(parts, step.matrix);
    }
  }
  appendMatrix(parts, inverse4(to, 'the voxel to world matrix of the atlas'));
  const [only] = parts;
  const matrix = parts.length === 1 && !(only instanceof WorldPart) ? only! : null;
  return {
    matrix,
    apply(x, y, z, out) {
      out[0] = x;
      out[1] = y;
      out[2] = z;
      for (const part of parts) {
        if (part instanceof WorldPart) part.move(out);
        else applyMatrix(part, out[0]!, out[1]!, out[2]!, out);
      }
    },
  };
}

/** Neighbouring matrices are one: a list of matrices equals their product. */
function appendMatrix(parts: (Matrix4 | WorldPart)[], matrix: Matrix4): void {
  const last = parts.at(-1) ?? IDENTITY4;
  if (last instanceof WorldPart) parts.push(matrix);
  else parts[parts.length - 1] = multiply4(matrix, last);
}

/** A displacement field as a map of world points: outside its grid nothing moves. */
class WorldPart {
  readonly #volume;
  readonly #toVoxels: Matrix4;
  readonly #at = new Float64Array(3);
  readonly #vector = new Float64Array(3);

  constructor({ vectorsMm, shape, affine }: WorldField) {
    this.#volume = { data: vectorsMm, shape, components: 3 };
    this.#toVoxels = inverse4(affine, 'the voxel to world matrix of the field');
  }

  move(point: Float64Array): void {
    const at = this.#at;
    applyMatrix(this.#toVoxels, point[0]!, point[1]!, point[2]!, at);
    for (let axis = 0; axis < 3; axis++) {
      const last = this.#volume.shape[axis]! - 1;
      // The half voxel around the outer centres belongs to the grid.
      if (!(at[axis]! > -0.5 - 1e-9 && at[axis]! < last + 0.5 + 1e-9)) return;
      at[axis] = Math.min(Math.max(at[axis]!, 0), last);
    }
    sampleTrilinear(this.#volume, at, this.#vector);
    for (let axis = 0; axis < 3; axis++) point[axis] = point[axis]! + this.#vector[axis]!;
  }
}
