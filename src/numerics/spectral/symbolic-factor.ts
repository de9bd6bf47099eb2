import type { OrderedStructure } from '../../native/index.js';
import type { Graph } from './graph.js';

/**
 * Where the entries of a factor of K = L D L' stand, for every K of one pattern. Columns are gathered into supernodes:
 * runs of columns with (nearly) the same rows, each one dense panel. Numbers count eliminated columns ("new" numbers).
 */
export type SymbolicFactor = OrderedStructure;

/** The graph with nodes renumbered: node i of the result is order[i]; neighbours ascend. */
export function permutedGraph(graph: Graph, order: Int32Array): Graph {
  const place = new Int32Array(graph.size);
  for (let i = 0; i < graph.size; i++) place[order[i]!] = i;
  const starts = new Int32Array(graph.size + 1);
  const neighbours = new Int32Array(graph.neighbours.length);
  let at = 0;
  for (let i = 0; i < graph.size; i++) {
    const v = order[i]!;
    const first = at;
    for (let e = graph.starts[v]!; e < graph.starts[v + 1]!; e++) {
      neighbours[at++] = place[graph.neighbours[e]!]!;
    }
    neighbours.subarray(first, at).sort();
    starts[i + 1] = at;
  }
  return { size: graph.size, starts, neighbours };
}

/** Parent of each column in the elimination tree, -1 for roots. @see Liu 1990 */
function eliminationTree({ size, starts, neighbours }: Graph): Int32Array {
  const parent = new Int32Array(size).fill(-1);
  const ancestor = new Int32Array(size).fill(-1);
  for (let i = 0; i < size; i++) {
    for (let e = starts[i]!; e < starts[i + 1]!; e++) {
      let k = neighbours[e]!;
      while (k !== -1 && k < i) {
        const next = ancestor[k]!;
        ancestor[k] = i;
        if (next === -1) parent[k] = i;
        k = next;
      }
    }
  }
  return parent;
}

/** Columns with every subtree in one run, children before parents. */
function postorder(parent: Int32Array): Int32Array {
  const n = parent.length;
  const head = new Int32Array(n).fill(-1);
  const next = new Int32Array(n).fill(-1);
  for (let i = n - 1; i >= 0; i--) {
    if (parent[i]! < 0) continue;
    next[i] = head[parent[i]!]!;
    head[parent[i]!] = i;
  }
  const order = new Int32Array(n);
  const stack = new Int32Array(n);
  let count = 0;
  for (let root = 0; root < n; root++) {
    if (parent[root]! >= 0) continue;
    let depth = 0;
    stack[depth++] = root;
    while (depth > 0) {
      const v = stack[depth - 1]!;
      const child = head[v]!;
      if (child >= 0) {
        head[v] = next[child]!;
        stack[depth++] = child;
      } else {
        order[count++] = v;
        depth--;
      }
    }
  }
  return order;
}

/** Entries of each column of the factor, the diagonal included. */
function columnCounts({ size, starts, neighbours }: Graph, parent: Int32Array): Int32Array {
  const counts = new Int32Array(size).fill(1);
  const mark = new Int32Array(size).fill(-1);
  for (let i = 0; i < size; i++) {
    mark[i] = i;
    for (let e = starts[i]!; e < starts[i + 1]!; e++) {
      let k = neighbours[e]!;
      while (k < i && mark[k] !== i) {
        mark[k] = i;
        counts[k]!++;
        k = parent[k]!;
      }
    }
  }
  return counts;
}

/** Entries of a trapezoid of `columns` columns, the first with `rows` entries. */
const trapezoid = (columns: number, rows: number): number => columns * rows - (columns * (columns - 1)) / 2;

/** Zeros that a merged panel may store: small panels are worth many, since they run at the speed of memory. */
function isWorthMerging(columns: number, zeros: number, entries: number): boolean {
  const share = zeros / entries;
  if (columns <= 4) return true;
  if (columns <= 16) return share < 0.5;
  return columns <= 48 ? share < 0.15 : share < 0.05;
}

