import { solveSlices } from './block-lanczos.js';
import { BLOCK, type LanczosKernels, type SolverPair } from './solver-kernels.js';
import { smallEigen } from '../linalg/small-eigen.js';
import { DrawSource, patternGraph } from './graph.js';
import { nestedDissection } from './nested-dissection.js';
import { joinPair, pairFacts, permutedPair } from './solver-pair.js';
import { symbolicFactor, type SymbolicFactor } from './symbolic-factor.js';
import { symmetricPencil } from './symmetric-pencil.js';
import { factorTypescript, solveTypescript } from './typescript-factor.js';

// Rows worked on at a time, so that they stay in the cache while the blocks of the basis pass by.
const CHUNK = 192;

function forBlocks(size: number, blocks: number, body: (from: number) => void): void {
  for (let b = 0; b < blocks; b++) body(b * BLOCK * size);
}

function multiplyMass(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void {
  const { size, starts, columns, mass, diagonalMass } = pair;
  forBlocks(size, blocks, (from) => {
    if (diagonalMass !== null) {
      for (let i = 0, at = from; i < size; i++, at += 4) {
        const m = diagonalMass[i]!;
        y[at] = m * x[at]!;
        y[at + 1] = m * x[at + 1]!;
        y[at + 2] = m * x[at + 2]!;
        y[at + 3] = m * x[at + 3]!;
      }
      return;
    }
    for (let i = 0, at = from; i < size; i++, at += 4) {
      let y0 = 0;
      let y1 = 0;
      let y2 = 0;
      let y3 = 0;
      for (let e = starts[i]!; e < starts[i + 1]!; e++) {
        const m = mass[e]!;
        const source = from + 4 * columns[e]!;
        y0 += m * x[source]!;
        y1 += m * x[source + 1]!;
        y2 += m * x[source + 2]!;
        y3 += m * x[source + 3]!;
      }
      y[at] = y0;
      y[at + 1] = y1;
      y[at + 2] = y2;
      y[at + 3] = y3;
    }
  });
}

function multiplyStiffness(pair: SolverPair, x: Float64Array, y: Float64Array, blocks: number): void {
  const { size, starts, columns, stiffness, rowSums } = pair;
  forBlocks(size, blocks, (from) => {
    for (let i = 0, at = from; i < size; i++, at += 4) {
      const x0 = x[at]!;
      const x1 = x[at + 1]!;
      const x2 = x[at + 2]!;
      const x3 = x[at + 3]!;
      const sum = rowSums[i]!;
      let y0 = sum * x0;
      let y1 = sum * x1;
      let y2 = sum * x2;
      let y3 = sum * x3;
      for (let e = starts[i]!; e < starts[i + 1]!; e++) {
        const k = stiffness[e]!;
        const source = from + 4 * columns[e]!;
        y0 += k * (x[source]! - x0);
        y1 += k * (x[source + 1]! - x1);
        y2 += k * (x[source + 2]! - x2);
        y3 += k * (x[source + 3]! - x3);
      }
      y[at] = y0;
      y[at + 1] = y1;
      y[at + 2] = y2;
      y[at + 3] = y3;
    }
  });
}

function project(size: number, basis: Float64Array, count: number, z: Float64Array, h: Float64Array): void {
  h.fill(0, 0, 16 * count);
  for (let first = 0; first < size; first += CHUNK) {
    const rows = Math.min(CHUNK, size - first);
    for (let j = 0; j < count; j++) {
      dotTile(basis, 4 * (j * size + first), z, 4 * first, rows, h, 16 * j);
    }
  }
}

/** h += q' z over `rows` rows. Sixteen sums in two halves: more would not stay in registers. */
function dotTile(
  q: Float64Array,
  qAt: number,
  z: Float64Array,
  zAt: number,
  rows: number,
  h: Float64Array,
  to: number,
): void {
  for (let half = 0; half < 4; half += 2) {
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    let b0 = 0;
    let b1 = 0;
    let b2 = 0;
    let b3 = 0;
    let at = qAt + half;
    let from = zAt;
    for (let i = 0; i < rows; i++, at += 4, from += 4) {
      const p = q[at]!;
      const r = q[at + 1]!;
      const z0 = z[from]!;
      const z1 = z[from + 1]!;
      const z2 = z[from + 2]!;
      const z3 = z[from + 3]!;
      a0 += p * z0;
      a1 += p * z1;
      a2 += p * z2;
      a3 += p * z3;
      b0 += r * z0;
      b1 += r * z1;
      b2 += r * z2;
      b3 += r * z3;
    }
    const row = to + 4 * half;
    h[row]! += a0;
    h[row + 1]! += a1;
    h[row + 2]! += a2;
    h[row + 3]! += a3;
    h[row + 4]! += b0;
    h[row + 5]! += b1;
    h[row + 6]! += b2;
    h[row + 7]! += b3;
  }
}

function subtract(size: number, basis: Float64Array, count: number, h: Float64Array, w: Float64Array): void {
  for (let first = 0; first < size; first += CHUNK) {
    const rows = Math.min(CHUNK, size - first);
    for (let j = 0; j < count; j++) {
      addTile(basis, 4 * (j * size + first), h, 16 * j, -1, w, 4 * first, rows);
    }
  }
}

/** w += sign q h over `rows` rows, two columns of w at a time. */
function addTile(
  q: Float64Array,
  qAt: number,
  h: Float64Array,
  hAt: number,
  sign: number,
  w: Float64Array,
  wAt: number,
  rows: number,
): void {
  for (let half = 0; half < 4; half += 2) {
    const c = hAt + half;
    const h00 = sign * h[c]!;
    const h10 = sign * h[c + 4]!;
    const h20 = sign * h[c + 8]!;
    const h30 = sign * h[c + 12]!;
    const h01 = sign * h[c + 1]!;
    const h11 = sign * h[c + 5]!;
    const h21 = sign * h[c + 9]!;
    const h31 = sign * h[c + 13]!;
    let from = qAt;
    let to = wAt + half;
    for (let i = 0; i < rows; i++, from += 4, to += 4) {
      const q0 = q[from]!;
      const q1 = q[from + 1]!;
      const q2 = q[from + 2]!;
      const q3 = q[from + 3]!;
      w[to]! += q0 * h00 + q1 * h10 + q2 * h20 + q3 * h30;
      w[to + 1]! += q0 * h01 + q1 * h11 + q2 * h21 + q3 * h31;
    }
  }
}

function scale(size: number, w: Float64Array, g: Float64Array): void {
  for (let i = 0, at = 0; i < size; i++, at += 4) {
    const w0 = w[at]!;
    const w1 = w[at + 1]!;
    const w2 = w[at + 2]!;
    const w3 = w[at + 3]!;
    for (let c = 0; c < 4; c++) w[at + c] = w0 * g[c]! + w1 * g[4 + c]! + w2 * g[8 + c]! + w3 * g[12 + c]!;
  }
}

function subtractColumns(size: number, w: Float64Array, factors: Float64Array, z: Float64Array): void {
  const f0 = factors[0]!;
  const f1 = factors[1]!;
  const f2 = factors[2]!;
  const f3 = factors[3]!;
  for (let at = 0; at < 4 * size; at += 4) {
    w[at]! -= f0 * z[at]!;
    w[at + 1]! -= f1 * z[at + 1]!;
    w[at + 2]! -= f2 * z[at + 2]!;
    w[at + 3]! -= f3 * z[at + 3]!;
  }
}

function columnDots(size: number, a: Float64Array, b: Float64Array, out: Float64Array): void {
  out.fill(0, 0, 4);
  // Sums of chunks keep the rounding of long sums small.
  for (let first = 0; first < size; first += CHUNK) {
    const end = 4 * Math.min(size, first + CHUNK);
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let at = 4 * first; at < end; at += 4) {
      s0 += a[at]! * b[at]!;
      s1 += a[at + 1]! * b[at + 1]!;
      s2 += a[at + 2]! * b[at + 2]!;
      s3 += a[at + 3]! * b[at + 3]!;
    }
    out[0]! += s0;
    out[1]! += s1;
    out[2]! += s2;
    out[3]! += s3;
  }
}

