import { ProcessingError } from '../errors.js';
import { shapeText } from './shapes.js';
import { readScalars } from './tensors.js';
import { playBack, record } from './tape.js';
import { tf, type Tensor } from './tfjs.js';
import { withTape } from './workspace.js';

/** A loss with what else the caller wants to know of the same pass. */
export interface Objective {
  /** 0-d tensor that is differentiated. */
  readonly loss: Tensor;
  /** 0-d tensors that are only read, for example the terms of the loss. */
  readonly terms?: Readonly<Record<string, Tensor>>;
  /** Tensors that outlive the pass, for example the displacement; the caller disposes them. */
  readonly outputs?: Readonly<Record<string, Tensor>>;
}

export interface ValueAndGradients {
  readonly value: number;
  /** One for each of `xs`, of its shape; zeros where the loss does not depend on it. The caller disposes them. */
  readonly gradients: readonly Tensor[];
  readonly terms: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/**
 * Evaluates a loss and its gradients with respect to tensors that it uses (weights, template, velocity).
 * Everything else that the pass made is freed, also when it fails. Values are read once, at the end; gradients and
 * outputs stay on the device.
 *
 * @param run - computes the loss from tensors, alone or with terms and outputs
 * @param xs - what to differentiate by; at least one
 * @throws ProcessingError SHAPE_MISMATCH when the loss is not a 0-d tensor
 */
export async function valueAndGradients(
  run: () => Tensor | Objective,
  xs: readonly Tensor[],
): Promise<ValueAndGradients> {
  if (xs.length === 0) {
    throw new ProcessingError('INVALID_ARGUMENT', 'valueAndGradients: nothing to differentiate by', {
      cure: 'give at least one tensor',
    });
  }
  const held: Tensor[] = [];
  const hold = (named: Readonly<Record<string, Tensor>> | undefined): [string, Tensor][] =>
    Object.entries(named ?? {}).map(([name, source]) => {
      const copy = tf.keep(tf.clone(source));
      held.push(copy);
      return [name, copy];
    });
  try {
    let terms: [string, Tensor][] = [];
    let outputs: [string, Tensor][] = [];
    const { value, found } = withTape(() => {
      const recorded = record(() => {
        const result = run();
        const objective = 'loss' in result ? result : { loss: result };
        if (objective.loss.size !== 1 || objective.loss.shape.length !== 0) {
          throw new ProcessingError('SHAPE_MISMATCH', 'valueAndGradients: the loss is not a 0-d tensor', {
            where: `shape ${shapeText(objective.loss.shape)}`,
            cure: 'reduce it with sum or mean',
          });
        }
        terms = hold(objective.terms);
        outputs = hold(objective.outputs);
        return objective.loss;
      });
      return { value: recorded.value, found: gradientsOf(recorded, xs) };
    });
    const gradients = xs.map((x, i) => found[i] ?? tf.zeros(x.shape, 'float32'));
    const [lossValue, ...termValues] = await readScalars([value, ...terms.map(([, term]) => term)])
      .catch((error: unknown) => {
        tf.dispose(gradients);
        throw error;
      })
      .finally(() => value.dispose());
    return {
      value: lossValue!,
      gradients,
      terms: Object.fromEntries(terms.map(([name], i) => [name, termValues[i]!])),
      outputs: Object.fromEntries(outputs.map(([name, source]) => [name, tf.clone(source)])),
    };
  } finally {
    for (const copy of held) copy.dispose();
  }
}

/** Everything that playing back makes, but for the gradients themselves, is freed. */
function gradientsOf({ value, tape }: ReturnType<typeof record>, xs: readonly Tensor[]): (Tensor | null)[] {
  let found: (Tensor | null)[] = [];
  try {
    tf.tidy(() => {
      found = playBack(tape, value, tf.ones([], 'float32'), xs);
      return found.filter((gradient) => gradient !== null);
    });
  } catch (error) {
    value.dispose();
    throw error;
  }
  return found;
}
