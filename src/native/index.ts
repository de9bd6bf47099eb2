/** C++ kernels over plain typed arrays with explicit sizes; every argument is checked before the call. */
export type { Grid } from './arguments.js';
export * from './convolution.js';
export { ISAS, nativeStatus, selectIsa } from './loader.js';
export type { Isa, NativeStatus } from './loader.js';
export * from './pooling.js';
export { fmaPeakGflops, getNativeThreads, setNativeThreads } from './threads.js';
