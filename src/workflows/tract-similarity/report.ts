import type { ReportBlock, ReportSection } from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { readTsv } from '../../io/index.js';
import { TractSimilarityConfig } from './config.js';

const SHOWN = [
  ['dice', 'Dice overlap', ''],
  ['soft_dice', 'Soft Dice overlap', ''],
  ['pearson_union', 'Correlation on the union', ''],
  ['mass_ratio', 'Mass ratio', ''],
  ['centroid_distance_mm', 'Distance of the centroids', 'mm'],
  ['hausdorff95_mm', '95 % Hausdorff distance', 'mm'],
  ['mean_surface_distance_mm', 'Mean surface distance', 'mm'],
] as const;

/** Comparisons with a reference in a report: a table, and a distribution of each measure. */
export async function describeTractSimilarity(results: ResultFiles): Promise<ReportSection | null> {
  const file = results.named('tract_similarity.tsv');
  if (file === null) return null;
  const { threshold } = TractSimilarityConfig.parse(results.config['tract_similarity'] ?? {});
  const { columns, rows } = await readTsv(file.absolute);
  const at = (name: string): number => columns.indexOf(name);
  const shown = SHOWN.filter(([name]) => at(name) >= 0);
  const number = (cell: string | null | undefined): number | null =>
    cell === null || cell === undefined ? null : Number(cell);
  return {
    title: 'Similarity with the reference',
    blocks: [
      {
        kind: 'table',
        title: 'Comparisons',
        participantColumn: 0,
        columns: [
          { name: 'candidate' },
          { name: 'reference' },
          ...shown.map(([, name, unit]) => ({ name, unit })),
          { name: 'status' },
        ],
        rows: rows.map((row) => [
          row[at('candidate')] ?? null,
          row[at('reference')] ?? null,
          ...shown.map(([name]) => number(row[at(name)])),
          row[at('status')] ?? null,
        ]),
      },
      ...shown.map(([name, title, unit]): ReportBlock => ({
        kind: 'histogram',
        title,
        caption: 'One value per comparison.',
        x: unit === '' ? title : `${title} (${unit})`,
        counted: 'comparisons',
        values: rows.flatMap((row) => number(row[at(name)]) ?? []),
      })),
    ],
    methods: [
      `${rows.length} maps were compared with a reference by overlap (Dice, soft Dice), correlation on the union of the supports, ratio of the masses, and distances of centroids and surfaces (95 % Hausdorff, mean); the support of a map is where it is above ${threshold}.`,
    ],
    citations: [
      {
        text: 'Dice LR. Measures of the amount of ecologic association between species. Ecology 26, 297-302, 1945.',
        doi: '10.2307/1932409',
      },
      {
        text: 'Huttenlocher DP, Klanderman GA, Rucklidge WJ. Comparing images using the Hausdorff distance. IEEE Transactions on Pattern Analysis and Machine Intelligence 15, 850-863, 1993.',
        doi: '10.1109/34.232073',
      },
    ],
  };
}
