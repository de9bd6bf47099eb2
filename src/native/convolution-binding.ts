/** Positional arguments as native/register_pooling.cc reads them; sizes first. */
export interface ConvolutionBinding {
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
