import { ProcessingError } from '../../errors.js';
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
import type { AtlasModel } from './model-file.js';
import type { TrainTemplateOptions } from './train.js';
import { trainOnSet } from './train-atlas-model.js';
import type { TrainingSet } from './training-set.js';
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

/** What a left-out subject is predicted from and compared with; nothing in it depends on those that are left out. */
export interface LeftOutFold {
  readonly leftOut: string[];
  /** The others, on their training grid. */
  readonly training: TrainingSet;
  /** Mean of the training subjects, full grid, normalised units: what predictions are compared with. */
  readonly mean: Float32Array;
  /** Mean over the training subjects of the sum of the density. */
  readonly meanMass: number;
}

/**
 * Takes a subject and its group out of a cohort. Grid and scale come from the training subjects alone, so that a change
 * of a left-out volume changes nothing.
 *
 * @throws ProcessingError INVALID_ARGUMENT when the subject is not in the cohort or nobody is left to train on
 */
export function leaveOut(options: {
  readonly ids: readonly string[];
  /** Full grid, C order, normalised density. */
  readonly volumes: readonly Float32Array[];
  readonly shape: Shape3;
  readonly affine: readonly number[];
  readonly id: string;
  readonly groupBy: SubjectGroups;
  readonly crop: boolean;
  readonly margin: number;
  /** Depth of the network. */
  readonly levels: number;
}): LeftOutFold {
  const { id, ids, volumes, shape, affine } = options;
  const leftOut = groupOf(id, ids, options.groupBy);
  const kept = ids.flatMap((other, index) => (leftOut.includes(other) ? [] : [index]));
  if (leftOut.length === 0 || kept.length === 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      leftOut.length === 0
        ? `subject ${id} is not in the cohort`
        : `leaving out the group of ${id} (${leftOut.join(', ')}) leaves nobody to train on`,
      { cure: 'check learned_atlas.group_by' },
    );
  }
  const trainingVolumes = kept.map((index) => volumes[index]!);
  return {
    leftOut,
    training: {
      ids: kept.map((index) => ids[index]!),
      shape,
      affine,
      cohort: prepareTrainingCohort(trainingVolumes, shape, options),
    },
    mean: meanVolume(trainingVolumes),
    meanMass: meanMassOf(trainingVolumes),
  };
}

/**
 * Predicts a left-out subject with the model of its fold, and compares with the mean of the training subjects
 * (spec/learned_atlas 7).
 *
 * @param volume - the subject, full grid, C order, normalised density
 * @throws what `emitAtlasSubject` throws
 */
export async function rateLeftOut(
  options: ComputeOptions & {
    readonly model: AtlasModel;
    readonly fold: Pick<LeftOutFold, 'leftOut' | 'mean' | 'meanMass'>;
    readonly id: string;
    readonly volume: Float32Array;
    readonly foldPolicy: FoldPolicy;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SubjectEvaluation> {
  const { model, fold, id, volume } = options;
  const emitted = await emitAtlasSubject(options);
  const { jac_min, n_folds, velocity_scale, ncc_before, ncc_after } = emitted;
  return {
    id,
    left_out: fold.leftOut,
    n_training: model.metadata.subjects.length,
    template_mass_ratio: totalMass(emitAtlasMean(model)) / fold.meanMass,
    ...deltaOnTrueSupport(emitted.warped, volume, fold.mean),
    ...regressionToMeanControl(emitted.warped, volume, fold.mean),
    ...{ jac_min, n_folds, velocity_scale, ncc_before, ncc_after },
  };
}

/**
 * Trains without a subject and its group, predicts the subject, and compares with the mean of the training subjects:
 * `leaveOut`, `trainOnSet` and `rateLeftOut` in one call.
 *
 * @throws ProcessingError INVALID_ARGUMENT when the subject is not in the cohort or nobody is left to train on; what
 *   `trainTemplate` and `emitAtlasSubject` throw
 */
export async function evaluateSubject(options: EvaluateSubjectOptions): Promise<SubjectEvaluation> {
  const { id, ids, volumes, settings } = options;
  const fold = leaveOut({ ...options, levels: settings.model.enc_features.length });
  const { model } = await trainOnSet(fold.training, {
    ...options,
    softwareVersion: '',
    normalizationMethod: settings.densityInLog ? 'log' : '',
    trainingSpace: '',
  });
  return rateLeftOut({ ...options, model, fold, volume: volumes[ids.indexOf(id)]! });
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
  return totalMass(template) / meanMassOf(volumes);
}

function meanMassOf(volumes: readonly Float32Array[]): number {
  return volumes.reduce((sum, volume) => sum + totalMass(volume), 0) / volumes.length;
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
