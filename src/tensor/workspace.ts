/**
 * Arrays that a forward kernel leaves for its gradient. They live outside the tape, because tfjs would build a
 * gradient of zeros for each further output of a kernel, and they are freed with the tape, also after an error.
 */
import { tf, type Tensor, type tfjs } from './tfjs.js';

/** What a kernel can leave: arrays of this process, or of a graphics device. */
export type KernelArray = Float32Array | Float64Array | Uint8Array | tfjs.TensorInfo;

export class Workspace {
  readonly #releases: (() => void)[] = [];
  #arrays: readonly KernelArray[] = [];

  /** Leaves arrays for the gradient; `release` is called once, at the latest when the tape ends. */
  leave(arrays: readonly KernelArray[], release: () => void): void {
    this.#arrays = arrays;
    this.#releases.push(release);
  }

  /** The arrays that the forward kernel left. */
  get arrays(): readonly KernelArray[] {
    return this.#arrays;
  }

  release(): void {
    this.#arrays = [];
    for (const release of this.#releases.splice(0)) release();
  }
}

let openTapes = 0;
let workspaces: Workspace[] = [];
let scratch: Tensor[] = [];

/** A workspace of the running tape; null when nothing is recorded. */
export function openWorkspace(): Workspace | null {
  if (!tf.engine().isTapeOn()) return null;
  const workspace = new Workspace();
  workspaces.push(workspace);
  return workspace;
}

/** Keeps tensors until the end of the tape: gradients that a kernel computed before tfjs asks for them. */
export function keepUntilTapeEnds<T extends Tensor>(tensors: readonly T[]): readonly T[] {
  for (const held of tensors) scratch.push(tf.keep(held));
  return tensors;
}

/** Runs a function that records and plays back one tape, then frees what is left of it. */
export function withTape<T>(run: () => T): T {
  openTapes += 1;
  try {
    return run();
  } finally {
    openTapes -= 1;
    if (openTapes === 0) {
      for (const workspace of workspaces) workspace.release();
      for (const held of scratch) held.dispose();
      workspaces = [];
      scratch = [];
    }
  }
}
