import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ReportBlock, ReportParticipant, ReportSection } from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { DIAGNOSTICS_FILE, EVALUATION_FILE, METADATA_FILE } from '../../nodes/atlas/learned-files.js';
import { mapBlocks } from '../atlas/map-blocks.js';
import { LearnedAtlasConfig } from './config.js';

const maybe = z
  .number()
  .nullish()
  .transform((value) => value ?? null);

const Subject = z.object({
  id: z.string(),
  jac_min: maybe,
  n_folds: maybe,
  max_displacement_mm: maybe,
  mean_displacement_mm: maybe,
  ncc_before: maybe,
  ncc_after: maybe,
  mass_ratio: maybe,
});
type Subject = z.infer<typeof Subject>;

const Metadata = z.object({
  n_subjects: z.number(),
  mode: z.string(),
  subjects: z.array(Subject),
  skipped: z.array(z.object({ id: z.string(), reason: z.string() })),
  voxel_size_mm: z.array(z.number()),
  shape: z.array(z.number()),
  normalization: z.object({ method: z.string() }),
  history: z.array(
    z.object({
      epoch: z.number(),
      loss: z.number().nullable(),
      terms: z.record(z.string(), z.number().nullable()),
    }),
  ),
  best_epoch: maybe,
  stopped_early: z.boolean(),
  device: z.string(),
  isa: z.string().nullish(),
  field_space: z.string().nullable(),
});
type Metadata = z.infer<typeof Metadata>;

const Diagnostics = z.object({
  go: z.boolean(),
  reasons: z.array(z.string()),
  centroid_scatter_mm: maybe,
  occupancy_entropy_bits: maybe,
  mass_matched_residual_fraction: maybe,
});

const Evaluation = z.object({
  protocol: z.string(),
  median: z.object({ relative_reduction: maybe, departure_pearson: maybe }),
  subjects: z.array(
    z.object({
      id: z.string(),
      mae_pred: maybe,
      mae_loo_mean: maybe,
      relative_reduction: maybe,
      departure_pearson: maybe,
      departure_energy_ratio: maybe,
    }),
  ),
});
type Evaluation = z.infer<typeof Evaluation>;

/** The learned atlas in a report: verdict, maps, training, registration of every subject, evaluation. */
export async function describeLearnedAtlas(results: ResultFiles): Promise<ReportSection | null> {
  const metadata = await readJson(results, METADATA_FILE, Metadata);
  if (metadata === null) return null;
  const diagnostics = await readJson(results, DIAGNOSTICS_FILE, Diagnostics);
  const evaluation = await readJson(results, EVALUATION_FILE, Evaluation);
  return {
    title: 'Learned atlas',
    blocks: [
      ...(diagnostics === null ? [] : verdict(diagnostics)),
      ...mapBlocks(results),
      ...training(metadata),
      ...registration(metadata),
      ...(evaluation === null ? [] : prediction(evaluation)),
    ],
    participants: metadata.subjects.map((subject) =>
      participant(subject, evaluation, displacementMap(subject, metadata, results)),
    ),
    methods: methods(metadata, evaluation, results),
    citations:
      metadata.mode === 'direct' ? CITATIONS.filter(({ text }) => !text.includes('VoxelMorph')) : CITATIONS,
  };
}

async function readJson<S extends z.ZodType>(
  results: ResultFiles,
  name: string,
  schema: S,
): Promise<z.infer<S> | null> {
  const file = results.named(name);
  return file === null ? null : schema.parse(JSON.parse(await readFile(file.absolute, 'utf8')));
}

function verdict(diagnostics: z.infer<typeof Diagnostics>): ReportBlock[] {
  const { go, reasons } = diagnostics;
  return [
    {
      kind: 'notice',
      tone: go ? 'good' : 'warning',
      text: go
        ? 'This cohort asks for a learned atlas: its subjects are misaligned, and the bundle is coherent.'
        : 'This cohort does not ask for a learned atlas: the averaging atlas says about the same.',
    },
    {
      kind: 'facts',
      title: 'Before anything was learned',
      facts: [
        ...reasons.map((reason) => {
          const [name = '', ...rest] = reason.split(': ');
          return { name, value: rest.join(': ') };
        }),
        {
          name: 'mass-matched residual fraction',
          value: diagnostics.mass_matched_residual_fraction,
          meaning: 'of the variance, what different totals do not explain',
        },
      ],
    },
  ];
}

