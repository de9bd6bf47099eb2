/** Positional arguments as native/register_elementwise.cc reads them. */
export interface ElementwiseBinding {
  unary(operation: number, length: number, x: Float32Array, out: Float32Array): void;
  binary(operation: number, length: number, a: Float32Array, b: Float32Array, out: Float32Array): void;
  affine(length: number, x: Float32Array, factor: number, term: number, out: Float32Array): void;
  axpy(length: number, factor: number, x: Float32Array, y: Float32Array): void;
  clamp(length: number, x: Float32Array, low: number, high: number, out: Float32Array): void;
  reduce(operation: number, length: number, x: Float32Array): number;
  dot(length: number, a: Float32Array, b: Float32Array): number;
  allFinite(length: number, x: Float32Array): boolean;
  logDensity(length: number, x: Float32Array, offset: number, out: Float32Array): void;
  logDensityBackward(
    length: number,
    x: Float32Array,
    offset: number,
    dy: Float32Array,
    dx: Float32Array,
  ): void;
  inverseLogDensity(length: number, t: Float32Array, offset: number, out: Float32Array): void;
  inverseLogDensityBackward(
    length: number,
    t: Float32Array,
    offset: number,
    dy: Float32Array,
    dt: Float32Array,
  ): void;
  softDiceForward(
    n: number,
    size: number,
    a: Float32Array,
    b: Float32Array,
    s: Float32Array,
    threshold: number,
    offWeight: number,
    eps: number,
  ): number;
  softDiceBackward(
    n: number,
    size: number,
    a: Float32Array,
    b: Float32Array,
    s: Float32Array,
    threshold: number,
    offWeight: number,
    eps: number,
    scale: number,
    da: Float32Array,
  ): void;
  densityL1Forward(n: number, size: number, w: Float32Array, s: Float32Array, eps: number): number;
  densityL1Backward(
    n: number,
    size: number,
    w: Float32Array,
    s: Float32Array,
    eps: number,
    scale: number,
    dw: Float32Array,
  ): void;
  adamStep(
    length: number,
    gradient: Float32Array,
    parameter: Float32Array,
    m: Float32Array,
    v: Float32Array,
    lr: number,
    beta1: number,
    beta2: number,
    eps: number,
    step: number,
  ): void;
}
