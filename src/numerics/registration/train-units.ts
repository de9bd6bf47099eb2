import { ProcessingError } from '../../errors.js';
import { cropVolume, type Shape3, type TrainingGrid, trainingGrid, unionSupportOf } from './grid.js';

/** A cohort as the trainer takes it: on the training grid, divided by `trainScale`. */
export interface TrainingCohort {
  readonly grid: TrainingGrid;
  /** Mean over subjects of the subject maximum; train units times this are normalised units. */
  readonly trainScale: number;
  /** One per subject, shape `grid.padded`, train units. */
  readonly volumes: Float32Array[];
  /** 1 where any subject has density, shape `grid.padded`. */
  readonly unionSupport: Uint8Array;
}

/**
 * Brings normalised volumes to the training grid and to train units.
 *
 * @param volumes - one per subject, full grid, C order, normalised density
 * @param shape - full grid
 * @param options - as `crop_to_support` and `crop_margin`; `levels` is the depth of the network
 * @throws ProcessingError INVALID_ARGUMENT when there is no subject or no density
 */
export function prepareTrainingCohort(
  volumes: readonly ArrayLike<number>[],
  shape: Shape3,
  options: { readonly crop: boolean; readonly margin: number; readonly levels: number },
): TrainingCohort {
  if (volumes.length === 0)
    throw new ProcessingError('INVALID_ARGUMENT', 'the cohort has no subject', {
      cure: 'give one subject or more',
    });
  const grid = trainingGrid(unionSupportOf(volumes), shape, options);
  const trainScale = volumes.reduce((sum, volume) => sum + maximum(volume), 0) / volumes.length;
  const cropped = volumes.map((volume) => toTrainUnits(volume, shape, grid, trainScale));
  return { grid, trainScale, volumes: cropped, unionSupport: unionSupportOf(cropped) };
}

/**
 * One normalised full-grid volume on the training grid, in train units.
 *
 * @returns shape `grid.padded`, C order
 */
export function toTrainUnits(
  volume: ArrayLike<number>,
  shape: Shape3,
  grid: TrainingGrid,
  trainScale: number,
): Float32Array {
  return cropVolume(volume, shape, grid).map((value) => value / trainScale);
}

function maximum(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, values[index]!);
  return largest;
}
