import { readFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { AtlasAccumulator, ATLAS_STATISTIC_NAMES } from '../../numerics/registration/statistics.js';
import { AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';
import { VERSION } from '../../version.js';
import { commonGrid } from './cohort-grid.js';
import {
  ConfigRecord,
  DroppedSubject,
  joinedSubjects,
  readDensity,
  skippedSubjects,
} from './cohort-input.js';
import { writeAtlasMaps, writeJson } from './result-files.js';
import { SubjectInfo } from './subject-volume.js';

/** Version of the fields of atlas_metadata.json. */
const SCHEMA_VERSION = 1;

/** The averaging atlas: five maps and what they were made of. */
export const averageCohort = defineNode({
  name: 'average_cohort',
  version: 1,
  inputs: {
    densities: port.list(port.file('npy')),
    headers: port.list(port.file('nifti-header')),
    infos: port.list(port.value(SubjectInfo)),
    dropped: port.list(port.value(DroppedSubject)),
    statistics: port.value(AtlasStatisticsSettings),
    config: port.value(ConfigRecord),
  },
  outputs: {
    mean: port.file('nifti'),
    std: port.file('nifti'),
    std_error: port.file('nifti'),
    cov: port.file('nifti'),
    prob_threshold: port.file('nifti'),
    metadata: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ densities, headers, infos, dropped, statistics, config }, ctx) {
    const subjects = joinedSubjects(infos, densities);
    const grid = commonGrid(subjects.map(({ info }) => info));
    const accumulator = new AtlasAccumulator(grid.shape[0] * grid.shape[1] * grid.shape[2], {
      ddof: statistics.ddof,
      presenceValue: statistics.presence_value,
      covMeanThresholdPct: statistics.cov_mean_threshold_pct,
    });
    for (const [i, { density }] of subjects.entries()) {
      accumulator.add(await readDensity(density));
      ctx.progress(i + 1, subjects.length);
    }
    const header = headers[infos.findIndex((info) => info.id === grid.id)]!;
    const written = await writeAtlasMaps({
      maps: accumulator.finish(),
      names: ATLAS_STATISTIC_NAMES,
      shape: grid.shape,
      headerBytes: await readFile(header.path),
      place: (name) => ctx.outputFile(name),
    });
    const metadata = ctx.outputFile('atlas_metadata.json');
    await writeJson(metadata, {
      schema_version: SCHEMA_VERSION,
      software_version: VERSION,
      workflow: 'atlas',
      config,
      n_subjects: subjects.length,
      subjects: subjects.map(({ info }) => ({
        id: info.id,
        file: info.file,
        waytotal: info.waytotal,
        normalization_constant: info.normalization_constant,
      })),
      skipped: skippedSubjects(dropped),
      normalization_method: statistics.normalization_method,
      shape: grid.shape,
      affine: grid.affine,
      voxel_size_mm: grid.voxel_size_mm,
      files: written.map(({ file }) => file),
    });
    const [mean, std, std_error, cov, prob_threshold] = written.map(({ path }) => path) as [
      string,
      string,
      string,
      string,
      string,
    ];
    return { mean, std, std_error, cov, prob_threshold, metadata };
  },
});
