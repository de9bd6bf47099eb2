/**
 * A small set of nodes whose removal leaves two halves without an edge between them: grown starts on a coarse graph,
 * projected up and refined by moves in the manner of Fiduccia and Mattheyses.
 *
 * native/spectral_ordering.cc takes the same steps with the same random numbers; their orderings are equal.
 */
import type { DrawSource, WeightedGraph } from './graph.js';

/** Part of a node: one half, the other, or the separator. */
export const SEPARATOR = 2;

// A half may hold this much of the weight; looser gives smaller separators but deeper trees.
const BALANCE = 0.6;
// Coarse enough that the starts cost nothing, fine enough to have the shape of the surface.
const COARSE_SIZE = 100;
const STARTS = 6;
const START_PASSES = 8;
const PASSES = 4;
// A pass ends after this many moves without a better separator.
const PATIENCE = 60;

/** Max-heap of (gain, node): larger gain first, then larger node, so that the order of popping is unique. */
class GainHeap {
  readonly #gains: number[] = [];
  readonly #nodes: number[] = [];

  get isEmpty(): boolean {
    return this.#gains.length === 0;
  }
  get topGain(): number {
    return this.#gains[0]!;
  }
  get topNode(): number {
    return this.#nodes[0]!;
  }

  clear(): void {
    this.#gains.length = 0;
    this.#nodes.length = 0;
  }

  push(gain: number, node: number): void {
    const gains = this.#gains;
    const nodes = this.#nodes;
    let at = gains.length;
    gains.push(gain);
    nodes.push(node);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (gains[parent]! > gain || (gains[parent]! === gain && nodes[parent]! >= node)) break;
      gains[at] = gains[parent]!;
      nodes[at] = nodes[parent]!;
      at = parent;
    }
    gains[at] = gain;
    nodes[at] = node;
  }

  pop(): void {
    const gains = this.#gains;
    const nodes = this.#nodes;
    const gain = gains.pop()!;
    const node = nodes.pop()!;
    const length = gains.length;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (
        child + 1 < length &&
        (gains[child + 1]! > gains[child]! ||
          (gains[child + 1]! === gains[child]! && nodes[child + 1]! > nodes[child]!))
      ) {
        child++;
      }
      if (gain > gains[child]! || (gain === gains[child]! && node >= nodes[child]!)) break;
      gains[at] = gains[child]!;
      nodes[at] = nodes[child]!;
      at = child;
    }
    gains[at] = gain;
    nodes[at] = node;
  }
}

/** Moves of one pass over a separator, with what is needed to take them back. */
class SeparatorRefiner {
  readonly #graph: WeightedGraph;
  readonly #part: Uint8Array;
  readonly #weights = [0, 0, 0];
  readonly #largestHalf: number;
  readonly #gains: readonly [Int32Array, Int32Array];
  readonly #locked: Uint8Array;
  readonly #heaps = [new GainHeap(), new GainHeap()] as const;
  #candidates: number[] = [];
  #moved: number[] = [];
  #pulled: number[] = [];
  #pulledFrom: number[] = [];

  constructor(graph: WeightedGraph, part: Uint8Array) {
    this.#graph = graph;
    this.#part = part;
    for (let v = 0; v < graph.size; v++) {
      this.#weights[part[v]!]! += graph.nodeWeights[v]!;
      if (part[v] === SEPARATOR) this.#candidates.push(v);
    }
    const [first, second, between] = this.#weights as [number, number, number];
    this.#largestHalf = Math.floor(BALANCE * (first + second + between)) + 1;
    this.#gains = [new Int32Array(graph.size), new Int32Array(graph.size)];
    this.#locked = new Uint8Array(graph.size);
  }

