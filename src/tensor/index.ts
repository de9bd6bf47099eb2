/**
 * Tensors with gradients, and the ops of learned registration. Loading this room loads tfjs: import it inside the
 * function that computes. Layout everywhere: float32 (N, X, Y, Z, C), channels fastest.
 */
import { registerGradients } from './gradients/index.js';

registerGradients();

export type { Parameter, Tensor } from './tfjs.js';
export {
  tensor,
  zeros,
  parameter,
  read,
  viewed,
  readScalars,
  sumOfSquares,
  update,
  assign,
  project,
  tidy,
  scoped,
  keep,
  dispose,
  memoryCount,
  releaseMemory,
} from './tensors.js';
export {
  availableDevices,
  resolveDevice,
  useDevice,
  portableCpuDevice,
  type DeviceAdvice,
  type DeviceInfo,
} from './device.js';
export { withPortableOps, PORTABLE_VOXEL_LIMIT } from './dispatch.js';
export { valueAndGradients, type Objective, type ValueAndGradients } from './value-and-gradients.js';
export { recomputed } from './recomputed.js';
export { Adam, ADAM_DEFAULTS, type AdamSettings, type AdamState } from './adam.js';
export {
  add,
  sub,
  mul,
  scale,
  addNumber,
  log,
  square,
  sum,
  mean,
  batchMean,
  repeatBatch,
  concatChannels,
  constant,
} from './ops/elementwise.js';
export { convBlock } from './ops/conv-block.js';
export { maxPool2 } from './ops/max-pool.js';
export { upConcat } from './ops/up-concat.js';
export { upConvBlock } from './ops/up-conv-block.js';
export { warp, type WarpMode } from './ops/warp.js';
export { integrateVelocity } from './ops/integrate-velocity.js';
export { upsampleField } from './ops/upsample-field.js';
export { logDensity, inverseLogDensity } from './ops/log-density.js';
export { localNccLoss, type LocalNccSettings } from './ops/local-ncc.js';
export { softDiceLoss, type SoftDiceSettings } from './ops/soft-dice.js';
export { densityL1Loss } from './ops/density-l1.js';
export { smoothnessLoss } from './ops/smoothness.js';
export { jacobianHingeLoss, leastDeterminant } from './ops/jacobian-hinge.js';
export {
  fieldPredictions,
  fieldProducts,
  fieldSums,
  bestCorrelations,
  type FieldInputs,
} from './ops/field-sums.js';
