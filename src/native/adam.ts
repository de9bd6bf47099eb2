import { ProcessingError } from '../errors.js';
import { checkCount, checkFinite, checkFloats, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface AdamStep {
  /** Changed in place, like m and v; all of one length. */
  readonly param: Float32Array;
  readonly grad: Float32Array;
  /** First moment. */
  readonly m: Float32Array;
  /** Second moment. */
  readonly v: Float32Array;
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

function checkBeta(name: string, beta: number): void {
  if (beta >= 0 && beta < 1) return;
  throw new ProcessingError('INVALID_ARGUMENT', `${name} is ${beta}`, {
    where: 'adamStep',
    cure: 'give a number from 0 to below 1',
  });
}

/**
 * One step of Adam with bias correction, no weight decay:
 * m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
 * param -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps).
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 * @see Kingma & Ba 2015, algorithm 1, in the form that torch computes
 */
export function adamStep({ param, grad, m, v, lr, beta1, beta2, eps, step }: AdamStep): void {
  const operation = 'adamStep';
  checkFloats(operation, 'grad', grad, param.length);
  checkFloats(operation, 'm', m, param.length);
  checkFloats(operation, 'v', v, param.length);
  checkSeparate(operation, 'param', param, { grad, m, v });
  checkSeparate(operation, 'm', m, { grad, v });
  checkSeparate(operation, 'v', v, { grad });
  checkFinite(operation, 'lr', lr);
  checkFinite(operation, 'eps', eps);
  checkBeta('beta1', beta1);
  checkBeta('beta2', beta2);
  checkCount(operation, 'step', step);
  nativeBinding().adamStep(param.length, grad, param, m, v, lr, beta1, beta2, eps, step);
}
