/**
 * Gradients in float64 of functions that are described once and evaluated often: expressions of a vector, played forward and back
 * over arrays that were made with them. Nothing here needs tfjs, which knows float32 only.
 */
import { ProcessingError } from '../errors.js';

/** A number, vector or matrix that is computed from a point, or a constant. */
export interface Expression {
  /** Empty for a single number. */
  readonly shape: readonly number[];
}

/** What operations take: an expression, or a number that stands for it everywhere. */
export type Operand = Expression | number;

/**
 * The value at a point, with the gradient.
 *
 * @param point - shape (n)
 * @param gradient - shape (n), is overwritten
 */
export type ScalarField = (point: Float64Array, gradient: Float64Array) => number;

/**
 * Operations of expressions. Shapes that differ are matched from their last axis, where an axis of length 1 is repeated; a number
 * fits every shape.
 */
export interface ExpressionOps {
  /** A constant. @param shape - default: a vector; the last axis fastest */
  data(values: ArrayLike<number>, shape?: readonly number[]): Expression;
  /** One element of a vector, a single number. */
  at(x: Expression, place: number): Expression;
  /** Elements of a vector from the first to the last (excluded). */
  part(x: Expression, from: number, to: number): Expression;
  /** Elements of a vector by their places, each any number of times: for example the effect of the site of each row. */
  pick(x: Expression, places: ArrayLike<number>): Expression;
  add(a: Operand, b: Operand): Expression;
  sub(a: Operand, b: Operand): Expression;
  mul(a: Operand, b: Operand): Expression;
  div(a: Operand, b: Operand): Expression;
  neg(x: Operand): Expression;
  exp(x: Operand): Expression;
  log(x: Operand): Expression;
  /** ln(1 + x). */
  log1p(x: Operand): Expression;
  sqrt(x: Operand): Expression;
  square(x: Operand): Expression;
  /** 1 / (1 + exp(-x)). */
  sigmoid(x: Operand): Expression;
  /** ln(1 + exp(x)). */
  softplus(x: Operand): Expression;
  /** Any function of one number, element by element. @param slope - its derivative */
  apply(x: Operand, value: (x: number) => number, slope: (x: number) => number): Expression;
  /** Sum of all elements, a single number. */
  sum(x: Expression): Expression;
  /** A matrix (m, n) times a vector (n), shape (m); or times a matrix (n, k), shape (m, k). */
  product(a: Expression, b: Expression): Expression;
}

/**
 * A sum of terms as a function of a vector.
 *
 * @param describe - is called once with the operations and the point; returns the terms, of any shapes. All their elements are
 *   added up. What it computes from numbers of its own is constant: the point has no values yet.
 * @param dimension - n, coordinates of a point
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT for operands that do not fit, with their shapes
 */
export function scalarField(
  describe: (ops: ExpressionOps, point: Expression) => Expression | readonly Expression[],
  dimension: number,
): ScalarField {
  const graph = new Graph();
  const point = graph.point(dimension);
  const described = describe(graph.operations(), point);
  const terms = (Array.isArray(described) ? described : [described]).map((term) =>
    graph.known(term as Operand, 'a term'),
  );
  return (at, gradient) => {
    point.value.set(at);
    for (const { forward } of graph.steps) forward();
    let sum = 0;
    for (const { value } of terms) for (const element of value) sum += element;
    point.slope.fill(0);
    for (const { slope } of graph.steps) slope.fill(0);
    for (const { slope } of terms) for (let i = 0; i < slope.length; i++) slope[i] = slope[i]! + 1;
    for (let i = graph.steps.length - 1; i >= 0; i--) graph.steps[i]!.backward();
    gradient.set(point.slope);
    return sum;
  };
}

/** An expression with its arrays. Constants have their value from the start. */
class Known implements Expression {
  readonly shape: readonly number[];
  readonly value: Float64Array;
  /** Derivative of the sum of the terms by each element. */
  readonly slope: Float64Array;
  readonly graph: Graph;
  readonly isConstant: boolean;

