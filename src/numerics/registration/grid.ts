import { ProcessingError } from '../../errors.js';

/** Voxel counts along the three axes of a volume in C order (last axis fastest). */
export type Shape3 = readonly [number, number, number];

/**
 * The part of the full grid on which the template is trained. Voxel `p` of it is voxel `offset + p` of the full
 * grid; the high end may reach beyond the full grid, where density is 0.
 */
export interface TrainingGrid {
  /** First voxel of the crop in the full grid. */
  readonly offset: Shape3;
  /** Size of the crop before padding. */
  readonly size: Shape3;
  /** Size of the training grid: `size` rounded up to multiples of 2^levels. */
  readonly padded: Shape3;
}

/** Voxels over which a displacement fades to 0 outside the training grid; less would fold at the seam. */
export const FADE_VOXELS = 16;

/** Number of voxels of a shape. */
export function voxelCount(shape: Shape3): number {
  return shape[0] * shape[1] * shape[2];
}

/** Grid of the velocity: the training grid, or half of it along each axis. */
export function velocityShapeOf(padded: Shape3, flow: 'half' | 'full'): Shape3 {
  return flow === 'full' ? padded : [padded[0] / 2, padded[1] / 2, padded[2] / 2];
}

/** A shape with every axis rounded up to a multiple of 2^levels. */
export function paddedShape(shape: Shape3, levels: number): Shape3 {
  const step = 2 ** levels;
  return triple(shape.map((count) => Math.ceil(count / step) * step));
}

/**
 * Chooses the training grid: bounding box of the support of the cohort, grown by a margin, padded at the high
 * end to multiples of 2^levels.
 *
 * @param unionSupport - per voxel of the full grid, C order: not 0 where any subject has density
 * @param shape - full grid
 * @param options - `crop` false takes the full grid; `margin` in voxels, clipped at the volume; `levels` of the network
 * @throws ProcessingError SHAPE_MISMATCH when the support has another size, INVALID_ARGUMENT when it is empty
 */
export function trainingGrid(
  unionSupport: ArrayLike<number>,
  shape: Shape3,
  options: { readonly crop: boolean; readonly margin: number; readonly levels: number },
): TrainingGrid {
  checkLength(unionSupport, voxelCount(shape), 'union support', shape);
  const box = supportBox(unionSupport, shape);
  if (box === null) {
    throw new ProcessingError('INVALID_ARGUMENT', 'no voxel of the cohort has density', {
      cure: 'check the tract volumes and their normalisation',
    });
  }
  const axes = [0, 1, 2] as const;
  const first = axes.map((axis) => (options.crop ? Math.max(0, box.first[axis] - options.margin) : 0));
  const end = axes.map((axis) =>
    options.crop ? Math.min(shape[axis], box.last[axis] + 1 + options.margin) : shape[axis],
  );
  const size = axes.map((axis) => end[axis]! - first[axis]!);
  return {
    offset: triple(first),
    size: triple(size),
    padded: paddedShape(triple(size), options.levels),
  };
}

/** Voxels of the cohort where any volume is above 0, as 0 or 1. */
export function unionSupportOf(volumes: readonly ArrayLike<number>[]): Uint8Array {
  const support = new Uint8Array(volumes[0]?.length ?? 0);
  for (const volume of volumes) {
    for (let index = 0; index < support.length; index++) if (volume[index]! > 0) support[index] = 1;
  }
  return support;
}

/**
 * Cuts the training grid out of a full-grid volume; 0 beyond the volume.
 *
 * @param volume - full grid, C order
 * @returns shape `grid.padded`, C order
 */
export function cropVolume(volume: ArrayLike<number>, shape: Shape3, grid: TrainingGrid): Float32Array {
  checkLength(volume, voxelCount(shape), 'volume', shape);
  const cropped = new Float32Array(voxelCount(grid.padded));
  forEachSharedRow(shape, grid, (full, part, length) => {
    for (let index = 0; index < length; index++) cropped[part + index] = volume[full + index]!;
  });
  return cropped;
}

/**
 * Puts a training-grid volume back into the full grid; 0 outside.
 *
 * @param part - shape `grid.padded`, C order
 * @returns shape `shape`, C order
 */