  /** @returns whether the separator became lighter */
  pass(): boolean {
    const weights = this.#weights;
    const before = weights[SEPARATOR]!;
    this.#begin();
    let best = before;
    let bestDifference = Math.abs(weights[0]! - weights[1]!);
    let bestLength = 0;
    for (;;) {
      const side = this.#choose();
      if (side < 0) break;
      const heap = this.#heaps[side]!;
      const v = heap.topNode;
      heap.pop();
      this.#move(v, side);
      const difference = Math.abs(weights[0]! - weights[1]!);
      if (weights[SEPARATOR]! < best || (weights[SEPARATOR]! === best && difference < bestDifference)) {
        best = weights[SEPARATOR]!;
        bestDifference = difference;
        bestLength = this.#moved.length;
      } else if (this.#moved.length - bestLength > PATIENCE) {
        break;
      }
    }
    for (const v of this.#moved) this.#locked[v] = 0;
    this.#takeBack(bestLength);
    return best < before;
  }

  #begin(): void {
    const part = this.#part;
    const present = new Set(this.#candidates.filter((v) => part[v] === SEPARATOR));
    this.#candidates = [...present].sort((a, b) => a - b);
    this.#moved = [];
    this.#pulled = [];
    this.#pulledFrom = [];
    for (const heap of this.#heaps) heap.clear();
    for (const v of this.#candidates) {
      this.#computeGains(v);
      this.#queue(v);
    }
  }

  /** Gain of moving v into a half: its weight less that of the neighbours it would pull out of the other half. */
  #computeGains(v: number): void {
    const { starts, neighbours, nodeWeights } = this.#graph;
    let inFirst = 0;
    let inSecond = 0;
    for (let e = starts[v]!; e < starts[v + 1]!; e++) {
      const u = neighbours[e]!;
      if (this.#part[u] === 0) inFirst += nodeWeights[u]!;
      else if (this.#part[u] === 1) inSecond += nodeWeights[u]!;
    }
    this.#gains[0][v] = nodeWeights[v]! - inSecond;
    this.#gains[1][v] = nodeWeights[v]! - inFirst;
  }

  #queue(v: number): void {
    this.#heaps[0].push(this.#gains[0][v]!, v);
    this.#heaps[1].push(this.#gains[1][v]!, v);
  }

  /** The half to move the best node into, -1 when no move is allowed. */
  #choose(): number {
    for (const side of [0, 1] as const) {
      const heap = this.#heaps[side];
      while (!heap.isEmpty) {
        const v = heap.topNode;
        const isCurrent =
          this.#part[v] === SEPARATOR && this.#locked[v] === 0 && this.#gains[side][v] === heap.topGain;
        if (isCurrent) break;
        heap.pop();
      }
    }
    const [first, second] = this.#heaps;
    if (first.isEmpty && second.isEmpty) return -1;
    let side: number;
    if (first.isEmpty) side = 1;
    else if (second.isEmpty) side = 0;
    else if (first.topGain !== second.topGain) side = first.topGain > second.topGain ? 0 : 1;
    else side = this.#weights[0]! <= this.#weights[1]! ? 0 : 1;
    if (this.#fits(side)) return side;
    side = 1 - side;
    return !this.#heaps[side]!.isEmpty && this.#fits(side) ? side : -1;
  }

  #fits(side: number): boolean {
    const v = this.#heaps[side]!.topNode;
    return this.#weights[side]! + this.#graph.nodeWeights[v]! <= this.#largestHalf;
  }

  #move(v: number, side: number): void {
    const { starts, neighbours, nodeWeights } = this.#graph;
    const part = this.#part;
    const weights = this.#weights;
    const other = 1 - side;
    part[v] = side;
    this.#locked[v] = 1;
    weights[SEPARATOR]! -= nodeWeights[v]!;
    weights[side]! += nodeWeights[v]!;
    this.#moved.push(v);
    this.#pulledFrom.push(this.#pulled.length);
    for (let e = starts[v]!; e < starts[v + 1]!; e++) {
      const u = neighbours[e]!;
      if (part[u] === SEPARATOR) this.#addGain(other, u, -nodeWeights[v]!);
    }
    for (let e = starts[v]!; e < starts[v + 1]!; e++) {
      const u = neighbours[e]!;
      if (part[u] !== other) continue;
      part[u] = SEPARATOR;
      this.#pulled.push(u);
      weights[other]! -= nodeWeights[u]!;
      weights[SEPARATOR]! += nodeWeights[u]!;
      for (let f = starts[u]!; f < starts[u + 1]!; f++) {
        const x = neighbours[f]!;
        if (part[x] === SEPARATOR) this.#addGain(side, x, nodeWeights[u]!);
      }
      this.#computeGains(u);
      if (this.#locked[u] === 0) this.#queue(u);
      this.#candidates.push(u);
    }
  }

  #addGain(side: number, v: number, change: number): void {
    const gains = this.#gains[side]!;
    gains[v]! += change;
    if (this.#locked[v] === 0) this.#heaps[side]!.push(gains[v]!, v);
  }

  /** Undoes all moves after the first `length`. */
  #takeBack(length: number): void {
    const { nodeWeights } = this.#graph;
    const part = this.#part;
    const weights = this.#weights;
    while (this.#moved.length > length) {
      const v = this.#moved.pop()!;
      const from = this.#pulledFrom.pop()!;
      const side = part[v]!;
      while (this.#pulled.length > from) {
        const u = this.#pulled.pop()!;
        part[u] = 1 - side;
        weights[SEPARATOR]! -= nodeWeights[u]!;
        weights[1 - side]! += nodeWeights[u]!;
      }
      part[v] = SEPARATOR;
      this.#candidates.push(v);
      weights[side]! -= nodeWeights[v]!;
      weights[SEPARATOR]! += nodeWeights[v]!;
    }
  }
}

