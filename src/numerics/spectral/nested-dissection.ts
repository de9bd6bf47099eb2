import { DrawSource, unweighted, type Graph, type WeightedGraph } from './graph.js';
import { SEPARATOR, vertexSeparator } from './vertex-separator.js';

// Below this exact minimum degree gives less fill than further cuts.
const LEAF_SIZE = 120;

/**
 * Order of elimination with little fill for the graph of a surface: separators last, from the whole down to leaves of
 * 120 nodes, and minimum degree inside those. The same graph always gives the same order.
 *
 * @returns order[i] is the node eliminated as number i
 * @see George 1973; Karypis & Kumar 1998 for the multilevel form
 */
export function nestedDissection(graph: Graph): Int32Array {
  const order = new Int32Array(graph.size);
  interface Task {
    readonly part: WeightedGraph;
    readonly nodes: Int32Array;
    /** Where its nodes begin in the order. */
    readonly from: number;
    readonly seed: number;
  }
  const whole = unweighted(graph);
  const tasks: Task[] = [
    { part: whole, nodes: Int32Array.from({ length: graph.size }, (_, i) => i), from: 0, seed: 1 },
  ];
  for (;;) {
    const task = tasks.pop();
    if (task === undefined) return order;
    const { part, nodes, from, seed } = task;
    if (part.size <= LEAF_SIZE) {
      minimumDegree(part, nodes, order, from);
      continue;
    }
    const side = vertexSeparator(part, new DrawSource(seed));
    const sizes = [0, 0, 0];
    for (let v = 0; v < part.size; v++) sizes[side[v]!]!++;
    if (sizes[0] === part.size || sizes[1] === part.size || sizes[SEPARATOR] === part.size) {
      // No cut was found, as in a complete graph: any order does.
      order.set(nodes, from);
      continue;
    }
    let last = from + sizes[0]! + sizes[1]!;
    for (let v = 0; v < part.size; v++) if (side[v] === SEPARATOR) order[last++] = nodes[v]!;
    const first = half(part, nodes, side, 0, sizes[0]!);
    const second = half(part, nodes, side, 1, sizes[1]!);
    tasks.push({ ...second, from: from + sizes[0]!, seed: (2 * seed + 1) >>> 0 });
    tasks.push({ ...first, from, seed: (2 * seed) >>> 0 });
  }
}

function half(
  graph: WeightedGraph,
  nodes: Int32Array,
  side: Uint8Array,
  which: number,
  size: number,
): { readonly part: WeightedGraph; readonly nodes: Int32Array } {
  const place = new Int32Array(graph.size);
  const kept = new Int32Array(size);
  let count = 0;
  let edges = 0;
  for (let v = 0; v < graph.size; v++) {
    if (side[v] !== which) continue;
    place[v] = count;
    kept[count++] = v;
    edges += graph.starts[v + 1]! - graph.starts[v]!;
  }
  const starts = new Int32Array(size + 1);
  const neighbours = new Int32Array(edges);
  let at = 0;
  for (let i = 0; i < size; i++) {
    const v = kept[i]!;
    for (let e = graph.starts[v]!; e < graph.starts[v + 1]!; e++) {
      const u = graph.neighbours[e]!;
      if (side[u] === which) neighbours[at++] = place[u]!;
    }
    starts[i + 1] = at;
  }
  const part = unweighted({ size, starts, neighbours: neighbours.slice(0, at) });
  return { part, nodes: kept.map((v) => nodes[v]!) };
}

/** Exact minimum degree of a small graph on bit sets; ties go to the lower number. */
function minimumDegree(graph: WeightedGraph, nodes: Int32Array, order: Int32Array, from: number): void {
  const n = graph.size;
  const words = (n + 31) >> 5;
  const sets = new Int32Array(n * words);
  const degree = new Int32Array(n);
  for (let v = 0; v < n; v++) {
    for (let e = graph.starts[v]!; e < graph.starts[v + 1]!; e++) {
      const u = graph.neighbours[e]!;
      sets[v * words + (u >> 5)]! |= 1 << (u & 31);
    }
    degree[v] = graph.starts[v + 1]! - graph.starts[v]!;
  }
  for (let step = 0; step < n; step++) {
    let least = -1;
    for (let v = 0; v < n; v++) {
      if (degree[v]! >= 0 && (least < 0 || degree[v]! < degree[least]!)) least = v;
    }
    degree[least] = -1;
    order[from + step] = nodes[least]!;
    for (let w = 0; w < words; w++) {
      let bits = sets[least * words + w]!;
      while (bits !== 0) {
        const low = bits & -bits;
        bits ^= low;
        const u = 32 * w + 31 - Math.clz32(low);
        degree[u] = join(sets, words, u, least);
      }
    }
  }
}

/** Joins the neighbours of the eliminated node to those of u. @returns the new degree of u */
function join(sets: Int32Array, words: number, u: number, eliminated: number): number {
  for (let w = 0; w < words; w++) sets[u * words + w]! |= sets[eliminated * words + w]!;
  sets[u * words + (u >> 5)]! &= ~(1 << (u & 31));
  sets[u * words + (eliminated >> 5)]! &= ~(1 << (eliminated & 31));
  let degree = 0;
  for (let w = 0; w < words; w++) degree += bitCount(sets[u * words + w]!);
  return degree;
}

function bitCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
