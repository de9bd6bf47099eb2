/**
 * Asks for garbage collection.
 *
 * @returns bytes of memory that were freed; 0 without doing anything where Node offers no collector, which is so unless it
 * was started with `--expose-gc`
 */
export function gcCollect(): number {
  const { gc } = globalThis as { readonly gc?: () => void };
  if (gc === undefined) return 0;
  const used = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  gc();
  return Math.max(0, before - used());
}
