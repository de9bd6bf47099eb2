/** Gradients of element-wise kernels. Operands may be broadcast. */
import { tf, type Tensor } from '../tfjs.js';
import { registerRule, toShape, type GradientRule } from './register.js';

type Pair = readonly [Tensor, Tensor];
type Single = readonly [Tensor];

/** 1 where the condition holds, as float32. */
const where = (condition: Tensor) => tf.cast(condition, 'float32');

const binary = (
  kernel: string,
  da: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  db: typeof da,
): GradientRule => ({
  kernel,
  saveInputs: ['a', 'b'],
  gradient: (dy, saved) => {
    const [a, b] = saved as Pair;
    return { a: () => toShape(da(dy, a, b), a.shape), b: () => toShape(db(dy, a, b), b.shape) };
  },
});

const unary = (kernel: string, dx: (dy: Tensor, x: Tensor) => Tensor): GradientRule => ({
  kernel,
  saveInputs: ['x'],
  gradient: (dy, saved) => {
    const [x] = saved as Single;
    return { x: () => dx(dy, x) };
  },
});

const RULES: readonly GradientRule[] = [
  binary(
    'Add',
    (dy) => tf.clone(dy),
    (dy) => tf.clone(dy),
  ),
  binary(
    'Sub',
    (dy) => tf.clone(dy),
    (dy) => tf.neg(dy),
  ),
  binary(
    'Multiply',
    (dy, _a, b) => tf.mul(dy, b),
    (dy, a) => tf.mul(dy, a),
  ),
  binary(
    'RealDiv',
    (dy, _a, b) => tf.div(dy, b),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.square(b))),
  ),
  // Of equal values the first one gets the gradient.
  binary(
    'Maximum',
    (dy, a, b) => tf.mul(dy, where(tf.greaterEqual(a, b))),
    (dy, a, b) => tf.mul(dy, where(tf.less(a, b))),
  ),
  binary(
    'Minimum',
    (dy, a, b) => tf.mul(dy, where(tf.lessEqual(a, b))),
    (dy, a, b) => tf.mul(dy, where(tf.greater(a, b))),
  ),
  {
    kernel: 'Select',
    saveInputs: ['condition'],
    gradient: (dy, [condition]) => ({
      t: () => tf.mul(dy, where(condition as Tensor)),
      e: () => tf.mul(dy, where(tf.logicalNot(condition as Tensor))),
    }),
  },
  unary('Square', (dy, x) => tf.mul(dy, tf.mul(x, tf.scalar(2)))),
  unary('Abs', (dy, x) => tf.mul(dy, tf.sign(x))),
  unary('Log', (dy, x) => tf.div(dy, x)),
  unary('Log1p', (dy, x) => tf.div(dy, tf.add(x, tf.scalar(1)))),
  unary('Expm1', (dy, x) => tf.mul(dy, tf.exp(x))),
];

/** Registers the gradients of element-wise kernels. */
export function registerArithmeticGradients(): void {
  for (const rule of RULES) registerRule(rule);
}
