/** The five maps of an atlas in a report; both atlases write them under the same names. */
import type { ReportBlock, ReportMap } from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';

const LABELS = [
  ['atlas_mean.nii.gz', 'Mean', 'density'],
  ['atlas_std.nii.gz', 'Standard deviation', 'density'],
  ['atlas_std_error.nii.gz', 'Standard error', 'density'],
  ['atlas_cov.nii.gz', 'Coefficient of variation', 'of the mean'],
  ['atlas_prob_threshold.nii.gz', 'Presence', 'share of subjects'],
] as const;

/** Mosaics of the maps that are there, and a viewer of the mean with the presence over it. */
export function mapBlocks(results: ResultFiles): ReportBlock[] {
  const maps = LABELS.flatMap(([name, label, unit]): ReportMap[] => {
    const file = results.named(name);
    if (file === null) return [];
    const range = name === 'atlas_prob_threshold.nii.gz' ? { range: [0, 1] as const } : {};
    return [{ path: file.absolute, label, unit, ...range }];
  });
  if (maps.length === 0) return [];
  const pair = maps.filter(({ label }) => label === 'Mean' || label === 'Presence');
  return [
    {
      kind: 'maps',
      title: 'The maps',
      caption: 'Every map with its own scale, up to the value that 0.5 % of its voxels exceed.',
      maps,
    },
    {
      kind: 'viewer',
      title: 'Look around',
      caption: 'The mean, and over it in red where more than half of the subjects have the tract.',
      volumes: pair.length > 0 ? pair : maps.slice(0, 1),
    },
  ];
}