function combine(
  size: number,
  basis: Float64Array,
  count: number,
  coefficients: Float64Array,
  outCount: number,
  out: Float64Array,
): void {
  const held = new Float64Array(4 * CHUNK * count);
  for (let first = 0; first < size; first += CHUNK) {
    const rows = Math.min(CHUNK, size - first);
    for (let j = 0; j < count; j++) {
      const from = 4 * (j * size + first);
      held.set(basis.subarray(from, from + 4 * rows), 4 * j * CHUNK);
    }
    for (let b = 0; b < outCount; b++) {
      const to = 4 * (b * size + first);
      out.fill(0, to, to + 4 * rows);
      for (let j = 0; j < count; j++) {
        addTile(held, 4 * j * CHUNK, coefficients, 16 * (b * count + j), 1, out, to, rows);
      }
    }
  }
}

function gram(
  size: number,
  basis: Float64Array,
  count: number,
  z: Float64Array,
  zCount: number,
  h: Float64Array,
): void {
  const part = new Float64Array(BLOCK * BLOCK * count);
  for (let b = 0; b < zCount; b++) {
    project(size, basis, count, z.subarray(b * BLOCK * size, (b + 1) * BLOCK * size), part);
    for (let row = 0; row < BLOCK * count; row++) {
      h.set(part.subarray(BLOCK * row, BLOCK * (row + 1)), BLOCK * (row * zCount + b));
    }
  }
}

