import { linearDeterminant } from './matrix4.js';
import { sampleNearest, sampleTrilinear } from './sampling.js';
import type { VoxelMap } from './spatial-map.js';

/** A map on its grid, and the grid that it is wanted on. */
export interface PullOptions {
  /** C order. */
  readonly map: ArrayLike<number>;
  readonly mapShape: readonly [number, number, number];
  /** Grid of the result. */
  readonly shape: readonly [number, number, number];
  /** From voxels of the result to voxels of the map. */
  readonly voxels: VoxelMap;
  readonly interpolation: 'trilinear' | 'nearest';
  /** Multiply by the local change of volume, so that the sum over the voxels is kept. */
  readonly modulate: boolean;
}

/**
 * Pulls a map to another grid: each voxel of the result takes the value at the place it is mapped to, 0 outside.
 *
 * @returns shape `shape`, C order, float32
 */
export function pullMap(options: PullOptions): Float32Array {
  const { map, mapShape, shape, voxels, interpolation, modulate } = options;
  const volume = { data: map, shape: mapShape, components: 1 };
  const pulled = new Float32Array(shape[0] * shape[1] * shape[2]);
  const [at, value] = [new Float64Array(3), new Float64Array(1)];
  const constant = voxels.matrix === null ? null : Math.abs(linearDeterminant(voxels.matrix));
  let v = 0;
  for (let x = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let z = 0; z < shape[2]; z++, v++) {
        voxels.apply(x, y, z, at);
        if (interpolation === 'nearest') value[0] = sampleNearest(volume, at);
        else sampleTrilinear(volume, at, value);
        if (value[0] === 0) continue;
        pulled[v] = modulate ? value[0]! * (constant ?? localDeterminant(voxels, x, y, z)) : value[0]!;
      }
    }
  }
  return pulled;
}

/** Absolute determinant of a map at a voxel, from differences over one voxel about its centre. */
export function localDeterminant(voxels: VoxelMap, x: number, y: number, z: number): number {
  const [ahead, behind] = [new Float64Array(3), new Float64Array(3)];
  const columns = [
    [0.5, 0, 0],
    [0, 0.5, 0],
    [0, 0, 0.5],
  ].map(([dx = 0, dy = 0, dz = 0]) => {
    voxels.apply(x + dx, y + dy, z + dz, ahead);
    voxels.apply(x - dx, y - dy, z - dz, behind);
    return [ahead[0]! - behind[0]!, ahead[1]! - behind[1]!, ahead[2]! - behind[2]!];
  });
  const row = (i: number): number[] => [...columns.map((column) => column[i]!), 0];
  return Math.abs(linearDeterminant([...row(0), ...row(1), ...row(2), 0, 0, 0, 1]));
}
