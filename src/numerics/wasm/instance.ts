/** WebAssembly as Node has it; its types belong to browsers. Source: WebAssembly JavaScript Interface. */
interface Engine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  readonly Instance: new (
    module: object,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, (...places: number[]) => number | undefined>> };
}

/** Numbers of a module and of the code that calls it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

export interface WasmInstance {
  readonly memory: WasmMemory;
  readonly functions: Readonly<Record<string, (...places: number[]) => number | undefined>>;
}

/**
 * A module with a memory of so many pages of 64 KiB, all zeros.
 *
 * @returns null where this machine cannot run it, for example without instructions for two doubles side by side, or has no
 *   room for the memory: callers compute the same without it
 */
export function instantiate(bytes: Uint8Array, pages: number): WasmInstance | null {
  const engine = (globalThis as unknown as { WebAssembly?: Engine }).WebAssembly;
  if (engine?.validate(bytes) !== true) return null;
  const memory = memoryOf(engine, pages);
  if (memory === null) return null;
  const { exports } = new engine.Instance(new engine.Module(bytes), { env: { memory } });
  return { memory, functions: exports };
}

/** Engines reserve far more addresses than the memory has bytes; a limit on those (`ulimit -v`) is met long before memory is full. */
function memoryOf(engine: Engine, pages: number): WasmMemory | null {
  try {
    return new engine.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
