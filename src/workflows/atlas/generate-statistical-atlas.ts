import { join, resolve } from 'node:path';

import type { SubjectPattern } from '../../io/index.js';
import { ATLAS_METADATA_FILE, writeAverageFiles } from '../../nodes/atlas/average-files.js';
import { commonGrid } from '../../nodes/atlas/cohort-grid.js';
import { mapFileName } from '../../nodes/atlas/result-files.js';
import type { SubjectInfo } from '../../nodes/atlas/subject-volume.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import { ATLAS_STATISTIC_NAMES, type AtlasAccumulator } from '../../numerics/registration/statistics.js';
import { accumulatorFor } from '../../numerics/registration/statistics-settings.js';
import { parseBlock } from '../library-block.js';
import { cohortMembers } from './cohort.js';
import { AtlasConfig, atlasStatisticsOf } from './config.js';
import { visitCohort } from './visit-cohort.js';
import { writeTogether } from './write-together.js';

/** Arguments of `generateStatisticalAtlas`; what is left out has the default of the block `atlas`. */
export interface GenerateStatisticalAtlasOptions {
  /** Cohort directory. */
  readonly inputDir: string;
  /** Receives the results; made when absent. */
  readonly atlasDir: string;
  readonly tractographyRelpath?: string;
  readonly normalizationMethod?: NormalizationMethod;
  readonly presenceValue?: number;
  readonly covMeanThresholdPct?: number;
  readonly ddof?: 0 | 1;
  readonly subjectPattern?: SubjectPattern;
  readonly minSubjects?: number;
  /** Skipped subjects. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Averages a cohort in this process, without cache and workers, and writes what the workflow `atlas` writes: the same
 * bytes. One subject is in memory at a time. Files appear together at the end; a failure leaves none.
 *
 * @returns absolute paths: maps in the order of ATLAS_STATISTIC_NAMES, the metadata file last
 * @throws ConfigError CONFIG_VALUE for settings that are not allowed
 * @throws ProcessingError for a cohort that is empty, too small or uneven, or has no usable waytotal
 * @see spec/learned_atlas.md 2
 */
export async function generateStatisticalAtlas(options: GenerateStatisticalAtlasOptions): Promise<string[]> {
  const atlas = parseBlock('atlas', AtlasConfig, {
    tractography_relpath: options.tractographyRelpath,
    normalization_method: options.normalizationMethod,
    presence_value: options.presenceValue,
    cov_mean_threshold_pct: options.covMeanThresholdPct,
    ddof: options.ddof,
    subject_pattern: options.subjectPattern,
    min_subjects: options.minSubjects,
  });
  const root = resolve(options.inputDir);
  const members = cohortMembers({
    root,
    pattern: atlas.subject_pattern,
    relpath: atlas.tractography_relpath,
    participants: null,
  });
  const statistics = atlasStatisticsOf(atlas);
  const infos: SubjectInfo[] = [];
  const sums: { accumulator?: AtlasAccumulator; headerBytes?: Uint8Array } = {};
  const skipped = await visitCohort({
    root,
    members,
    method: atlas.normalization_method,
    minSubjects: atlas.min_subjects,
    onWarning: (message) => options.onWarning?.(message),
    visit: ({ info, density, headerBytes }) => {
      infos.push(info);
      const { shape } = commonGrid([infos[0]!, info]);
      sums.headerBytes ??= headerBytes;
      sums.accumulator ??= accumulatorFor(shape, statistics);
      sums.accumulator.add(density);
    },
  });
  // The minimum is 1 or more, so there is a first subject.
  const content = {
    maps: sums.accumulator!.finish(),
    infos: infos as [SubjectInfo, ...SubjectInfo[]],
    headerBytes: sums.headerBytes!,
    skipped,
    statistics,
    config: { atlas },
  };
  const names = [...ATLAS_STATISTIC_NAMES.map(mapFileName), ATLAS_METADATA_FILE];
  await writeTogether(options.atlasDir, async (temporary) => {
    await writeAverageFiles(content, (name) => join(temporary, name));
    return names;
  });
  return names.map((name) => join(resolve(options.atlasDir), name));
}
