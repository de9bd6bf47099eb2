/** State of the compiled kernels. */
export type NativeStatus =
  | { readonly available: true; readonly isa: string; readonly threads: number }
  | { readonly available: false; readonly reason: string };

/** Whether the compiled kernels can be used here, and how. */
export function nativeStatus(): NativeStatus {
  return { available: false, reason: 'this build has no compiled kernels' };
}
