import {
  integrateVelocity,
  inverseLogDensity,
  logDensity,
  type Objective,
  repeatBatch,
  type Tensor,
  upsampleField,
  warp,
} from '../../tensor/index.js';
import { learnedAtlasLoss, nextMeanDisplacement } from './losses.js';
import { logOffsetOf, type ModelSettings, type TrainingSettings } from './settings.js';

/** Normalised log density of a tensor; the tensor itself when densities are logarithmic already. */
export function toLogDensity(density: Tensor, logOffset: number | null): Tensor {
  return logOffset === null ? density : logDensity(density, logOffset);
}

/** Density of a log template. */
export function toDensity(theta: Tensor, logOffset: number | null): Tensor {
  return logOffset === null ? theta : inverseLogDensity(theta, logOffset);
}

/**
 * Displacement on the training grid of a velocity.
 *
 * @param velocity - (N, x, y, z, 3) on half the training grid or on all of it
 * @returns (N, X, Y, Z, 3), voxels of the training grid
 */
export function displacementOf(
  velocity: Tensor,
  model: Pick<ModelSettings, 'int_steps' | 'flow_resolution'>,
): Tensor {
  const integrated = integrateVelocity(velocity, model.int_steps);
  return model.flow_resolution === 'half' ? upsampleField(integrated) : integrated;
}

/** Running mean of the displacement before a step, and the divisor of the step. */
export interface RunningMean {
  readonly previous: Tensor | null;
  readonly divisor: number;
}

/**
 * Warps the template to a batch of subjects and rates the result.
 *
 * @param template - T, (1, X, Y, Z, 1), train units
 * @param subject - (N, X, Y, Z, 1), train units
 * @param velocity - (N, x, y, z, 3)
 * @param running - null leaves the mean deformation out
 * @returns the objective with the outputs `displacement` and, with a running mean, `meanDisplacement`
 */
export function registrationPass(
  template: Tensor,
  subject: Tensor,
  velocity: Tensor,
  settings: TrainingSettings,
  running: RunningMean | null,
): Objective {
  const displacement = displacementOf(velocity, settings.model);
  const warped = warp(repeatBatch(template, subject.shape[0]!), displacement, 'zeros');
  const meanDisplacement =
    running === null ? null : nextMeanDisplacement(running.previous, displacement, running.divisor);
  const { loss, terms } = learnedAtlasLoss(
    { warped, subject, velocity, displacement, meanDisplacement, logOffset: logOffsetOf(settings) },
    settings.loss,
  );
  return {
    loss,
    terms,
    outputs: meanDisplacement === null ? { displacement } : { displacement, meanDisplacement },
  };
}
