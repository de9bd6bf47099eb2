import { ProcessingError } from '../../errors.js';
import { buildAtlasModel } from './atlas-model.js';
import type { ComputeOptions } from './compute-device.js';
import { meanVolume, totalMass } from './density-transform.js';
import {
  type DeltaOnTrueSupport,
  deltaOnTrueSupport,
  type RegressionToMeanControl,
  regressionToMeanControl,
} from './departure.js';
import { type EmittedSubject, type FoldPolicy } from './emit.js';
import { emitAtlasMean, emitAtlasSubject } from './emit-mixture.js';
import type { Shape3 } from './grid.js';
import type { TrainingSettings } from './settings.js';
import { type TrainTemplateOptions, trainTemplate } from './train.js';
import { prepareTrainingCohort } from './train-units.js';

/** Which subjects belong together: subject id to group; null puts each subject in its own. */
export type SubjectGroups = Readonly<Record<string, string | number>> | null;

/** Leave-one-out evaluation of one subject. */
export interface EvaluateSubjectOptions extends ComputeOptions {
  /** All subjects of the cohort: ids, and normalised densities on the full grid. */
  readonly ids: readonly string[];
  readonly volumes: readonly Float32Array[];
  readonly shape: Shape3;
  readonly affine: readonly number[];
  /** Subject to leave out and predict. */
  readonly id: string;
  readonly groupBy: SubjectGroups;
  readonly settings: TrainingSettings;
  readonly crop: boolean;
  readonly margin: number;
  readonly instanceSteps: number;
  readonly instanceFullSteps?: number;
  readonly foldPolicy: FoldPolicy;
  readonly checkpointDir: string | null;
  readonly memoryLimitMb?: number | null;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch?: TrainTemplateOptions['onEpoch'];
  readonly onWarning?: TrainTemplateOptions['onWarning'];
}

/** What the evaluation of one subject says; the names are those of `evaluation.json`. */
export interface SubjectEvaluation
  extends
    DeltaOnTrueSupport,
    RegressionToMeanControl,
    Pick<EmittedSubject, 'id' | 'jac_min' | 'n_folds' | 'velocity_scale' | 'ncc_before' | 'ncc_after'> {
  /** Ids that were left out with the subject, itself included. */
  readonly left_out: string[];
  readonly n_training: number;
  /** Mass of the template over the mean mass of the training subjects. */
  readonly template_mass_ratio: number;
}

/** Ids of the group of a subject, in cohort order. A subject without an entry belongs to the group of its own name. */
export function groupOf(id: string, ids: readonly string[], groupBy: SubjectGroups): string[] {
  const group = (subject: string) => String(groupBy?.[subject] ?? subject);
  return ids.filter((other) => group(other) === group(id));
}

/**
 * Trains without a subject and its group, predicts the subject, and compares with the mean of the training subjects
 * (spec/learned_atlas 7). Grid, scale and template come from the training subjects alone.
 *
 * @throws ProcessingError INVALID_ARGUMENT when the subject is not in the cohort or nobody is left to train on; what
 *   `trainTemplate` and `emitAtlasSubject` throw
 */
export async function evaluateSubject(options: EvaluateSubjectOptions): Promise<SubjectEvaluation> {
  const { id, ids, volumes, shape, settings } = options;
  const leftOut = groupOf(id, ids, options.groupBy);
  const truth = volumes[ids.indexOf(id)];
  const kept = ids.flatMap((other, index) => (leftOut.includes(other) ? [] : [index]));
  if (truth === undefined || kept.length === 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      truth === undefined
        ? `subject ${id} is not in the cohort`
        : `leaving out the group of ${id} (${leftOut.join(', ')}) leaves nobody to train on`,
      { cure: 'check learned_atlas.group_by' },
    );
  }
  const trainingVolumes = kept.map((index) => volumes[index]!);
  const trainingIds = kept.map((index) => ids[index]!);
  const levels = settings.model.enc_features.length;
  const cohort = prepareTrainingCohort(trainingVolumes, shape, { ...options, levels });
  const trained = await trainTemplate({
    ...options,
    ids: trainingIds,
    volumes: cohort.volumes,
    shape: cohort.grid.padded,
    unionSupport: cohort.unionSupport,
  });
  const model = buildAtlasModel(trained, cohort, {
    ...options,
    ids: trainingIds,
    softwareVersion: '',
    normalizationMethod: settings.densityInLog ? 'log' : '',
    trainingSpace: '',
  });
  const emitted = await emitAtlasSubject({ ...options, model, volume: truth });
  const { jac_min, n_folds, velocity_scale, ncc_before, ncc_after } = emitted;
  return {
    id,
    left_out: leftOut,
    n_training: kept.length,
    template_mass_ratio: massRatio(emitAtlasMean(model), trainingVolumes),
    ...compareWithMean(emitted.warped, truth, trainingVolumes),
    ...{ jac_min, n_folds, velocity_scale, ncc_before, ncc_after },
  };
}

/**
 * Both departure metrics of a prediction against the mean of the training subjects.
 *
 * @param prediction - full grid, normalised units, as all others
 */
export function compareWithMean(
  prediction: Float32Array,
  truth: Float32Array,
  trainingVolumes: readonly Float32Array[],
): DeltaOnTrueSupport & RegressionToMeanControl {
  const mean = meanVolume(trainingVolumes);
  return {
    ...deltaOnTrueSupport(prediction, truth, mean),
    ...regressionToMeanControl(prediction, truth, mean),
  };
}

/** Mass of a template over the mean mass of volumes on its grid; 1 for their mean. */
export function massRatio(template: Float32Array, volumes: readonly Float32Array[]): number {
  const mean = volumes.reduce((sum, volume) => sum + totalMass(volume), 0) / volumes.length;
  return totalMass(template) / mean;
}

/** Medians of the two headline metrics over subjects; NaN entries do not count, none left gives NaN. */
export function evaluationMedians(
  subjects: readonly Pick<SubjectEvaluation, 'relative_reduction' | 'departure_pearson'>[],
): { relative_reduction: number; departure_pearson: number } {
  return {
    relative_reduction: median(subjects.map((subject) => subject.relative_reduction)),
    departure_pearson: median(subjects.map((subject) => subject.departure_pearson)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
