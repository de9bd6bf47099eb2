const LEAF_POINTS = 12;

/**
 * Binary tree over points of any dimension, for nearest neighbours. Points on a surface are found fast also in the many
 * dimensions of an embedding by eigenvectors.
 */
export class KdTree {
  readonly #points: Float64Array;
  readonly #dimension: number;
  readonly #order: Int32Array;
  /** (nodes): axis of the cut, -1 for a leaf; place of the cut; position of the right child; range of the points. */
  readonly #axes: number[] = [];
  readonly #cuts: number[] = [];
  readonly #rights: number[] = [];
  readonly #ranges: number[] = [];

  /**
   * @param points - (n, dimension), row per point
   * @param taken - points to look among, all where absent
   */
  constructor(points: Float64Array, dimension: number, taken?: Int32Array) {
    this.#points = points;
    this.#dimension = dimension;
    this.#order = taken?.slice() ?? Int32Array.from({ length: points.length / dimension }, (_, i) => i);
    if (this.#order.length > 0) this.#build(0, this.#order.length);
  }

  #build(from: number, to: number): number {
    const node = this.#axes.length;
    this.#ranges.push(from, to);
    this.#rights.push(0);
    const axis = to - from <= LEAF_POINTS ? -1 : this.#widestAxis(from, to);
    this.#axes.push(axis);
    this.#cuts.push(0);
    if (axis < 0) return node;
    const at = (point: number): number => this.#points[point * this.#dimension + axis]!;
    this.#order.subarray(from, to).sort((a, b) => at(a) - at(b) || a - b);
    const middle = (from + to) >> 1;
    this.#cuts[node] = at(this.#order[middle]!);
    this.#build(from, middle);
    this.#rights[node] = this.#build(middle, to);
    return node;
  }

  /** -1 where all points are one. */
  #widestAxis(from: number, to: number): number {
    let [best, widest] = [-1, 0];
    for (let axis = 0; axis < this.#dimension; axis++) {
      let [low, high] = [Infinity, -Infinity];
      for (let i = from; i < to; i++) {
        const value = this.#points[this.#order[i]! * this.#dimension + axis]!;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      if (high - low > widest) [best, widest] = [axis, high - low];
    }
    return best;
  }

  /**
   * The nearest points to a query, nearest first; equal distances by number.
   *
   * @param query - table that the query stands in, row `row`
   * @returns numbers of at most `count` points, and their squared distances
   */
  nearest(
    query: Float64Array,
    row: number,
    count: number,
  ): { readonly points: number[]; readonly squares: number[] } {
    const points: number[] = [];
    const squares: number[] = [];
    if (this.#order.length === 0) return { points, squares };
    const offset = row * this.#dimension;
    this.#visit(0, query, offset, (point, square) => {
      if (squares.length === count && !isBefore(square, point, squares[count - 1]!, points[count - 1]!)) {
        return squares[count - 1]!;
      }
      let at = squares.length;
      while (at > 0 && isBefore(square, point, squares[at - 1]!, points[at - 1]!)) at--;
      squares.splice(at, 0, square);
      points.splice(at, 0, point);
      if (squares.length > count) {
        squares.pop();
        points.pop();
      }
      return squares.length === count ? squares[count - 1]! : Infinity;
    });
    return { points, squares };
  }

  /** All points at most `radius` from a query, in no order. */
  within(
    query: Float64Array,
    row: number,
    radius: number,
  ): { readonly points: number[]; readonly squares: number[] } {
    const points: number[] = [];
    const squares: number[] = [];
    const limit = radius * radius;
    if (this.#order.length === 0) return { points, squares };
    this.#limit = limit;
    this.#visit(
      0,
      query,
      row * this.#dimension,
      (point, square) => {
        if (square <= limit) {
          points.push(point);
          squares.push(square);
        }
        return limit;
      },
      limit,
    );
    return { points, squares };
  }

  #limit = Infinity;

  /** Offers every point that may be nearer than the limit that `offer` returned last. */
  #visit(
    node: number,
    query: Float64Array,
    offset: number,
    offer: (point: number, square: number) => number,
    start = Infinity,
  ): void {
    this.#limit = start;
    this.#descend(node, query, offset, offer);
  }

  #descend(
    node: number,
    query: Float64Array,
    offset: number,
    offer: (point: number, square: number) => number,
  ): void {
    const axis = this.#axes[node]!;
    if (axis < 0) {
      for (let i = this.#ranges[2 * node]!; i < this.#ranges[2 * node + 1]!; i++) {
        const point = this.#order[i]!;
        const square = this.#square(point, query, offset);
        if (square <= this.#limit) this.#limit = offer(point, square);
      }
      return;
    }
    const beyond = query[offset + axis]! - this.#cuts[node]!;
    const right = this.#rights[node]!;
    this.#descend(beyond < 0 ? node + 1 : right, query, offset, offer);
    if (beyond * beyond <= this.#limit) this.#descend(beyond < 0 ? right : node + 1, query, offset, offer);
  }

  #square(point: number, query: Float64Array, offset: number): number {
    const at = point * this.#dimension;
    let sum = 0;
    for (let axis = 0; axis < this.#dimension; axis++) {
      const difference = this.#points[at + axis]! - query[offset + axis]!;
      sum += difference * difference;
      if (sum > this.#limit) return sum;
    }
    return sum;
  }
}

function isBefore(square: number, point: number, otherSquare: number, otherPoint: number): boolean {
  return square < otherSquare || (square === otherSquare && point < otherPoint);
}
