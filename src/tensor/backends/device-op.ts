import { ProcessingError } from '../../errors.js';
import { type KernelAttributes, kernelOf, type KernelSettings } from '../dispatch.js';
import { tf, type Tensor, type tfjs } from '../tfjs.js';
import { keepUntilTapeEnds, type Workspace } from '../workspace.js';

/** One call of a kernel. */
export interface KernelCall<B> {
  readonly backend: B;
  readonly inputs: Readonly<Record<string, tfjs.TensorInfo>>;
  readonly settings: KernelSettings;
  readonly workspace: Workspace | null;
}

/** What a gradient works with; unless gradients are separate, all of it is freed right after the call. */
export interface GradientCall<B> {
  readonly backend: B;
  /** Upstream gradient, shape of the output. */
  readonly dy: Tensor;
  /** Saved inputs in the order of `saveInputs`, then the output where it is saved. */
  readonly saved: readonly Tensor[];
  readonly settings: KernelSettings;
  readonly workspace: Workspace | null;
  /** Inputs whose gradient is wanted, or may be. */
  readonly wanted: ReadonlySet<string>;
}

/** An op that a backend computes by itself: its kernel and its gradient. */
export interface DeviceOp<B> {
  readonly kernel: string;
  /** Names of the inputs, in the order in which the op passes them. */
  readonly inputs: readonly string[];
  readonly saveInputs?: readonly string[];
  readonly saveOutput?: boolean;
  /** Each gradient is computed when tfjs asks for it, and none of the others; else all later ones with the first. */
  readonly separateGradients?: boolean;
  readonly forward: (call: KernelCall<B>) => tfjs.TensorInfo;
  /** Gradients of at least the wanted inputs. */
  readonly gradient: (call: GradientCall<B>) => Readonly<Record<string, Tensor>>;
}

export function number(settings: KernelSettings, name: string): number {
  const value = settings[name];
  if (typeof value === 'number') return value;
  throw new ProcessingError('INTERNAL', `kernel setting ${name} is ${String(value)}`, {
    cure: 'report this bug',
  });
}

/** The input of a name; kernels are called through ops, which always pass it. */
export function input(
  call: { readonly inputs: Readonly<Record<string, tfjs.TensorInfo>> },
  name: string,
): tfjs.TensorInfo {
  const info = call.inputs[name];
  if (info !== undefined) return info;
  throw new ProcessingError('INTERNAL', `kernel input ${name} is missing`, { cure: 'report this bug' });
}

/** Registers a kernel and its gradient under a backend. */
export function registerOp<B>(backendName: string, op: DeviceOp<B>): void {
  const kernelName = kernelOf(op.kernel, backendName);
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { settings, workspace } = attrs as unknown as KernelAttributes;
      const given = inputs as Readonly<Record<string, tfjs.TensorInfo>>;
      return op.forward({ backend: backend as B, inputs: given, settings, workspace });
    },
  });
  tf.registerGradient({
    kernelName,
    inputsToSave: [...(op.saveInputs ?? [])],
    outputsToSave: [op.saveOutput ?? false],
    gradFunc: (dy, saved, attributes) => {
      const { settings, workspace } = attributes as unknown as KernelAttributes;
      const upstream = dy as Tensor;
      const gradientsOf = (wanted: ReadonlySet<string>) => {
        const backend = tf.backend() as B;
        return op.gradient({ backend, dy: upstream, saved, settings, workspace, wanted });
      };
      if (op.separateGradients === true) {
        const alone = (name: string) => () => gradientsOf(new Set([name]))[name] as Tensor;
        return Object.fromEntries(op.inputs.map((name) => [name, alone(name)]));
      }
      return requestedTogether(op.inputs, (wanted) => {
        const gradients = gradientsOf(wanted);
        // The tape goes backwards and comes here once: what it held for this op is free for the next ones.
        for (const used of [upstream, ...saved]) used.dispose();
        workspace?.release();
        return gradients;
      });
    },
  });
}

/**
 * Gradients that one call yields together. tfjs asks for them one after another in the order of the inputs, and
 * never for those of inputs that need none: the first request computes its own gradient and all later ones.
 */
function requestedTogether(
  names: readonly string[],
  compute: (wanted: ReadonlySet<string>) => Readonly<Record<string, Tensor>>,
): Record<string, () => Tensor> {
  let computed: Readonly<Record<string, Tensor>> | null = null;
  const request = (name: string): Tensor => {
    if (computed === null) {
      computed = compute(new Set(names.slice(names.indexOf(name))));
      keepUntilTapeEnds(Object.values(computed));
    }
    const held = computed[name] as Tensor;
    const handedOver = tf.clone(held);
    held.dispose();
    return handedOver;
  };
  return Object.fromEntries(names.map((name) => [name, () => request(name)]));
}
