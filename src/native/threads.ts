import { ProcessingError } from '../errors.js';
import { nativeBinding } from './loader.js';

/**
 * Sets how many threads work on one native operation, the calling one included. There is one pool per process and
 * one operation at a time; results are the same for the same number of threads, and equal to rounding for others.
 *
 * @param threads - 1 to 1024; the CPUs that the engine gave to the node
 * @throws ProcessingError INVALID_ARGUMENT; DependencyError ADDON_MISSING
 */
export function setNativeThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new ProcessingError('INVALID_ARGUMENT', `${threads} is no number of threads`, {
      where: 'setNativeThreads',
      cure: 'give a whole number from 1 to 1024',
    });
  }
  nativeBinding().setThreads(threads);
}

/** Number of threads of the pool; 1 until setNativeThreads. */
export function getNativeThreads(): number {
  return nativeBinding().getThreads();
}

/**
 * Measures the multiply-add rate that the selected instruction set reaches in registers, on all threads of the pool:
 * the yardstick for kernel speed.
 *
 * @param milliseconds - about how long to measure
 * @returns GFLOP/s, by wall time
 */
export function fmaPeakGflops(milliseconds: number): number {
  return nativeBinding().fmaPeak(milliseconds);
}