function training({ history, best_epoch, stopped_early }: Metadata): ReportBlock[] {
  if (history.length === 0) return [];
  const epochs = history.map(({ epoch }) => epoch);
  const terms = [...new Set(history.flatMap((row) => Object.keys(row.terms)))];
  const kept =
    best_epoch === null
      ? ''
      : ` The weights of epoch ${best_epoch} were kept${stopped_early ? '; training stopped early' : ''}.`;
  const x = { title: 'epoch', values: epochs };
  return [
    {
      kind: 'lines',
      title: 'Loss',
      caption: `The weighted sum of all terms over the epochs.${kept}`,
      x,
      y: { title: 'loss' },
      series: [{ name: 'loss', values: history.map(({ loss }) => loss) }],
    },
    {
      kind: 'panels',
      title: 'Terms of the loss',
      caption: 'Each with its own scale, before its weight.',
      panels: terms.map((term) => ({
        title: term.replaceAll('_', ' '),
        x,
        y: { title: '' },
        series: [{ name: term, values: history.map((row) => row.terms[term] ?? null) }],
      })),
    },
  ];
}

function registration({ subjects, skipped }: Metadata): ReportBlock[] {
  const folded = subjects.filter(({ n_folds }) => (n_folds ?? 0) > 0);
  const numbers = (pick: (subject: Subject) => number | null): number[] =>
    subjects.flatMap((subject) => pick(subject) ?? []);
  return [
    {
      kind: 'notice',
      tone: folded.length === 0 ? 'good' : 'warning',
      text:
        folded.length === 0
          ? 'No field folds: the Jacobian determinant is above 0 everywhere in every subject.'
          : `${folded.length} of ${subjects.length} fields fold somewhere: ${folded
              .slice(0, 20)
              .map(({ id }) => id)
              .join(', ')}.`,
    },
    {
      kind: 'table',
      title: 'Registration of the subjects',
      participantColumn: 0,
      columns: [
        { name: 'subject' },
        { name: 'similarity before', meaning: 'local cross-correlation with the template' },
        { name: 'similarity after' },
        { name: 'mean displacement', unit: 'mm' },
        { name: 'largest displacement', unit: 'mm' },
        { name: 'smallest Jacobian' },
        { name: 'folds', unit: 'voxels' },
        { name: 'mass ratio', meaning: 'mass of the warped template over that of the subject' },
      ],
      rows: subjects.map((subject) => [
        subject.id,
        subject.ncc_before,
        subject.ncc_after,
        subject.mean_displacement_mm,
        subject.max_displacement_mm,
        subject.jac_min,
        subject.n_folds,
        subject.mass_ratio,
      ]),
    },
    histogram(
      'Similarity after registration',
      'local cross-correlation',
      numbers((one) => one.ncc_after),
    ),
    histogram(
      'Smallest Jacobian determinant',
      'determinant; below 0 a field folds',
      numbers((one) => one.jac_min),
    ),
    histogram(
      'Largest displacement',
      'mm',
      numbers((one) => one.max_displacement_mm),
    ),
    ...(skipped.length === 0
      ? []
      : [
          {
            kind: 'table' as const,
            title: 'Left out of the atlas',
            columns: [{ name: 'subject' }, { name: 'because' }],
            rows: skipped.map(({ id, reason }) => [id, reason]),
          },
        ]),
  ];
}

function histogram(title: string, x: string, values: readonly number[]): ReportBlock {
  return { kind: 'histogram', title, caption: 'One value per subject.', x, counted: 'subjects', values };
}

function prediction({ median, subjects }: Evaluation): ReportBlock[] {
  const gain = median.relative_reduction;
  const better = subjects.filter(({ relative_reduction }) => (relative_reduction ?? 0) > 0).length;
  return [
    {
      kind: 'notice',
      tone: gain !== null && gain > 0 ? 'good' : 'warning',
      text: `Registered to subjects that it was not trained on, the learned atlas is nearer than the average of the others in ${better} of ${subjects.length}${gain === null ? '' : `; median reduction of the error ${Math.round(gain * 100)} %`}.`,
    },
    {
      kind: 'table',
      title: 'Evaluation: each subject left out in turn',
      caption:
        'The left-out subject steers the registration of the template, the average is taken as it is: a fair comparison of templates, no prediction from nothing.',
      participantColumn: 0,
      columns: [
        { name: 'subject' },
        { name: 'error, learned', meaning: 'mean absolute error on the support' },
        { name: 'error, average' },
        { name: 'reduction', meaning: 'share of the error of the average that is gone' },
        { name: 'departure correlation', meaning: 'predicted against real departure from the mean' },
        { name: 'departure energy ratio' },
      ],
      rows: subjects.map((one) => [
        one.id,
        one.mae_pred,
        one.mae_loo_mean,
        one.relative_reduction,
        one.departure_pearson,
        one.departure_energy_ratio,
      ]),
    },
  ];
}