export function pasteVolume(part: ArrayLike<number>, shape: Shape3, grid: TrainingGrid): Float32Array {
  checkLength(part, voxelCount(grid.padded), 'training-grid volume', grid.padded);
  const pasted = new Float32Array(voxelCount(shape));
  forEachSharedRow(shape, grid, (full, from, length) => {
    for (let index = 0; index < length; index++) pasted[full + index] = part[from + index]!;
  });
  return pasted;
}

/**
 * Puts a training-grid displacement into the full grid. Outside, it is the value at the nearest voxel of the
 * training grid times `(1 + cos(pi d / 16)) / 2`, `d` the Euclidean distance to that voxel, and 0 from 16 voxels on.
 *
 * @param displacement - shape (grid.padded, 3), C order, voxels
 * @returns shape (shape, 3), C order, voxels
 */
export function pasteDisplacement(
  displacement: Float32Array,
  shape: Shape3,
  grid: TrainingGrid,
): Float32Array {
  checkLength(displacement, 3 * voxelCount(grid.padded), 'training-grid displacement', [...grid.padded, 3]);
  const pasted = new Float32Array(3 * voxelCount(shape));
  const axes = [0, 1, 2] as const;
  const [alongX, alongY, alongZ] = axes.map((axis) => nearest(shape[axis], grid, axis));
  let target = 0;
  for (const x of alongX!) {
    for (const y of alongY!) {
      for (const z of alongZ!) {
        const fade = raisedCosine(Math.hypot(x.distance, y.distance, z.distance));
        if (fade > 0) {
          const source = 3 * ((x.index * grid.padded[1] + y.index) * grid.padded[2] + z.index);
          pasted[target] = displacement[source]! * fade;
          pasted[target + 1] = displacement[source + 1]! * fade;
          pasted[target + 2] = displacement[source + 2]! * fade;
        }
        target += 3;
      }
    }
  }
  return pasted;
}

function raisedCosine(distance: number): number {
  return distance >= FADE_VOXELS ? 0 : 0.5 * (1 + Math.cos((Math.PI * distance) / FADE_VOXELS));
}

/** For each full-grid index along an axis: the nearest index of the training grid and the distance to it. */
function nearest(count: number, grid: TrainingGrid, axis: 0 | 1 | 2): { index: number; distance: number }[] {
  return Array.from({ length: count }, (_, full) => {
    const wanted = full - grid.offset[axis];
    const index = Math.min(Math.max(wanted, 0), grid.padded[axis] - 1);
    return { index, distance: Math.abs(wanted - index) };
  });
}

/** Visits the rows along the last axis that lie in both grids: start in the full grid, start in the part, length. */
function forEachSharedRow(
  shape: Shape3,
  grid: TrainingGrid,
  visit: (full: number, part: number, length: number) => void,
): void {
  const shared = triple(
    [0, 1, 2].map((axis) => Math.min(grid.padded[axis]!, shape[axis]! - grid.offset[axis]!)),
  );
  for (let x = 0; x < shared[0]; x++) {
    for (let y = 0; y < shared[1]; y++) {
      const full = ((x + grid.offset[0]) * shape[1] + (y + grid.offset[1])) * shape[2] + grid.offset[2];
      visit(full, (x * grid.padded[1] + y) * grid.padded[2], shared[2]);
    }
  }
}

function supportBox(support: ArrayLike<number>, shape: Shape3): { first: Shape3; last: Shape3 } | null {
  const first = [Infinity, Infinity, Infinity];
  const last = [-1, -1, -1];
  let index = 0;
  for (let x = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let z = 0; z < shape[2]; z++, index++) {
        if (!support[index]) continue;
        const voxel = [x, y, z];
        for (let axis = 0; axis < 3; axis++) {
          first[axis] = Math.min(first[axis]!, voxel[axis]!);
          last[axis] = Math.max(last[axis]!, voxel[axis]!);
        }
      }
    }
  }
  return last[0]! < 0 ? null : { first: triple(first), last: triple(last) };
}

function triple(values: readonly number[]): Shape3 {
  return [values[0]!, values[1]!, values[2]!];
}

function checkLength(
  values: ArrayLike<number>,
  expected: number,
  what: string,
  shape: readonly number[],
): void {
  if (values.length !== expected) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${what} has ${values.length} values, shape ${shape.join(' x ')} needs ${expected}`,
      { cure: 'give as many values as the shape has elements' },
    );
  }
}