function refine(graph: WeightedGraph, part: Uint8Array, passes: number): void {
  const refiner = new SeparatorRefiner(graph, part);
  for (let pass = 0; pass < passes; pass++) if (!refiner.pass()) return;
}

/** Breadth-first order from `seed`; other components follow in the order of their nodes. */
function visitOrder(graph: WeightedGraph, seed: number): Int32Array {
  const order = new Int32Array(graph.size);
  const seen = new Uint8Array(graph.size);
  let head = 0;
  let tail = 0;
  let scan = 0;
  order[tail++] = seed;
  seen[seed] = 1;
  while (tail < graph.size || head < tail) {
    if (head === tail) {
      while (seen[scan] === 1) scan++;
      order[tail++] = scan;
      seen[scan] = 1;
    }
    const v = order[head++]!;
    for (let e = graph.starts[v]!; e < graph.starts[v + 1]!; e++) {
      const u = graph.neighbours[e]!;
      if (seen[u] === 1) continue;
      seen[u] = 1;
      order[tail++] = u;
    }
  }
  return order;
}

/** The lightest of several separators, each grown from one node until it holds half the weight. */
function grownSeparator(graph: WeightedGraph, draws: DrawSource): Uint8Array {
  const { size, starts, neighbours, nodeWeights } = graph;
  let total = 0;
  for (const weight of nodeWeights) total += weight;
  let best: Uint8Array = new Uint8Array(size);
  let bestScore = Infinity;
  for (let start = 0; start < STARTS; start++) {
    let seed = draws.below(size);
    // Every other start from a node at the rim.
    if (start % 2 === 1) seed = visitOrder(graph, seed)[size - 1]!;
    const part = new Uint8Array(size).fill(1);
    let grown = 0;
    for (const v of visitOrder(graph, seed)) {
      if (2 * grown >= total) break;
      part[v] = 0;
      grown += nodeWeights[v]!;
    }
    for (let v = 0; v < size; v++) {
      if (part[v] !== 1) continue;
      for (let e = starts[v]!; e < starts[v + 1]!; e++) {
        if (part[neighbours[e]!] !== 0) continue;
        part[v] = SEPARATOR;
        break;
      }
    }
    refine(graph, part, START_PASSES);
    const weights = [0, 0, 0];
    for (let v = 0; v < size; v++) weights[part[v]!]! += nodeWeights[v]!;
    const imbalance = Math.max(weights[0]!, weights[1]!) / total;
    // Balance decides among equals only, unless a half is too heavy.
    const score =
      weights[SEPARATOR]! * (imbalance > BALANCE ? 11 : 1) + 1e-3 * imbalance * weights[SEPARATOR]!;
    if (score < bestScore) {
      bestScore = score;
      best = part;
    }
  }
  return best;
}