  constructor(graph: Graph, shape: readonly number[], isConstant: boolean) {
    const size = sizeOf(shape);
    this.graph = graph;
    this.shape = shape;
    this.value = new Float64Array(size);
    this.slope = new Float64Array(size);
    this.isConstant = isConstant;
  }
}

/** One computation: forward from values to a value, backward from its slope to those of what it was made of. */
interface Step {
  readonly slope: Float64Array;
  forward(): void;
  backward(): void;
}

class Graph {
  /** In the order in which they were described: each comes after what it is made of. */
  readonly steps: Step[] = [];

  point(dimension: number): Known {
    return new Known(this, [dimension], false);
  }

  /** @throws ProcessingError INVALID_ARGUMENT for what is no expression of this function */
  known(given: Operand, what: string): Known {
    if (typeof given === 'number') return this.#constant([given], []);
    if (given instanceof Known && given.graph === this) return given;
    throw refused(
      'INVALID_ARGUMENT',
      `${what} is not made of the operations of this function`,
      'make it with the operations that the function gets, from its own point',
    );
  }

  operations(): ExpressionOps {
    const unary =
      (value: (x: number) => number, slope: (x: number, y: number) => number) =>
      (x: Operand): Known =>
        this.#unary(this.known(x, 'an operand'), value, slope);
    return {
      data: (values, shape = [values.length]) => this.#constant(values, shape),
      at: (x, place) => this.#picked('at', this.known(x, 'x of at'), [place], []),
      part: (x, from, to) => this.#part(this.known(x, 'x of part'), from, to),
      pick: (x, places) => this.#picked('pick', this.known(x, 'x of pick'), places, [places.length]),
      add: (a, b) => this.#binary('add', a, b, ADD),
      sub: (a, b) => this.#binary('sub', a, b, SUB),
      mul: (a, b) => this.#binary('mul', a, b, MUL),
      div: (a, b) => this.#binary('div', a, b, DIV),
      neg: unary(
        (x) => -x,
        () => -1,
      ),
      exp: unary(Math.exp, (_x, y) => y),
      log: unary(Math.log, (x) => 1 / x),
      log1p: unary(Math.log1p, (x) => 1 / (1 + x)),
      sqrt: unary(Math.sqrt, (_x, y) => 0.5 / y),
      square: unary(
        (x) => x * x,
        (x) => 2 * x,
      ),
      sigmoid: unary(logistic, (_x, y) => y * (1 - y)),
      softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), logistic),
      apply: (x, value, slope) => this.#unary(this.known(x, 'x of apply'), value, slope),
      sum: (x) => this.#sum(this.known(x, 'x of sum')),
      product: (a, b) => this.#product(this.known(a, 'a of product'), this.known(b, 'b of product')),
    };
  }

  #constant(values: ArrayLike<number>, shape: readonly number[]): Known {
    if (sizeOf(shape) !== values.length) {
      throw refused(
        'SHAPE_MISMATCH',
        `data: ${values.length} values for shape ${shapeText(shape)}`,
        'give one value for each element, the last axis fastest',
      );
    }
    const made = new Known(this, [...shape], true);
    made.value.set(values);
    return made;
  }

  /** A computation of operands; done once where all of them are constant. */
  #made(
    shape: readonly number[],
    operands: readonly Known[],
    forward: (made: Known) => void,
    backward: (made: Known) => void,
  ): Known {
    const isConstant = operands.every((operand) => operand.isConstant);
    const made = new Known(this, shape, isConstant);
    if (isConstant) forward(made);
    else this.steps.push({ slope: made.slope, forward: () => forward(made), backward: () => backward(made) });
    return made;
  }

  #unary(x: Known, value: (x: number) => number, slope: (x: number, y: number) => number): Known {
    return this.#made(
      x.shape,
      [x],
      (made) => {
        for (let i = 0; i < made.value.length; i++) made.value[i] = value(x.value[i]!);
      },
      (made) => {
        for (let i = 0; i < made.slope.length; i++)
          x.slope[i] = x.slope[i]! + made.slope[i]! * slope(x.value[i]!, made.value[i]!);
      },
    );
  }

  #binary(name: string, first: Operand, second: Operand, rule: BinaryRule): Known {
    const [a, b] = [this.known(first, `a of ${name}`), this.known(second, `b of ${name}`)];
    const shape = commonShape(name, a.shape, b.shape);
    const [inA, inB] = [placesIn(a.shape, shape), placesIn(b.shape, shape)];
    return this.#made(
      shape,
      [a, b],
      (made) => rule.forward(made.value, a.value, b.value, inA, inB),
      (made) => {
        if (!a.isConstant) rule.toFirst(made.slope, a, b, inA, inB);
        if (!b.isConstant) rule.toSecond(made.slope, a, b, inA, inB);
      },
    );
  }

  #part(x: Known, from: number, to: number): Known {
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from < to)) {
      throw refused(
        'INVALID_ARGUMENT',
        `part: ${from} to ${to} is no range`,
        'give whole numbers that ascend',
      );
    }
    const places = Array.from({ length: to - from }, (_, i) => from + i);
    return this.#picked('part', x, places, [places.length]);
  }

  #picked(name: string, x: Known, given: ArrayLike<number>, shape: readonly number[]): Known {
    const places = Int32Array.from(given);
    const wrong = places.findIndex((place, i) => place !== given[i] || place < 0 || place >= x.value.length);
    if (x.shape.length !== 1 || wrong >= 0) {
      throw refused(
        'INVALID_ARGUMENT',
        `${name}: ${x.shape.length === 1 ? `there is no element ${given[wrong]}` : 'no vector,'} in shape ${shapeText(x.shape)}`,
        'give a vector, and whole numbers from 0 below its length',
      );
    }
    return this.#made(
      shape,
      [x],
      ({ value }) => {
        for (let i = 0; i < places.length; i++) value[i] = x.value[places[i]!]!;
      },
      ({ slope }) => {
        for (let i = 0; i < places.length; i++) {
          const place = places[i]!;
          x.slope[place] = x.slope[place]! + slope[i]!;
        }
      },
    );
  }

  #sum(x: Known): Known {
    return this.#made(
      [],
      [x],
      ({ value }) => {
        let total = 0;
        for (const element of x.value) total += element;
        value[0] = total;
      },
      ({ slope }) => {
        for (let i = 0; i < x.slope.length; i++) x.slope[i] = x.slope[i]! + slope[0]!;
      },
    );
  }

  #product(a: Known, b: Known): Known {
    const [rows = 0, inner = 0] = a.shape;
    const isFit =
      a.shape.length === 2 && (b.shape.length === 1 || b.shape.length === 2) && b.shape[0] === inner;
    if (!isFit) {
      throw refused(
        'SHAPE_MISMATCH',
        `product: shapes ${shapeText(a.shape)} and ${shapeText(b.shape)} do not fit`,
        'give (m, n) and (n) or (n, k)',
      );
    }
    const columns = b.shape[1] ?? 1;
    return this.#made(
      b.shape.length === 1 ? [rows] : [rows, columns],
      [a, b],
      ({ value }) => {
        value.fill(0);
        eachProduct(rows, inner, columns, (out, left, right) => {
          value[out] = value[out]! + a.value[left]! * b.value[right]!;
        });
      },
      ({ slope }) => {
        if (!a.isConstant)
          eachProduct(rows, inner, columns, (out, left, right) => {
            a.slope[left] = a.slope[left]! + slope[out]! * b.value[right]!;
          });
        if (!b.isConstant)
          eachProduct(rows, inner, columns, (out, left, right) => {
            b.slope[right] = b.slope[right]! + slope[out]! * a.value[left]!;
          });
      },
    );
  }
}

