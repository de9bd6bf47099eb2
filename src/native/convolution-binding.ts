/** Positional arguments as native/register_convolution.cc and register_pooling.cc read them; sizes first. */
export interface ConvolutionBinding {
  convForward(
    n: number,
    x: number,
    y: number,
    z: number,
    cin: number,
    cout: number,
    input: Float32Array,
    filter: Float32Array,
    bias: Float32Array | null,
    slope: number,
    output: Float32Array,
  ): void;
  convBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    cin: number,
    cout: number,
    input: Float32Array,
    filter: Float32Array,
    output: Float32Array,
    slope: number,
    dOutput: Float32Array,
    dInput: Float32Array | null,
    dFilter: Float32Array | null,
    dBias: Float32Array | null,
  ): void;
  maxPoolForward(
    n: number,
    x: number,
    y: number,
    z: number,
    c: number,
    input: Float32Array,
    output: Float32Array,
    argmax: Uint8Array,
  ): void;
  maxPoolBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    c: number,
    dOutput: Float32Array,
    argmax: Uint8Array,
    dInput: Float32Array,
  ): void;
  upConcatForward(
    n: number,
    x: number,
    y: number,
    z: number,
    cLow: number,
    cSkip: number,
    low: Float32Array,
    skip: Float32Array | null,
    output: Float32Array,
  ): void;
  upConcatBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    cLow: number,
    cSkip: number,
    dOutput: Float32Array,
    dLow: Float32Array | null,
    dSkip: Float32Array | null,
  ): void;
}
