/** Undirected graph: both directions of every edge are listed, no loops. */
export interface Graph {
  readonly size: number;
  /** Length size + 1. */
  readonly starts: Int32Array;
  readonly neighbours: Int32Array;
}

/** A graph whose nodes stand for several nodes of a finer one. */
export interface WeightedGraph extends Graph {
  readonly nodeWeights: Int32Array;
  /** Beside `neighbours`. */
  readonly edgeWeights: Int32Array;
}

/** The off-diagonal pattern of a symmetric sparse matrix as a graph. */
export function patternGraph(size: number, rowStarts: Int32Array, columns: Int32Array): Graph {
  const starts = new Int32Array(size + 1);
  const neighbours = new Int32Array(columns.length);
  let at = 0;
  for (let i = 0; i < size; i++) {
    for (let e = rowStarts[i]!; e < rowStarts[i + 1]!; e++) {
      if (columns[e] !== i) neighbours[at++] = columns[e]!;
    }
    starts[i + 1] = at;
  }
  return { size, starts, neighbours: neighbours.slice(0, at) };
}

/** Every node and edge with weight 1. */
export function unweighted(graph: Graph): WeightedGraph {
  return {
    ...graph,
    nodeWeights: new Int32Array(graph.size).fill(1),
    edgeWeights: new Int32Array(graph.neighbours.length).fill(1),
  };
}

/** Xorshift generator of 32 bits: the orderings of TypeScript and the addon draw the same numbers. */
export class DrawSource {
  #state: number;

  constructor(seed: number) {
    // A state of 0 would stay 0.
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x6c078965) >>> 0 || 1;
    this.next();
    this.next();
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** Whole number below `bound`; the small bias does not matter for an ordering. */
  below(bound: number): number {
    return this.next() % bound;
  }
}

/** Connected components: for each node the number of its component, numbered by their first node. */
export function connectedComponents(graph: Graph): {
  readonly count: number;
  readonly component: Int32Array;
} {
  const component = new Int32Array(graph.size).fill(-1);
  const queue = new Int32Array(graph.size);
  let count = 0;
  for (let root = 0; root < graph.size; root++) {
    if (component[root]! >= 0) continue;
    let head = 0;
    let tail = 0;
    queue[tail++] = root;
    component[root] = count;
    while (head < tail) {
      const v = queue[head++]!;
      for (let e = graph.starts[v]!; e < graph.starts[v + 1]!; e++) {
        const u = graph.neighbours[e]!;
        if (component[u]! >= 0) continue;
        component[u] = count;
        queue[tail++] = u;
      }
    }
    count++;
  }
  return { count, component };
}
