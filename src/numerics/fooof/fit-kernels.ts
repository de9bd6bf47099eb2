import { nativeStatus } from '../../native/index.js';

/** Who fits: the addon, plain TypeScript, or the addon where it is built. Both take the same steps, up to rounding. */
export type FitKernels = 'auto' | 'native' | 'typescript';

/** Whether the addon fits; asked for where it is not built, it says so at the first fit. */
export function usesNative(kernels: FitKernels): boolean {
  return kernels === 'native' || (kernels === 'auto' && nativeStatus().available);
}