function fillRandom(seed: number, out: Float64Array): void {
  const draws = new DrawSource(seed);
  for (let i = 0; i < out.length; i++) out[i] = draws.next() / 2 ** 32 - 0.5;
}

/** Where entry i of vector c stands in blocks of four. */
function place(size: number, i: number, c: number): number {
  return Math.floor(c / BLOCK) * BLOCK * size + BLOCK * i + (c % BLOCK);
}

function copyColumns(
  size: number,
  from: Float64Array,
  fromColumns: Int32Array,
  to: Float64Array,
  toColumns: Int32Array,
): void {
  for (let first = 0; first < size; first += CHUNK) {
    const rows = Math.min(CHUNK, size - first);
    for (let c = 0; c < fromColumns.length; c++) {
      const source = place(size, first, fromColumns[c]!);
      const target = place(size, first, toColumns[c]!);
      for (let at = 0; at < BLOCK * rows; at += BLOCK) to[target + at] = from[source + at]!;
    }
  }
}

function toRows(
  size: number,
  vectors: Float64Array,
  columns: Int32Array,
  places: Int32Array,
  n: number,
  k: number,
  out: Float64Array,
  outColumns: Int32Array,
): void {
  for (let first = 0; first < size; first += CHUNK) {
    const rows = Math.min(CHUNK, size - first);
    for (let c = 0; c < columns.length; c++) {
      const source = place(size, first, columns[c]!);
      const column = outColumns[c]!;
      for (let i = 0; i < rows; i++) out[places[first + i]! * k + column] = vectors[source + BLOCK * i]!;
    }
  }
}

function fixSigns(n: number, k: number, vectors: Float64Array): void {
  const largest = new Float64Array(k);
  const sign = new Float64Array(k).fill(1);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < k; c++) {
      const value = vectors[i * k + c]!;
      // Beyond rounding: components of equal size must not compete by their last digit.
      if (Math.abs(value) <= largest[c]! * (1 + 1e-9)) continue;
      largest[c] = Math.abs(value);
      sign[c] = value < 0 ? -1 : 1;
    }
  }
  for (let i = 0; i < n; i++) for (let c = 0; c < k; c++) vectors[i * k + c]! *= sign[c]!;
}

function analyse(size: number, starts: Int32Array, columns: Int32Array): SymbolicFactor {
  const graph = patternGraph(size, starts, columns);
  return symbolicFactor(graph, nestedDissection(graph));
}

/** The kernels in plain TypeScript: for machines without the addon, and as its independent check. */
export const typescriptKernels: LanczosKernels = {
  name: 'typescript',
  slicePairs: 60,
  useThreads: () => {},
  join: joinPair,
  facts: pairFacts,
  permute: permutedPair,
  analyse,
  factor: factorTypescript,
  solve: solveTypescript,
  slices(symbolic, pair, tasks) {
    return solveSlices(this, symbolic, pair, tasks);
  },
  multiplyMass,
  multiplyStiffness,
  project,
  subtract,
  scale,
  subtractColumns,
  columnDots,
  gram,
  combine,
  copyColumns,
  toRows,
  fixSigns,
  fillRandom,
  pencil: symmetricPencil,
  smallEigen,
};
