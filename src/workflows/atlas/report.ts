import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ReportSection } from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { mapBlocks } from './map-blocks.js';

const Metadata = z.object({
  n_subjects: z.number(),
  normalization_method: z.string(),
  skipped: z.array(z.object({ id: z.string(), reason: z.string() })),
});

/** The averaging atlas in a report: its maps, who is in it and who is not. */
export async function describeAtlas(results: ResultFiles): Promise<ReportSection | null> {
  const file = results.named('atlas_metadata.json');
  if (file === null) return null;
  const metadata = Metadata.parse(JSON.parse(await readFile(file.absolute, 'utf8')));
  const { n_subjects, normalization_method, skipped } = metadata;
  return {
    title: 'Averaging atlas',
    blocks: [
      {
        kind: 'facts',
        title: 'Cohort',
        facts: [
          { name: 'subjects', value: n_subjects },
          { name: 'normalisation', value: normalization_method },
          { name: 'left out', value: skipped.length },
        ],
      },
      ...(skipped.length === 0
        ? []
        : [
            {
              kind: 'table' as const,
              title: 'Left out',
              columns: [{ name: 'subject' }, { name: 'because' }],
              rows: skipped.map(({ id, reason }) => [id, reason]),
            },
          ]),
      ...mapBlocks(results),
    ],
    methods: [
      `Tract density volumes of ${n_subjects} subjects on one grid were normalised (${normalization_method}) and averaged voxel by voxel. Mean, standard deviation, standard error, coefficient of variation and the share of subjects with the tract were computed.`,
    ],
    citations: [
      {
        text: 'Behrens TEJ, Berg HJ, Jbabdi S, Rushworth MFS, Woolrich MW. Probabilistic diffusion tractography with multiple fibre orientations: what can we gain? NeuroImage 34, 144-155, 2007.',
        doi: '10.1016/j.neuroimage.2006.09.018',
      },
    ],
  };
}