/** How far the field moves each voxel; every subject on the scale of the cohort. */
function displacementMap(
  { id }: Subject,
  { subjects, field_space }: Metadata,
  results: ResultFiles,
): ReportBlock[] {
  const file = results.named(`${id}_field.nii.gz`);
  if (file === null || field_space === null) return [];
  const largest = Math.max(...subjects.map(({ max_displacement_mm }) => max_displacement_mm ?? 0));
  return [
    {
      kind: 'maps',
      title: 'Displacement',
      caption:
        'How far the field moves the template to fit this subject. The scale ends at the largest displacement of the cohort.',
      maps: [
        {
          path: file.absolute,
          label: 'Length of the displacement',
          unit: 'mm',
          vectors: field_space === 'voxel' ? 'voxels' : 'mm',
          ...(largest > 0 && { range: [0, largest] as const }),
        },
      ],
    },
  ];
}

function participant(
  subject: Subject,
  evaluation: Evaluation | null,
  displacement: readonly ReportBlock[],
): ReportParticipant {
  return {
    label: subject.id,
    blocks: () => {
      const left = evaluation?.subjects.find(({ id }) => id === subject.id);
      const folds = subject.n_folds ?? 0;
      return [
        {
          kind: 'notice',
          tone: folds > 0 ? 'warning' : 'good',
          text: folds > 0 ? `The field folds in ${folds} voxels.` : 'The field does not fold.',
        },
        {
          kind: 'facts',
          title: 'Registration',
          facts: [
            {
              name: 'similarity before',
              value: subject.ncc_before,
              meaning: 'local cross-correlation with the template',
            },
            { name: 'similarity after', value: subject.ncc_after },
            { name: 'mean displacement', value: subject.mean_displacement_mm, unit: 'mm' },
            { name: 'largest displacement', value: subject.max_displacement_mm, unit: 'mm' },
            { name: 'smallest Jacobian determinant', value: subject.jac_min },
            { name: 'mass ratio', value: subject.mass_ratio },
          ],
        },
        ...displacement,
        ...(left === undefined
          ? []
          : [
              {
                kind: 'facts' as const,
                title: 'Left out',
                facts: [
                  { name: 'error of the learned atlas', value: left.mae_pred },
                  { name: 'error of the average', value: left.mae_loo_mean },
                  { name: 'reduction', value: left.relative_reduction },
                ],
              },
            ]),
      ];
    },
  };
}

/** Terms of the loss as a paper names them. */
const TERMS = [
  ['similarity_weight', 'local cross-correlation of log density'],
  ['presence_weight', 'soft overlap of presence'],
  ['density_weight', 'difference of density'],
  ['smoothness_weight', 'smoothness of the velocities'],
  ['jacobian_weight', 'a penalty on small Jacobian determinants'],
  ['mean_deformation_weight', 'the mean deformation'],
] as const;

const MODE_WORDS: Readonly<Record<string, string>> = {
  direct: 'the velocities of every subject were optimised themselves',
  network: 'a convolutional network predicted the velocities of every subject',
  hybrid:
    'a convolutional network predicted the velocities of every subject, which were then optimised further',
};

function methods(metadata: Metadata, evaluation: Evaluation | null, results: ResultFiles): string[] {
  const { loss, model } = LearnedAtlasConfig.parse(results.config['learned_atlas'] ?? {});
  const terms = TERMS.filter(([key]) => loss[key] > 0).map(
    ([key, words]) => `${words} (weight ${loss[key]})`,
  );
  const { n_subjects, mode, voxel_size_mm, shape, normalization, history } = metadata;
  const size = voxel_size_mm.map((value) => Number(value.toPrecision(3))).join(' x ');
  return [
    `Tract density volumes of ${n_subjects} subjects (${shape.join(' x ')} voxels of ${size} mm; normalisation: ${normalization.method}) were brought together in a template that was learned jointly with a diffeomorphic registration of every subject (mode ${mode}, ${history.length} epochs): ${MODE_WORDS[mode] ?? mode}. Stationary velocity fields were integrated by scaling and squaring (${model.int_steps} steps); the loss joined ${terms.join(', ')}; correlation windows had ${loss.ncc_window} voxels a side. Mean, spread and presence were computed after warping the template to each subject.`,
    ...(evaluation === null
      ? []
      : [
          'The atlas was evaluated by leaving each subject, or its group, out of the training of the template, registering that template to it, and comparing the result with its volume, against the average of the others.',
        ]),
  ];
}

const CITATIONS = [
  {
    text: 'Dalca AV, Rakic M, Guttag J, Sabuncu MR. Learning conditional deformable templates with convolutional networks. NeurIPS 32, 2019.',
  },
  {
    text: 'Balakrishnan G, Zhao A, Sabuncu MR, Guttag J, Dalca AV. VoxelMorph: a learning framework for deformable medical image registration. IEEE Transactions on Medical Imaging 38, 1788-1800, 2019.',
    doi: '10.1109/TMI.2019.2897538',
  },
  {
    text: 'Arsigny V, Commowick O, Pennec X, Ayache N. A log-Euclidean framework for statistics on diffeomorphisms. MICCAI, LNCS 4190, 924-931, 2006.',
    doi: '10.1007/11866565_113',
  },
];
