import { join } from 'node:path';

import { writeAtomic } from '../../io/index.js';
import { generateStatisticalAtlas } from '../atlas/generate-statistical-atlas.js';
import { writeSampleCohort } from '../learned-atlas/sample.js';

const SAMPLE_CONFIG = `# Brings the average of this synthetic cohort to each of its subjects.
# Run: pipeline run -w atlas_to_patient -i . -o OUT
atlas_to_patient:
  atlas_dir: atlas # relative to this file
  transform: patient_to_atlas.txt # below the directory of each patient: a shift of 4, -2 and 3 mm
`;

const SHIFT = ['1 0 0 4', '0 1 0 -2', '0 0 1 3', '0 0 0 1'].join('\n');

/**
 * Writes the synthetic cohort of the learned atlas, its averaging atlas, a matrix for each subject, and a
 * configuration that brings the atlas to the subjects.
 *
 * @param directory - created when absent
 * @throws StorageError IO_FULL, IO_DENIED or IO
 * @returns paths of the written files
 */
export async function writeSamplePatients(directory: string, { seed = 0 } = {}): Promise<string[]> {
  const config = join(directory, 'neuroloom.yaml');
  const cohort = (await writeSampleCohort(directory, { seed })).filter((path) => path !== config);
  const atlas = await generateStatisticalAtlas({ inputDir: directory, atlasDir: join(directory, 'atlas') });
  const volumes = cohort.filter((path) => path.endsWith('.nii.gz'));
  const matrices = volumes.map((path) => join(path, '..', '..', 'patient_to_atlas.txt'));
  for (const matrix of matrices) await writeAtomic(matrix, `${SHIFT}\n`);
  await writeAtomic(config, SAMPLE_CONFIG);
  return [...cohort, ...atlas, ...matrices, config];
}
