/** Trilinear sampling and its gradients in float64, one corner at a time: what the kernels are compared with. */
import type { Grid } from '../../src/native/index.js';

export interface WarpInput {
  readonly grid: Grid;
  readonly c: number;
  readonly volume: ArrayLike<number>;
  readonly displacement: ArrayLike<number>;
  readonly mode: 'zeros' | 'border';
}

interface Corner {
  readonly voxel: number;
  readonly weight: number;
  /** Derivatives of the weight by the three displacement components. */
  readonly slopes: readonly number[];
}

function corners({ grid, displacement, mode }: WarpInput, n: number, p: readonly number[]): Corner[] {
  const sizes = [grid.x, grid.y, grid.z];
  const [x = 0, y = 0, z = 0] = p;
  const own = ((n * grid.x + x) * grid.y + y) * grid.z + z;
  const axes = sizes.map((size, axis) => {
    const raw = (p[axis] ?? 0) + (displacement[own * 3 + axis] ?? NaN);
    const clamped = mode === 'border' ? Math.min(Math.max(raw, 0), size - 1) : raw;
    const slope = mode === 'border' && (raw <= 0 || raw >= size - 1) ? 0 : 1;
    const low = Math.floor(clamped);
    const fraction = clamped - low;
    return [
      { at: low, weight: 1 - fraction, slope: -slope },
      { at: low + 1, weight: fraction, slope },
    ];
  });
  const found: Corner[] = [];
  for (let k = 0; k < 8; k++) {
    const [a, b, c] = [axes[0]?.[k >> 2], axes[1]?.[(k >> 1) & 1], axes[2]?.[k & 1]];
    if (a === undefined || b === undefined || c === undefined) continue;
    const inside = [a, b, c].every((corner, axis) => corner.at >= 0 && corner.at < (sizes[axis] ?? 0));
    if (!inside) continue;
    found.push({
      voxel: ((n * grid.x + a.at) * grid.y + b.at) * grid.z + c.at,
      weight: a.weight * b.weight * c.weight,
      slopes: [a.slope * b.weight * c.weight, a.weight * b.slope * c.weight, a.weight * b.weight * c.slope],
    });
  }
  return found;
}

function eachVoxel(grid: Grid, body: (n: number, p: readonly number[], voxel: number) => void): void {
  let voxel = 0;
  for (let n = 0; n < grid.n; n++) {
    for (let x = 0; x < grid.x; x++) {
      for (let y = 0; y < grid.y; y++) {
        for (let z = 0; z < grid.z; z++) body(n, [x, y, z], voxel++);
      }
    }
  }
}

export function referenceWarp(input: WarpInput): Float64Array {
  const { grid, c, volume } = input;
  const out = new Float64Array(volume.length);
  eachVoxel(grid, (n, p, voxel) => {
    for (const corner of corners(input, n, p)) {
      for (let k = 0; k < c; k++) {
        out[voxel * c + k] = (out[voxel * c + k] ?? 0) + corner.weight * (volume[corner.voxel * c + k] ?? 0);
      }
    }
  });
  return out;
}

export function referenceWarpBackward(
  input: WarpInput,
  dout: ArrayLike<number>,
): { readonly dVolume: Float64Array; readonly dDisplacement: Float64Array } {
  const { grid, c, volume, displacement } = input;
  const dVolume = new Float64Array(volume.length);
  const dDisplacement = new Float64Array(displacement.length);
  eachVoxel(grid, (n, p, voxel) => {
    for (const corner of corners(input, n, p)) {
      for (let k = 0; k < c; k++) {
        const g = dout[voxel * c + k] ?? 0;
        const to = corner.voxel * c + k;
        dVolume[to] = (dVolume[to] ?? 0) + corner.weight * g;
        for (let axis = 0; axis < 3; axis++) {
          const at = voxel * 3 + axis;
          dDisplacement[at] = (dDisplacement[at] ?? 0) + (corner.slopes[axis] ?? 0) * g * (volume[to] ?? 0);
        }
      }
    }
  });
  return { dVolume, dDisplacement };
}