/** First columns of the supernodes, merged with the parent that follows them where that pays. */
function supernodes(parent: Int32Array, counts: Int32Array): Int32Array {
  const n = parent.length;
  const children = new Int32Array(n);
  for (let i = 0; i < n; i++) if (parent[i]! >= 0) children[parent[i]!]!++;
  const starts: number[] = [];
  for (let j = 0; j < n; j++) {
    const continues = j > 0 && parent[j - 1] === j && counts[j - 1] === counts[j]! + 1 && children[j] === 1;
    if (!continues) starts.push(j);
  }
  starts.push(n);
  const merged: number[] = [0];
  let columns = 0;
  let rows = 0;
  let zeros = 0;
  for (let s = 0; s + 1 < starts.length; s++) {
    const own = starts[s + 1]! - starts[s]!;
    const ownRows = counts[starts[s]!]!;
    const isChild = s > 0 && parent[starts[s]! - 1] === starts[s];
    const all = columns + own;
    const entries = trapezoid(all, columns + ownRows);
    const allZeros = zeros + entries - trapezoid(columns, rows) - trapezoid(own, ownRows);
    if (isChild && isWorthMerging(all, allZeros, entries)) {
      [columns, rows, zeros] = [all, columns + ownRows, allZeros];
    } else {
      if (s > 0) merged.push(starts[s]!);
      [columns, rows, zeros] = [own, ownRows, 0];
    }
  }
  if (n > 0) merged.push(n);
  return Int32Array.from(merged);
}

/**
 * Symbolic factorisation: elimination tree, postorder, supernodes and their rows.
 *
 * @param order - a good order of elimination; the result has it with every subtree in one run
 * @see Liu 1990; Ashcraft & Grimes 1989 for the merging of supernodes
 */
export function symbolicFactor(graph: Graph, order: Int32Array): SymbolicFactor {
  const post = postorder(eliminationTree(permutedGraph(graph, order)));
  const finalOrder = post.map((i) => order[i]!);
  const permuted = permutedGraph(graph, finalOrder);
  const parent = eliminationTree(permuted);
  const superStarts = supernodes(parent, columnCounts(permuted, parent));
  return { order: finalOrder, ...supernodeRows(permuted, superStarts) };
}

function supernodeRows(graph: Graph, superStarts: Int32Array): Omit<SymbolicFactor, 'order'> {
  const n = graph.size;
  const count = superStarts.length - 1;
  const owner = new Int32Array(n);
  for (let s = 0; s < count; s++) owner.fill(s, superStarts[s], superStarts[s + 1]);
  const parents = new Int32Array(count).fill(-1);
  const firstChild = new Int32Array(count).fill(-1);
  const nextChild = new Int32Array(count).fill(-1);
  const rowStarts = new Int32Array(count + 1);
  const panelStarts = new Float64Array(count + 1);
  const mark = new Int32Array(n).fill(-1);
  let rows = new Int32Array(8 * n + 16);
  let at = 0;
  let [stack, stackSize, largestPanel, largestUpdate, operations] = [0, 0, 0, 0, 0];
  for (let s = 0; s < count; s++) {
    const [from, to] = [superStarts[s]!, superStarts[s + 1]!];
    if (at + n > rows.length) {
      const longer = new Int32Array(2 * rows.length + n);
      longer.set(rows);
      rows = longer;
    }
    for (let j = from; j < to; j++) {
      rows[at++] = j;
      mark[j] = s;
    }
    const below = at;
    for (let j = from; j < to; j++) {
      for (let e = graph.starts[j]!; e < graph.starts[j + 1]!; e++) {
        const i = graph.neighbours[e]!;
        if (i < to || mark[i] === s) continue;
        mark[i] = s;
        rows[at++] = i;
      }
    }
    let released = 0;
    for (let c = firstChild[s]!; c >= 0; c = nextChild[c]!) {
      const update = rowStarts[c + 1]! - rowStarts[c]! - (superStarts[c + 1]! - superStarts[c]!);
      released += update * update;
      for (let r = rowStarts[c]!; r < rowStarts[c + 1]!; r++) {
        const i = rows[r]!;
        if (i < to || mark[i] === s) continue;
        mark[i] = s;
        rows[at++] = i;
      }
    }
    rows.subarray(below, at).sort();
    rowStarts[s + 1] = at;
    const columns = to - from;
    const height = at - rowStarts[s]!;
    const update = height - columns;
    panelStarts[s + 1] = panelStarts[s]! + height * columns;
    for (let j = 0; j < columns; j++) operations += (height - j) ** 2;
    largestPanel = Math.max(largestPanel, height * columns);
    largestUpdate = Math.max(largestUpdate, update * update);
    stack += update * update - released;
    stackSize = Math.max(stackSize, stack);
    if (update === 0) continue;
    const p = owner[rows[below]!]!;
    parents[s] = p;
    nextChild[s] = firstChild[p]!;
    firstChild[p] = s;
  }
  return {
    size: n,
    superStarts,
    rowStarts,
    rows: rows.slice(0, at),
    panelStarts,
    parents,
    stackSize,
    largestPanel,
    largestUpdate,
    operations,
  };
}
