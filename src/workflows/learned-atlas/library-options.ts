import type { z } from 'zod';

import { DependencyError } from '../../errors.js';
import type { SubjectPattern } from '../../io/index.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import type { AtlasStatisticName } from '../../numerics/registration/statistics.js';
import type { EpochEvent } from '../../numerics/registration/training-loop.js';
import { AtlasConfig } from '../atlas/config.js';
import { given, parseBlock } from '../library-block.js';
import { LearnedAtlasConfig } from './config.js';

/** Arguments of `trainLearnedAtlas`; what is left out has the default of the configuration. */
export interface TrainLearnedAtlasOptions {
  /** Cohort directory. */
  readonly inputDir: string;
  /** Receives the results; made when absent. */
  readonly atlasDir: string;
  readonly tractographyRelpath?: string;
  readonly normalizationMethod?: NormalizationMethod;
  readonly trainingSpace?: 'template_native' | 'affine_native';
  readonly affineNativeRelpath?: string | readonly string[] | null;
  readonly emitBaselineMaps?: readonly AtlasStatisticName[];
  readonly presenceValue?: number;
  readonly covMeanThresholdPct?: number;
  readonly ddof?: 0 | 1;
  readonly subjectPattern?: SubjectPattern;
  readonly saveFields?: boolean;
  readonly verifyJacobian?: boolean;
  /** The remaining keys of the block `learned_atlas`, as in a configuration file. */
  readonly trainConfig?: Partial<z.input<typeof LearnedAtlasConfig>>;
  /** Threads of the kernels; default: all processors. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (event: EpochEvent) => void;
  /** Skipped subjects, folds that are left, and other things that do not stop the training. */
  readonly onWarning?: (message: string) => void;
}

/** The two configuration blocks that a training reads. */
export interface LearnedAtlasBlocks {
  readonly atlas: AtlasConfig;
  readonly learned_atlas: LearnedAtlasConfig;
}

/**
 * The options as configuration blocks; what is undefined has its default.
 *
 * @throws ConfigError CONFIG_VALUE naming every wrong key; DependencyError DTYPE
 */
export function libraryConfig(options: TrainLearnedAtlasOptions): LearnedAtlasBlocks {
  const atlas = parseBlock('atlas', AtlasConfig, {
    tractography_relpath: options.tractographyRelpath,
    normalization_method: options.normalizationMethod,
    presence_value: options.presenceValue,
    cov_mean_threshold_pct: options.covMeanThresholdPct,
    ddof: options.ddof,
    subject_pattern: options.subjectPattern,
  });
  const learned = parseBlock('learned_atlas', LearnedAtlasConfig, {
    ...options.trainConfig,
    ...given({
      training_space: options.trainingSpace,
      affine_native_relpath: options.affineNativeRelpath,
      emit_baseline_maps: options.emitBaselineMaps,
      save_fields: options.saveFields,
      verify_jacobian: options.verifyJacobian,
    }),
  });
  if (learned.dtype !== 'float32') {
    throw new DependencyError(
      'DTYPE',
      `dtype '${learned.dtype}' is not available here (available: float32)`,
      {
        cure: 'set dtype to float32',
      },
    );
  }
  return { atlas, learned_atlas: learned };
}