/** Pairs nodes along heavy edges and joins each pair; `place` says where a node went. */
function coarsen(
  graph: WeightedGraph,
  draws: DrawSource,
  heaviest: number,
): { readonly coarse: WeightedGraph; readonly place: Int32Array } {
  const { size, starts, neighbours, nodeWeights, edgeWeights } = graph;
  const order = Int32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  const partner = new Int32Array(size).fill(-1);
  for (let i = 0; i < size; i++) {
    const v = order[i]!;
    if (partner[v]! >= 0) continue;
    let best = v;
    let bestWeight = -1;
    for (let e = starts[v]!; e < starts[v + 1]!; e++) {
      const u = neighbours[e]!;
      const isFree = partner[u]! < 0 && nodeWeights[u]! + nodeWeights[v]! <= heaviest;
      if (!isFree || edgeWeights[e]! <= bestWeight) continue;
      best = u;
      bestWeight = edgeWeights[e]!;
    }
    partner[v] = best;
    partner[best] = v;
  }
  const place = new Int32Array(size).fill(-1);
  const first: number[] = [];
  for (let v = 0; v < size; v++) {
    if (place[v]! >= 0) continue;
    place[v] = first.length;
    place[partner[v]!] = first.length;
    first.push(v);
  }
  const count = first.length;
  const coarseStarts = new Int32Array(count + 1);
  const coarseNeighbours = new Int32Array(neighbours.length);
  const coarseWeights = new Int32Array(neighbours.length);
  const coarseNodes = new Int32Array(count);
  const position = new Int32Array(count).fill(-1);
  let at = 0;
  for (let k = 0; k < count; k++) {
    const from = at;
    const v = first[k]!;
    for (const member of partner[v] === v ? [v] : [v, partner[v]!]) {
      coarseNodes[k]! += nodeWeights[member]!;
      for (let e = starts[member]!; e < starts[member + 1]!; e++) {
        const u = place[neighbours[e]!]!;
        if (u === k) continue;
        if (position[u]! >= from) {
          coarseWeights[position[u]!]! += edgeWeights[e]!;
        } else {
          position[u] = at;
          coarseNeighbours[at] = u;
          coarseWeights[at++] = edgeWeights[e]!;
        }
      }
    }
    coarseStarts[k + 1] = at;
  }
  const coarse = {
    size: count,
    starts: coarseStarts,
    neighbours: coarseNeighbours.slice(0, at),
    nodeWeights: coarseNodes,
    edgeWeights: coarseWeights.slice(0, at),
  };
  return { coarse, place };
}

/**
 * Splits a graph.
 *
 * @returns for each node 0 or 1 (its half) or SEPARATOR
 */
export function vertexSeparator(graph: WeightedGraph, draws: DrawSource): Uint8Array {
  if (graph.size <= COARSE_SIZE) return grownSeparator(graph, draws);
  let total = 0;
  for (const weight of graph.nodeWeights) total += weight;
  const heaviest = Math.max(2, Math.floor((3 * total) / (2 * COARSE_SIZE)));
  const { coarse, place } = coarsen(graph, draws, heaviest);
  // Nothing left to pair, as in a star.
  if (coarse.size > 0.92 * graph.size) return grownSeparator(graph, draws);
  const coarsePart = vertexSeparator(coarse, draws);
  const part = new Uint8Array(graph.size);
  for (let v = 0; v < graph.size; v++) part[v] = coarsePart[place[v]!]!;
  refine(graph, part, PASSES);
  return part;
}
