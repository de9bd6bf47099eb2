import { join } from 'node:path';

import { writeAtomic } from '../../io/index.js';
import { generateStatisticalAtlas } from '../atlas/generate-statistical-atlas.js';
import { writeSampleCohort } from '../learned-atlas/sample.js';

const SAMPLE_CONFIG = `# Compares every subject of this synthetic cohort with the average of all.
# Run: pipeline run -w tract_similarity -i . -o OUT
tract_similarity:
  reference: atlas # relative to this file
`;

/**
 * Writes the synthetic cohort of the learned atlas, its averaging atlas, and a configuration that compares the two.
 *
 * @param directory - created when absent
 * @throws StorageError IO_FULL, IO_DENIED or IO
 * @returns paths of the written files
 */
export async function writeSampleComparison(directory: string, { seed = 0 } = {}): Promise<string[]> {
  const config = join(directory, 'neuroloom.yaml');
  const cohort = (await writeSampleCohort(directory, { seed })).filter((path) => path !== config);
  const atlas = await generateStatisticalAtlas({ inputDir: directory, atlasDir: join(directory, 'atlas') });
  await writeAtomic(config, SAMPLE_CONFIG);
  return [...cohort, ...atlas, config];
}
