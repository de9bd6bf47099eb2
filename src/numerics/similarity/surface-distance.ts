import type { MapPair } from './map-pair.js';
import { squaredDistanceTransform } from './distance-transform.js';

/** Distances between the surfaces of two supports, mm; NaN where a support is empty. */
export interface SurfaceDistances {
  /** Largest distance of a surface voxel to the other surface. */
  readonly hausdorff_mm: number;
  /** Larger of the two 95th percentiles. */
  readonly hausdorff95_mm: number;
  /** Mean of the two mean distances. */
  readonly mean_surface_distance_mm: number;
}

type Shape = readonly [number, number, number];

/**
 * Distances between the surfaces of both supports: voxels of a support with at least one of the six neighbours
 * outside it; beyond the grid counts as outside. Voxel centres, voxel spacing.
 */
export function surfaceDistances({ a, b, shape, affine, threshold }: MapPair): SurfaceDistances {
  const box = unionBox([a, b], shape, threshold);
  const spacing = voxelSpacing(affine);
  const [surfaceA, surfaceB] = [a, b].map((map) => surfaceOf(cut(map, shape, box, threshold), box.size));
  if (!surfaceA!.includes(1) || !surfaceB!.includes(1)) {
    return { hausdorff_mm: NaN, hausdorff95_mm: NaN, mean_surface_distance_mm: NaN };
  }
  const toB = distancesAt(surfaceA!, squaredDistanceTransform(surfaceB!, box.size, spacing));
  const toA = distancesAt(surfaceB!, squaredDistanceTransform(surfaceA!, box.size, spacing));
  return {
    hausdorff_mm: Math.max(toA.at(-1)!, toB.at(-1)!),
    hausdorff95_mm: Math.max(percentile(toA, 0.95), percentile(toB, 0.95)),
    mean_surface_distance_mm: (mean(toA) + mean(toB)) / 2,
  };
}

/** Voxels of a support that touch its outside over a face. */
export function surfaceOf(support: Uint8Array, [X, Y, Z]: Shape): Uint8Array {
  const surface = new Uint8Array(support.length);
  const inside = (x: number, y: number, z: number): boolean =>
    x >= 0 && x < X && y >= 0 && y < Y && z >= 0 && z < Z && support[(x * Y + y) * Z + z] === 1;
  for (let x = 0, v = 0; x < X; x++) {
    for (let y = 0; y < Y; y++) {
      for (let z = 0; z < Z; z++, v++) {
        if (support[v] === 0) continue;
        const isInner =
          inside(x - 1, y, z) &&
          inside(x + 1, y, z) &&
          inside(x, y - 1, z) &&
          inside(x, y + 1, z) &&
          inside(x, y, z - 1) &&
          inside(x, y, z + 1);
        if (!isInner) surface[v] = 1;
      }
    }
  }
  return surface;
}

/** Value below which a share of the sorted values lies, linear between neighbours. */
export function percentile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}

interface Box {
  readonly first: Shape;
  readonly size: Shape;
}

/** Bounding box of both supports: distances outside are not needed. */
function unionBox(maps: readonly ArrayLike<number>[], [X, Y, Z]: Shape, threshold: number): Box {
  const first = [X, Y, Z];
  const last = [-1, -1, -1];
  for (let x = 0, v = 0; x < X; x++) {
    for (let y = 0; y < Y; y++) {
      for (let z = 0; z < Z; z++, v++) {
        if (!maps.some((map) => map[v]! > threshold)) continue;
        [x, y, z].forEach((index, axis) => {
          first[axis] = Math.min(first[axis]!, index);
          last[axis] = Math.max(last[axis]!, index);
        });
      }
    }
  }
  const size = first.map((from, axis) => Math.max(0, last[axis]! + 1 - from));
  return { first: first as unknown as Shape, size: size as unknown as Shape };
}

function cut(map: ArrayLike<number>, [, Y, Z]: Shape, { first, size }: Box, threshold: number): Uint8Array {
  const support = new Uint8Array(size[0] * size[1] * size[2]);
  for (let x = 0, v = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      const row = ((x + first[0]) * Y + y + first[1]) * Z + first[2];
      for (let z = 0; z < size[2]; z++, v++) support[v] = map[row + z]! > threshold ? 1 : 0;
    }
  }
  return support;
}

function voxelSpacing(affine: readonly number[]): Shape {
  const column = (axis: number) => Math.hypot(affine[axis]!, affine[4 + axis]!, affine[8 + axis]!);
  return [column(0), column(1), column(2)];
}

/** Distances of the voxels of a surface, ascending, mm. */
function distancesAt(surface: Uint8Array, squared: Float64Array): Float64Array {
  const distances: number[] = [];
  surface.forEach((isSurface, v) => {
    if (isSurface === 1) distances.push(Math.sqrt(squared[v]!));
  });
  return Float64Array.from(distances).sort();
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
