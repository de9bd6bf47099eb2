/** Supernodal multifrontal L D L' and its triangular solves in plain TypeScript. */
import { BLOCK, type NumericFactor, type SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

// Columns eliminated one by one before the rest of the panel is updated in one go.
const PANEL = 32;

/**
 * K - shift M = L D L', D of +1 and -1 after scaling by the root of the pivot, without pivoting: the caller watches the
 * growth and tries another shift.
 *
 * @see Duff & Reid 1983 (multifrontal method); Liu 1992
 */
export function factorTypescript(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor {
  const { size, superStarts, rowStarts, rows, panelStarts } = symbolic;
  const count = superStarts.length - 1;
  const panels = new Float64Array(panelStarts[count]!);
  const signs = new Int8Array(size);
  const stack = new Float64Array(symbolic.stackSize);
  const front = new Float64Array(symbolic.largestPanel);
  const update = new Float64Array(symbolic.largestUpdate);
  const local = new Int32Array(size);
  const children = childLists(symbolic.parents);
  let top = 0;
  let largestPivot = 0;
  let inertia = 0;
  for (let s = 0; s < count; s++) {
    const from = superStarts[s]!;
    const columns = superStarts[s + 1]! - from;
    const firstRow = rowStarts[s]!;
    const height = rowStarts[s + 1]! - firstRow;
    const below = height - columns;
    for (let i = 0; i < height; i++) local[rows[firstRow + i]!] = i;
    front.fill(0, 0, height * columns);
    update.fill(0, 0, below * below);
    scatter(pair, shift, from, columns, height, local, front);
    for (let c = children.first[s]!; c >= 0; c = children.next[c]!) {
      const childRow = rowStarts[c]! + superStarts[c + 1]! - superStarts[c]!;
      const childSize = rowStarts[c + 1]! - childRow;
      top -= childSize * childSize;
      addUpdate(rows, childRow, childSize, stack, top, local, columns, height, front, update);
    }
    const pivot = eliminate(front, height, columns, signs, from);
    if (pivot === 0) return { shift, panels, signs, inertia: 0, growth: Infinity };
    largestPivot = Math.max(largestPivot, pivot);
    if (below > 0) {
      rankUpdate(update, 0, below, 0, front, columns, height, 0, columns, below, below, signs, from);
      stack.set(update.subarray(0, below * below), top);
      top += below * below;
    }
    storePanel(front, height, columns, panels, panelStarts[s]!);
  }
  for (let j = 0; j < size; j++) if (signs[j]! < 0) inertia++;
  return { shift, panels, signs, inertia, growth: largestPivot / largestDiagonal(pair, shift) };
}

/** Children of each supernode, the last one first: the order in which their updates leave the stack. */
function childLists(parents: Int32Array): { readonly first: Int32Array; readonly next: Int32Array } {
  const first = new Int32Array(parents.length).fill(-1);
  const next = new Int32Array(parents.length).fill(-1);
  for (let s = 0; s < parents.length; s++) {
    const p = parents[s]!;
    if (p < 0) continue;
    next[s] = first[p]!;
    first[p] = s;
  }
  return { first, next };
}

function largestDiagonal(pair: SolverPair, shift: number): number {
  let largest = 0;
  for (let i = 0; i < pair.size; i++) {
    for (let e = pair.starts[i]!; e < pair.starts[i + 1]!; e++) {
      if (pair.columns[e] !== i) continue;
      largest = Math.max(largest, Math.abs(pair.stiffness[e]! - shift * pair.mass[e]!));
    }
  }
  return largest;
}

/** Entries of the matrix in the columns of one supernode, into its front (column-major). */
function scatter(
  pair: SolverPair,
  shift: number,
  from: number,
  columns: number,
  height: number,
  local: Int32Array,
  front: Float64Array,
): void {
  for (let j = 0; j < columns; j++) {
    for (let e = pair.starts[from + j]!; e < pair.starts[from + j + 1]!; e++) {
      const i = pair.columns[e]!;
      if (i < from + j) continue;
      front[local[i]! + j * height] = pair.stiffness[e]! - shift * pair.mass[e]!;
    }
  }
}

/** Adds the update of a child (lower triangle, column-major) to the front and update of its parent. */
function addUpdate(
  rows: Int32Array,
  childRow: number,
  childSize: number,
  stack: Float64Array,
  at: number,
  local: Int32Array,
  columns: number,
  height: number,
  front: Float64Array,
  update: Float64Array,
): void {
  const below = height - columns;
  for (let j = 0; j < childSize; j++) {
    const column = local[rows[childRow + j]!]!;
    const source = at + j * childSize;
    if (column < columns) {
      const target = column * height;
      for (let i = j; i < childSize; i++) front[target + local[rows[childRow + i]!]!]! += stack[source + i]!;
    } else {
      const target = (column - columns) * below - columns;
      for (let i = j; i < childSize; i++) update[target + local[rows[childRow + i]!]!]! += stack[source + i]!;
    }
  }
}

/** Factors the leading columns of a front in place. @returns the largest pivot, 0 when one was 0 or no number */
function eliminate(
  front: Float64Array,
  height: number,
  columns: number,
  signs: Int8Array,
  from: number,
): number {
  let largest = 0;
  for (let k = 0; k < columns; k += PANEL) {
    const end = Math.min(columns, k + PANEL);
    for (let j = k; j < end; j++) {
      const c = j * height;
      const pivot = front[c + j]!;
      const size = Math.abs(pivot);
      if (!(size > 1e-300) || size === Infinity) return 0;
      largest = Math.max(largest, size);
      const sign = pivot > 0 ? 1 : -1;
      signs[from + j] = sign;
      const root = Math.sqrt(size);
      front[c + j] = root;
      const scale = sign / root;
      for (let i = j + 1; i < height; i++) front[c + i]! *= scale;
      for (let q = j + 1; q < end; q++) {
        const factor = front[c + q]! * sign;
        const target = q * height;
        for (let i = q; i < height; i++) front[target + i]! -= front[c + i]! * factor;
      }
    }
    if (end < columns) {
      rankUpdate(
        front,
        end + end * height,
        height,
        k * height,
        front,
        end,
        height,
        k,
        end - k,
        height - end,
        columns - end,
        signs,
        from,
      );
    }
  }
  return largest;
}

/**
 * C -= A D A' on the lower triangle of the first `wide` columns of C.
 *
 * @param to - where C begins (its entry 0, 0), leading dimension ldc
 * @param firstColumn - where column 0 of A begins in `source`; its rows are taken from `row` on
 */
function rankUpdate(
  target: Float64Array,
  to: number,
  ldc: number,
  firstColumn: number,
  source: Float64Array,
  row: number,
  lda: number,
  firstSign: number,
  depth: number,
  tall: number,
  wide: number,
  signs: Int8Array,
  from: number,
): void {
  for (let j = 0; j < wide; j++) {
    const c = to + j * ldc;
    let p = 0;
    for (; p + 4 <= depth; p += 4) {
      const a0 = firstColumn + p * lda + row;
      const a1 = a0 + lda;
      const a2 = a1 + lda;
      const a3 = a2 + lda;
      const sign = from + firstSign + p;
      const b0 = source[a0 + j]! * signs[sign]!;
      const b1 = source[a1 + j]! * signs[sign + 1]!;
      const b2 = source[a2 + j]! * signs[sign + 2]!;
      const b3 = source[a3 + j]! * signs[sign + 3]!;
      for (let i = j; i < tall; i++) {
        target[c + i]! -=
          source[a0 + i]! * b0 + source[a1 + i]! * b1 + source[a2 + i]! * b2 + source[a3 + i]! * b3;
      }
    }
    for (; p < depth; p++) {
      const a = firstColumn + p * lda + row;
      const b = source[a + j]! * signs[from + firstSign + p]!;
      for (let i = j; i < tall; i++) target[c + i]! -= source[a + i]! * b;
    }
  }
}

/** Column-major front to row-major panel with reciprocal pivots, as the solves read it. */
function storePanel(
  front: Float64Array,
  height: number,
  columns: number,
  panels: Float64Array,
  at: number,
): void {
  for (let j = 0; j < columns; j++) {
    for (let i = j; i < height; i++) panels[at + i * columns + j] = front[i + j * height]!;
  }
  for (let j = 0; j < columns; j++) panels[at + j * columns + j] = 1 / panels[at + j * columns + j]!;
}

/** x <- (L D L')^-1 x for one block of four vectors after the other. */
export function solveTypescript(
  symbolic: SymbolicFactor,
  factor: NumericFactor,
  x: Float64Array,
  blocks: number,
): void {
  const width = BLOCK * symbolic.size;
  const count = symbolic.superStarts.length - 1;
  for (let b = 0; b < blocks; b++) {
    const block = x.subarray(b * width, (b + 1) * width);
    for (let s = 0; s < count; s++) forward(symbolic, factor, s, block);
    for (let s = count - 1; s >= 0; s--) backward(symbolic, factor, s, block);
  }
}

/** Row `to` of x -= `count` entries of a panel times as many rows of x. */
function subtractRow(
  panels: Float64Array,
  row: number,
  count: number,
  x: Float64Array,
  x1: number,
  to: number,
): void {
  let s0 = x[to]!;
  let s1 = x[to + 1]!;
  let s2 = x[to + 2]!;
  let s3 = x[to + 3]!;
  for (let c = 0, at = x1; c < count; c++, at += 4) {
    const l = panels[row + c]!;
    s0 -= l * x[at]!;
    s1 -= l * x[at + 1]!;
    s2 -= l * x[at + 2]!;
    s3 -= l * x[at + 3]!;
  }
  x[to] = s0;
  x[to + 1] = s1;
  x[to + 2] = s2;
  x[to + 3] = s3;
}

/** The same for two rows of the panel, one after the other in it: what is loaded of x serves both. */
function subtractTwoRows(
  panels: Float64Array,
  row: number,
  count: number,
  x: Float64Array,
  x1: number,
  to: number,
  toNext: number,
): void {
  let s0 = x[to]!;
  let s1 = x[to + 1]!;
  let s2 = x[to + 2]!;
  let s3 = x[to + 3]!;
  let t0 = x[toNext]!;
  let t1 = x[toNext + 1]!;
  let t2 = x[toNext + 2]!;
  let t3 = x[toNext + 3]!;
  for (let c = 0, at = x1; c < count; c++, at += 4) {
    const l = panels[row + c]!;
    const m = panels[row + count + c]!;
    const y0 = x[at]!;
    const y1 = x[at + 1]!;
    const y2 = x[at + 2]!;
    const y3 = x[at + 3]!;
    s0 -= l * y0;
    s1 -= l * y1;
    s2 -= l * y2;
    s3 -= l * y3;
    t0 -= m * y0;
    t1 -= m * y1;
    t2 -= m * y2;
    t3 -= m * y3;
  }
  x[to] = s0;
  x[to + 1] = s1;
  x[to + 2] = s2;
  x[to + 3] = s3;
  x[toNext] = t0;
  x[toNext + 1] = t1;
  x[toNext + 2] = t2;
  x[toNext + 3] = t3;
}

function forward(
  symbolic: SymbolicFactor,
  { panels, signs }: NumericFactor,
  s: number,
  x: Float64Array,
): void {
  const from = symbolic.superStarts[s]!;
  const columns = symbolic.superStarts[s + 1]! - from;
  const firstRow = symbolic.rowStarts[s]!;
  const height = symbolic.rowStarts[s + 1]! - firstRow;
  const panel = symbolic.panelStarts[s]!;
  const { rows } = symbolic;
  const x1 = 4 * from;
  for (let i = 0; i < columns; i++) {
    subtractRow(panels, panel + i * columns, i, x, x1, x1 + 4 * i);
    const scale = panels[panel + i * columns + i]!;
    for (let k = 0; k < 4; k++) x[x1 + 4 * i + k]! *= scale;
  }
  let i = columns;
  for (; i + 2 <= height; i += 2) {
    subtractTwoRows(
      panels,
      panel + i * columns,
      columns,
      x,
      x1,
      4 * rows[firstRow + i]!,
      4 * rows[firstRow + i + 1]!,
    );
  }
  if (i < height) subtractRow(panels, panel + i * columns, columns, x, x1, 4 * rows[firstRow + i]!);
  for (let j = 0; j < columns; j++) {
    if (signs[from + j]! > 0) continue;
    const to = 4 * (from + j);
    for (let k = 0; k < 4; k++) x[to + k] = -x[to + k]!;
  }
}

function backward(symbolic: SymbolicFactor, { panels }: NumericFactor, s: number, x: Float64Array): void {
  const from = symbolic.superStarts[s]!;
  const columns = symbolic.superStarts[s + 1]! - from;
  const firstRow = symbolic.rowStarts[s]!;
  const height = symbolic.rowStarts[s + 1]! - firstRow;
  const panel = symbolic.panelStarts[s]!;
  const { rows } = symbolic;
  let j = columns - 1;
  // Two columns at a time: what is loaded of x serves both.
  for (; j >= 1; j -= 2) {
    const to = 4 * (from + j);
    let s0 = x[to]!;
    let s1 = x[to + 1]!;
    let s2 = x[to + 2]!;
    let s3 = x[to + 3]!;
    let t0 = x[to - 4]!;
    let t1 = x[to - 3]!;
    let t2 = x[to - 2]!;
    let t3 = x[to - 1]!;
    for (let i = j + 1, entry = panel + (j + 1) * columns + j; i < height; i++, entry += columns) {
      const l = panels[entry]!;
      const m = panels[entry - 1]!;
      const at = 4 * rows[firstRow + i]!;
      const y0 = x[at]!;
      const y1 = x[at + 1]!;
      const y2 = x[at + 2]!;
      const y3 = x[at + 3]!;
      s0 -= l * y0;
      s1 -= l * y1;
      s2 -= l * y2;
      s3 -= l * y3;
      t0 -= m * y0;
      t1 -= m * y1;
      t2 -= m * y2;
      t3 -= m * y3;
    }
    const own = panel + j * columns + j;
    const scale = panels[own]!;
    s0 *= scale;
    s1 *= scale;
    s2 *= scale;
    s3 *= scale;
    const beside = panels[own - 1]!;
    const scaleBefore = panels[own - columns - 1]!;
    x[to] = s0;
    x[to + 1] = s1;
    x[to + 2] = s2;
    x[to + 3] = s3;
    x[to - 4] = (t0 - beside * s0) * scaleBefore;
    x[to - 3] = (t1 - beside * s1) * scaleBefore;
    x[to - 2] = (t2 - beside * s2) * scaleBefore;
    x[to - 1] = (t3 - beside * s3) * scaleBefore;
  }
  if (j < 0) return;
  const to = 4 * from;
  let s0 = x[to]!;
  let s1 = x[to + 1]!;
  let s2 = x[to + 2]!;
  let s3 = x[to + 3]!;
  for (let i = 1, entry = panel + columns; i < height; i++, entry += columns) {
    const l = panels[entry]!;
    const at = 4 * rows[firstRow + i]!;
    s0 -= l * x[at]!;
    s1 -= l * x[at + 1]!;
    s2 -= l * x[at + 2]!;
    s3 -= l * x[at + 3]!;
  }
  const scale = panels[panel]!;
  x[to] = s0 * scale;
  x[to + 1] = s1 * scale;
  x[to + 2] = s2 * scale;
  x[to + 3] = s3 * scale;
}
