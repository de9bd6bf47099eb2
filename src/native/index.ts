/** C++ kernels over plain typed arrays with explicit sizes; every argument is checked before the call. */
export type { Grid } from './arguments.js';
export { convBackward, convForward } from './convolution.js';
export type { ConvBackward, ConvForward } from './convolution.js';
export { ISAS, nativeStatus, selectIsa } from './loader.js';
export type { Isa, NativeStatus } from './loader.js';
export * from './pooling.js';
export { fmaPeakGflops, getNativeThreads, setNativeThreads } from './threads.js';
export { adamStep } from './adam.js';
export type { AdamStep } from './adam.js';
export * from './elementwise.js';
export * from './field-losses.js';
export * from './integrate.js';
export * from './log-density.js';
export * from './ncc.js';
export * from './up-convolution.js';
export * from './upsample-field.js';
export * from './volume-losses.js';
export * from './warp.js';
