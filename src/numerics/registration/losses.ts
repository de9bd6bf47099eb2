import {
  add,
  batchMean,
  densityL1Loss,
  jacobianHingeLoss,
  localNccLoss,
  logDensity,
  mean,
  scale,
  smoothnessLoss,
  softDiceLoss,
  square,
  sub,
  type Tensor,
} from '../../tensor/index.js';
import type { LossTermName } from './loss-terms.js';
import { JACOBIAN_MARGIN, type LossSettings } from './settings.js';

/** Guards the soft Dice and the density error against division by zero; the specification fixes it. */
const EPS = 1e-6;

/** What the objective looks at; all on one device. */
export interface LossInputs {
  /** Warped template and subject, (N, X, Y, Z, 1), train units. */
  readonly warped: Tensor;
  readonly subject: Tensor;
  /** (N, x, y, z, 3) on its own grid. */
  readonly velocity: Tensor;
  /** (N, X, Y, Z, 3), voxels of the training grid. */
  readonly displacement: Tensor;
  /** Running mean of the displacement including this batch, (1, X, Y, Z, 3); null where there is no cohort to centre. */
  readonly meanDisplacement: Tensor | null;
  /** Offset of the log density; null when the densities are logarithmic already. */
  readonly logOffset: number | null;
}

/** 1 - local normalised cross-correlation of two log densities over the windows in which the subject varies. */
export function localNccLogLoss(logWarped: Tensor, logSubject: Tensor, settings: LossSettings): Tensor {
  return localNccLoss(logSubject, logWarped, { window: settings.ncc_window, eps: settings.ncc_eps });
}

/** 1 - soft Dice of two log densities; voxels off the subject's own support count less. */
export function presenceWeightedSoftDice(
  logWarped: Tensor,
  logSubject: Tensor,
  subject: Tensor,
  settings: LossSettings,
): Tensor {
  return softDiceLoss(logWarped, logSubject, subject, {
    threshold: settings.support_threshold,
    offWeight: settings.off_support_weight,
    eps: EPS,
  });
}

/** Mean squared forward difference of the velocity, mean over the three axes. */
export function gradientSmoothness(velocity: Tensor): Tensor {
  return smoothnessLoss(velocity);
}

/**
 * Weighted sum of the terms of spec/learned_atlas 4. A term of weight 0 is not computed.
 *
 * @returns the 0-d loss and the unweighted 0-d terms
 */
export function learnedAtlasLoss(
  inputs: LossInputs,
  settings: LossSettings,
): { loss: Tensor; terms: Partial<Record<LossTermName, Tensor>> } {
  const { warped, subject, velocity, displacement, meanDisplacement, logOffset } = inputs;
  const needsLog = settings.similarity_weight > 0 || settings.presence_weight > 0;
  const toLog = (density: Tensor) =>
    logOffset === null || !needsLog ? density : logDensity(density, logOffset);
  const logWarped = toLog(warped);
  const logSubject = toLog(subject);
  const candidates: [LossTermName, number, () => Tensor][] = [
    ['similarity', settings.similarity_weight, () => localNccLogLoss(logWarped, logSubject, settings)],
    [
      'presence',
      settings.presence_weight,
      () => presenceWeightedSoftDice(logWarped, logSubject, subject, settings),
    ],
    ['density', settings.density_weight, () => densityL1Loss(warped, subject, EPS)],
    ['smoothness', settings.smoothness_weight, () => gradientSmoothness(velocity)],
    ['jacobian', settings.jacobian_weight, () => jacobianHingeLoss(displacement, JACOBIAN_MARGIN)],
  ];
  if (meanDisplacement !== null) {
    candidates.push([
      'mean_deformation',
      settings.mean_deformation_weight,
      () => mean(square(meanDisplacement)),
    ]);
  }
  const computed = candidates
    .filter(([, weight]) => weight > 0)
    .map(([name, weight, value]) => ({ name, weight, value: value() }));
  const weighted = computed.map(({ weight, value }) => (weight === 1 ? value : scale(value, weight)));
  return {
    // The settings refuse all three data weights at 0, so there is always a first term.
    loss: weighted.reduce((total, term) => add(total, term)),
    terms: Object.fromEntries(computed.map(({ name, value }) => [name, value])),
  };
}

/**
 * Next value of the running mean of the displacement: `m + (mean of the batch - m) / min(t, cap)`, the first one
 * being the batch mean itself. A gradient reaches the current displacement only.
 *
 * @param previous - (1, X, Y, Z, 3), or null before the first step
 * @param displacement - (N, X, Y, Z, 3)
 * @param divisor - min(t, cap), t the number of this step from 1, cap = min(100, subjects)
 */
export function nextMeanDisplacement(previous: Tensor | null, displacement: Tensor, divisor: number): Tensor {
  const current = batchMean(displacement);
  if (previous === null) return current;
  return add(previous, scale(sub(current, previous), 1 / divisor));
}