/** Calls for every product of a matrix product, with the places of its result and of its factors. */
function eachProduct(
  rows: number,
  inner: number,
  columns: number,
  call: (out: number, left: number, right: number) => void,
): void {
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++)
      for (let j = 0; j < columns; j++) call(i * columns + j, i * inner + k, k * columns + j);
}

type Places = Int32Array;

/** Loops of their own for each operation: these take most of the time. */
interface BinaryRule {
  forward(out: Float64Array, a: Float64Array, b: Float64Array, inA: Places, inB: Places): void;
  toFirst(dy: Float64Array, a: Known, b: Known, inA: Places, inB: Places): void;
  toSecond(dy: Float64Array, a: Known, b: Known, inA: Places, inB: Places): void;
}

function addSlope(target: Float64Array, places: Places, dy: Float64Array, sign: 1 | -1): void {
  for (let i = 0; i < dy.length; i++) target[places[i]!] = target[places[i]!]! + sign * dy[i]!;
}

const ADD: BinaryRule = {
  forward(out, a, b, inA, inB) {
    for (let i = 0; i < out.length; i++) out[i] = a[inA[i]!]! + b[inB[i]!]!;
  },
  toFirst: (dy, a, _b, inA) => addSlope(a.slope, inA, dy, 1),
  toSecond: (dy, _a, b, _inA, inB) => addSlope(b.slope, inB, dy, 1),
};

