/** A scalar volume or a field on a grid, C order, components fastest. */
export interface SampledVolume {
  readonly data: ArrayLike<number>;
  readonly shape: readonly [number, number, number];
  /** 1 for a map, 3 for a field. */
  readonly components: number;
}

/**
 * Voxel coordinates nearer than this to a voxel centre are taken for it: headers hold affines as float32, so that what
 * should be whole is off by some 1e-6, and a value would be mixed with a neighbour's.
 */
const SNAP_VOXELS = 1e-5;

/** A coordinate, or the whole number that it stands for. */
export function snapped(coordinate: number): number {
  const whole = Math.round(coordinate);
  return Math.abs(coordinate - whole) < SNAP_VOXELS ? whole : coordinate;
}

/**
 * Trilinear value of every component at a voxel coordinate, 0 outside: each of the eight corners counts on its own, so
 * that a point within one voxel of the grid fades to 0.
 */
export function sampleTrilinear(
  { data, shape: [X, Y, Z], components }: SampledVolume,
  at: Float64Array,
  out: Float64Array,
): void {
  const [x, y, z] = [snapped(at[0]!), snapped(at[1]!), snapped(at[2]!)];
  const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [fx, fy, fz] = [x - i, y - j, z - k];
  out.fill(0, 0, components);
  for (let corner = 0; corner < 8; corner++) {
    const [di, dj, dk] = [corner >> 2, (corner >> 1) & 1, corner & 1];
    const [ci, cj, ck] = [i + di, j + dj, k + dk];
    if (ci < 0 || ci >= X || cj < 0 || cj >= Y || ck < 0 || ck >= Z) continue;
    const weight = (di ? fx : 1 - fx) * (dj ? fy : 1 - fy) * (dk ? fz : 1 - fz);
    if (weight === 0) continue;
    const voxel = components * ((ci * Y + cj) * Z + ck);
    for (let c = 0; c < components; c++) out[c] = out[c]! + weight * data[voxel + c]!;
  }
}

/** Value of the voxel that a coordinate lies in; 0 outside. */
export function sampleNearest({ data, shape: [X, Y, Z] }: SampledVolume, at: Float64Array): number {
  const [i, j, k] = [Math.floor(at[0]! + 0.5), Math.floor(at[1]! + 0.5), Math.floor(at[2]! + 0.5)];
  const isInside = i >= 0 && i < X && j >= 0 && j < Y && k >= 0 && k < Z;
  return isInside ? data[(i * Y + j) * Z + k]! : 0;
}
