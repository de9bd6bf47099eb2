import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { phase0GoNoGo } from '../../numerics/registration/diagnostics.js';
import { commonGrid } from './cohort-grid.js';
import { joinedSubjects, readDensity } from './cohort-input.js';
import { DIAGNOSTICS_FILE } from './learned-files.js';
import { writeJson } from './result-files.js';
import { SubjectInfo } from './subject-volume.js';

/** Phase 0: do the subjects differ enough in position, and agree enough on where the bundle is? */
export const diagnoseCohort = defineNode({
  name: 'diagnose_cohort',
  version: 1,
  inputs: {
    densities: port.list(port.file('npy')),
    infos: port.list(port.value(SubjectInfo)),
  },
  outputs: { diagnostics: port.file('json') },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ densities, infos }, ctx) {
    const subjects = joinedSubjects(infos, densities);
    const grid = commonGrid(subjects.map(({ info }) => info));
    const volumes = await Promise.all(subjects.map(({ density }) => readDensity(density)));
    const result = phase0GoNoGo({ volumes, shape: grid.shape }, { voxelSizeMm: grid.voxel_size_mm });
    if (!result.go) {
      ctx.log.warn(`phase 0 advises against a learned atlas of this cohort: ${result.reasons.join('; ')}`);
    }
    const diagnostics = ctx.outputFile(DIAGNOSTICS_FILE);
    await writeJson(diagnostics, result);
    return { diagnostics };
  },
});
