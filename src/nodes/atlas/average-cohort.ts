import { readFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { accumulatorFor, AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';
import { writeAverageFiles } from './average-files.js';
import { commonGrid } from './cohort-grid.js';
import {
  ConfigRecord,
  DroppedSubject,
  joinedSubjects,
  readDensity,
  skippedSubjects,
} from './cohort-input.js';
import { SubjectInfo } from './subject-volume.js';

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
    const accumulator = accumulatorFor(grid.shape, statistics);
    for (const [i, { density }] of subjects.entries()) {
      accumulator.add(await readDensity(density));
      ctx.progress(i + 1, subjects.length);
    }
    const header = headers[infos.findIndex((info) => info.id === grid.id)]!;
    const [first, ...others] = subjects.map(({ info }) => info);
    return writeAverageFiles(
      {
        maps: accumulator.finish(),
        infos: [first!, ...others],
        headerBytes: await readFile(header.path),
        skipped: skippedSubjects(dropped),
        statistics,
        config,
      },
      (name) => ctx.outputFile(name),
    );
  },
});
