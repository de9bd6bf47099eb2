/**
 * Recording and playing back of a tape. tfjs records; it is played back here, because tfjs would keep every gradient
 * until the end of the pass: a gradient is freed as soon as the op behind it has used it, and sums are taken in place.
 */
import { ProcessingError } from '../errors.js';
import { addInPlace } from './backends/buffers.js';
import { tf, type Tensor } from './tfjs.js';

/** One op as tfjs records it. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** Tensors kept for the gradient. */
  readonly saved?: readonly Tensor[];
  readonly gradient?: (dys: readonly (Tensor | null)[]) => Readonly<Record<string, () => Tensor>>;
}

export type Tape = readonly TapeNode[];

/** What tfjs hides behind its `gradients`. */
interface Recorder {
  startTape(): void;
  endTape(): void;
  readonly state: { activeTape: TapeNode[] | null };
}

/** Runs a function and records its ops; only the returned tensor and what gradients need stays. */
export function record(run: () => Tensor): { readonly value: Tensor; readonly tape: Tape } {
  const recorder = tf.engine() as unknown as Recorder;
  const outer = recorder.state.activeTape;
  recorder.startTape();
  try {
    const value = tf.tidy(run);
    return { value, tape: recorder.state.activeTape ?? [] };
  } catch (error) {
    freeTape(recorder.state.activeTape ?? []);
    throw error;
  } finally {
    recorder.endTape();
    recorder.state.activeTape = outer;
  }
}

/** Frees what a tape holds for its gradients. */
export function freeTape(tape: Tape): void {
  for (const { saved } of tape) for (const held of saved ?? []) held.dispose();
}

/**
 * Gradients by `xs` of the scalar product of `value` with `upstream`. The tape is used up, also after an error.
 *
 * @param upstream - like `value`; freed
 * @returns one for each of `xs`; null where `value` does not depend on it
 */
export function playBack(
  tape: Tape,
  value: Tensor,
  upstream: Tensor,
  xs: readonly Tensor[],
): (Tensor | null)[] {
  const dependent = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => dependent.has(id)))
      for (const { id } of outputs) dependent.add(id);
  }
  const wanted = new Set(xs.map(({ id }) => id));
  const gradients = new Map<number, Tensor>([[value.id, upstream]]);
  try {
    for (const node of tape.toReversed()) {
      stepBack(node, dependent, gradients);
      for (const { id } of node.outputs) {
        if (wanted.has(id)) continue;
        gradients.get(id)?.dispose();
        gradients.delete(id);
      }
      for (const held of node.saved ?? []) held.dispose();
    }
  } finally {
    freeTape(tape);
  }
  return xs.map(({ id }) => gradients.get(id) ?? null);
}

/** Adds the gradients of the inputs of one op to what is there. */
function stepBack(node: TapeNode, dependent: ReadonlySet<number>, gradients: Map<number, Tensor>): void {
  const inputs = Object.entries(node.inputs).filter(([, { id }]) => dependent.has(id));
  const dys = node.outputs.map(({ id }) => gradients.get(id) ?? null);
  if (inputs.length === 0 || dys.every((dy) => dy === null)) return;
  if (node.gradient === undefined) {
    throw new ProcessingError('INTERNAL', `the op ${node.kernelName} has no gradient`, {
      cure: 'report this bug',
    });
  }
  const thunks = node.gradient(dys);
  for (const [name, { id }] of inputs) {
    const thunk = thunks[name];
    // An input that only decides, as a condition does.
    if (thunk === undefined) continue;
    const gradient = tf.tidy(thunk);
    const before = gradients.get(id);
    gradients.set(id, before === undefined ? gradient : addInPlace(before, gradient));
  }
}
