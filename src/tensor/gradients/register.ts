import { tf, type Tensor } from '../tfjs.js';

type Saved = readonly Tensor[];
/** Settings of a tfjs kernel, as it registers them. */
export type Settings = Readonly<Record<string, unknown>>;
export type Thunks = Record<string, () => Tensor>;

/** What tfjs needs to know of a differentiable kernel. */
export interface GradientRule {
  readonly kernel: string;
  readonly saveInputs?: readonly string[];
  readonly saveOutput?: boolean;
  /** `dy` belongs to the (single) output; `saved` holds the saved inputs in order, then the output. */
  readonly gradient: (dy: Tensor, saved: Saved, settings: Settings) => Thunks;
}

/** tfjs-core on its own registers no gradients; each kernel that a tape may record gets one here, once. */
export function registerRule(rule: GradientRule): void {
  if (tf.getGradient(rule.kernel)) return;
  tf.registerGradient({
    kernelName: rule.kernel,
    inputsToSave: [...(rule.saveInputs ?? [])],
    outputsToSave: [rule.saveOutput ?? false],
    gradFunc: (dy, saved, attributes) => rule.gradient(dy as Tensor, saved, attributes),
  });
}

/** Sums a gradient over the axes along which its operand was broadcast. */
export function toShape(gradient: Tensor, shape: readonly number[]): Tensor {
  const missing = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((length, axis) => {
    const own = axis < missing ? 1 : shape[axis - missing];
    return axis < missing || (own === 1 && length !== 1) ? [axis] : [];
  });
  const reduced = axes.length === 0 ? gradient : tf.sum(gradient, axes);
  return tf.reshape(reduced, [...shape]);
}
