import { playBack, record } from './tape.js';
import { tf, type Tensor, type tfjs } from './tfjs.js';

/**
 * A part of a pass whose intermediate tensors are not kept for the gradient but computed again when it is asked for:
 * less memory for one more forward pass of this part. Values and gradients have the same bits as without.
 *
 * @param inputs - every tensor that `run` uses and that has a gradient, parameters included
 * @param run - computes the part from `inputs`; called again for the gradient, so it must not depend on anything else
 *   that changes
 */
export function recomputed(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor): Tensor {
  const op = tf.customGrad((...given) => {
    const save = given.at(-1) as unknown as tfjs.GradSaveFunc;
    const tensors = given.slice(0, -1) as Tensor[];
    save(tensors);
    return {
      value: run(tensors),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.tidy(() => gradientsAgain(run, saved, dy)),
    };
  });
  return op(...inputs);
}

function gradientsAgain(
  run: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  dy: Tensor,
): Tensor[] {
  const { value, tape } = record(() => run(inputs));
  const gradients = playBack(tape, value, tf.clone(dy), inputs);
  return gradients.map((gradient, i) => gradient ?? tf.zeros(inputs[i]?.shape ?? [], 'float32'));
}