const SUB: BinaryRule = {
  forward(out, a, b, inA, inB) {
    for (let i = 0; i < out.length; i++) out[i] = a[inA[i]!]! - b[inB[i]!]!;
  },
  toFirst: (dy, a, _b, inA) => addSlope(a.slope, inA, dy, 1),
  toSecond: (dy, _a, b, _inA, inB) => addSlope(b.slope, inB, dy, -1),
};

const MUL: BinaryRule = {
  forward(out, a, b, inA, inB) {
    for (let i = 0; i < out.length; i++) out[i] = a[inA[i]!]! * b[inB[i]!]!;
  },
  toFirst(dy, { slope }, { value }, inA, inB) {
    for (let i = 0; i < dy.length; i++) slope[inA[i]!] = slope[inA[i]!]! + dy[i]! * value[inB[i]!]!;
  },
  toSecond(dy, { value }, { slope }, inA, inB) {
    for (let i = 0; i < dy.length; i++) slope[inB[i]!] = slope[inB[i]!]! + dy[i]! * value[inA[i]!]!;
  },
};

const DIV: BinaryRule = {
  forward(out, a, b, inA, inB) {
    for (let i = 0; i < out.length; i++) out[i] = a[inA[i]!]! / b[inB[i]!]!;
  },
  toFirst(dy, { slope }, { value }, inA, inB) {
    for (let i = 0; i < dy.length; i++) slope[inA[i]!] = slope[inA[i]!]! + dy[i]! / value[inB[i]!]!;
  },
  toSecond(dy, { value }, b, inA, inB) {
    for (let i = 0; i < dy.length; i++) {
      const divisor = b.value[inB[i]!]!;
      b.slope[inB[i]!] = b.slope[inB[i]!]! - (dy[i]! * value[inA[i]!]!) / (divisor * divisor);
    }
  },
};

function commonShape(name: string, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [own, other] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (own === other || other === 1) return own;
    if (own === 1) return other;
    throw refused(
      'SHAPE_MISMATCH',
      `${name}: shapes ${shapeText(a)} and ${shapeText(b)} do not fit`,
      'axes must be equal or 1, from the last one on',
    );
  });
}

/** Where each element of a shape comes from in one that is repeated to it. */
function placesIn(own: readonly number[], shape: readonly number[]): Places {
  const places = new Int32Array(sizeOf(shape));
  for (let i = 0; i < places.length; i++) {
    let [rest, place, stride] = [i, 0, 1];
    for (let axis = shape.length - 1, at = own.length - 1; at >= 0; axis--, at--) {
      const coordinate = rest % shape[axis]!;
      rest = (rest - coordinate) / shape[axis]!;
      if (own[at] !== 1) place += stride * coordinate;
      stride *= own[at]!;
    }
    places[i] = place;
  }
  return places;
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

function shapeText(shape: readonly number[]): string {
  return `(${shape.join(', ')})`;
}

function refused(code: 'SHAPE_MISMATCH' | 'INVALID_ARGUMENT', what: string, cure: string): ProcessingError {
  return new ProcessingError(code, what, { cure });
}
