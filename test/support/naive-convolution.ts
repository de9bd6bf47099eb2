import type { Grid } from '../../src/native/index.js';

export interface NaiveShape {
  readonly grid: Grid;
  readonly cin: number;
  readonly cout: number;
}

/** Calls visit(input voxel, output voxel, tap) for every pair that a 3x3x3 'same' convolution connects. */
function forEachTap({ n, x, y, z }: Grid, visit: (from: number, to: number, tap: number) => void): void {
  const at = (b: number, i: number, j: number, k: number): number => ((b * x + i) * y + j) * z + k;
  for (let b = 0; b < n; b++) {
    for (let i = 0; i < x; i++) {
      for (let j = 0; j < y; j++) {
        for (let k = 0; k < z; k++) {
          for (let tap = 0; tap < 27; tap++) {
            const p = i + Math.floor(tap / 9) - 1;
            const q = j + (Math.floor(tap / 3) % 3) - 1;
            const r = k + (tap % 3) - 1;
            if (p < 0 || p >= x || q < 0 || q >= y || r < 0 || r >= z) continue;
            visit(at(b, p, q, r), at(b, i, j, k), tap);
          }
        }
      }
    }
  }
}

/** leakyRelu(conv(x, w) + bias) by the definition, in float64. */
export function naiveForward(
  { grid, cin, cout }: NaiveShape,
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array | null,
  slope: number,
): Float64Array {
  const sums = new Float64Array(grid.n * grid.x * grid.y * grid.z * cout);
  if (bias !== null) sums.forEach((_, at) => (sums[at] = bias[at % cout]!));
  forEachTap(grid, (from, to, tap) => {
    for (let i = 0; i < cin; i++) {
      for (let o = 0; o < cout; o++) {
        sums[to * cout + o]! += x[from * cin + i]! * w[(tap * cin + i) * cout + o]!;
      }
    }
  });
  return sums.map((v) => (v > 0 ? v : v * slope));
}

/** Gradients of naiveForward by the definition, in float64; the leaky ReLU by the sign of `y`. */
export function naiveBackward(
  { grid, cin, cout }: NaiveShape,
  x: Float32Array,
  w: Float32Array,
  y: Float32Array,
  slope: number,
  dy: Float32Array,
): { dx: Float64Array; dw: Float64Array; db: Float64Array } {
  const g = Float64Array.from(dy, (v, at) => (slope === 1 || y[at]! > 0 ? v : v * slope));
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  const db = new Float64Array(cout);
  g.forEach((v, at) => (db[at % cout]! += v));
  forEachTap(grid, (from, to, tap) => {
    for (let i = 0; i < cin; i++) {
      for (let o = 0; o < cout; o++) {
        const weight = (tap * cin + i) * cout + o;
        dx[from * cin + i]! += g[to * cout + o]! * w[weight]!;
        dw[weight]! += g[to * cout + o]! * x[from * cin + i]!;
      }
    }
  });
  return { dx, dw, db };
}
