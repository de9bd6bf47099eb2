import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type {
  ReportBlock,
  ReportCell,
  ReportParticipant,
  ReportSection,
} from '../../engine/report-section.js';
import type { ResultFile, ResultFiles } from '../../engine/result-files.js';
import { readGifti, readTsv } from '../../io/index.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { bayesianBlocks } from '../bayesian-report.js';
import { SpectralDescriptorsConfig } from './config.js';
import { readParticipants } from './participants.js';
import { findSurfaces } from './surfaces.js';

/** Lines that a chart of spectra can tell apart. */
const MOST_SPECTRA = 8;
/** Rows of the comparison of groups, by p. */
const MOST_TESTS = 30;

/** Spectra of surfaces in a report: quality, spectra beside Weyl's law, distances, charts. */
export async function describeSpectra(results: ResultFiles): Promise<ReportSection | null> {
  const surfaces = results.named('surfaces.tsv');
  if (surfaces === null) return null;
  const spectra = results.matching(/_eigenvalues\.tsv$/).filter(({ item }) => item !== null);
  const kinds = await kindsOf(surfaces);
  const meshes = await meshesOf(results, kinds);
  // Distances are drawn here, with their numbers.
  const charts = results
    .matching(/(?:^|\/)plots\/[^/]*\.svg$/)
    .filter(({ path }) => !basename(path).startsWith('distances_'));
  const hasWeyl = charts.some(({ path }) => basename(path) === 'spectra.svg');
  const distances = results.matching(/(?:^|\/)distances_[^/]*\.tsv$/);
  const alignment = results.named('alignment.svg');
  if (alignment !== null) charts.push(alignment);
  return {
    title: 'Spectra of surfaces',
    blocks: [
      ...(await verdict(surfaces, results)),
      ...viewer(spectra, meshes, kinds, results),
      await surfaceTable(surfaces),
      ...charts.map((file): ReportBlock => ({
        kind: 'picture',
        ...(CHART_WORDS[basename(file.path, '.svg')] ?? { title: basename(file.path, '.svg'), caption: '' }),
        path: file.absolute,
      })),
      ...(spectra.length === 0 || hasWeyl ? [] : [await spectrumChart(spectra)]),
      ...(await Promise.all(distances.map(matrixOf))).filter((block) => block !== null),
      ...(await groupTables(results)),
      ...(await bayesianBlocks(results)),
    ],
    participants: spectra.map((file): ReportParticipant => ({
      label: file.item!,
      name: nameOf(file),
      blocks: async () => [
        ...(await pictures(file, meshes.get(file.item!), results)),
        await spectrumChart([file]),
        await tableOf('Eigenvalues', file),
      ],
    })),
    methods: methods(results, new Set(kinds.values())),
    citations: [
      {
        text: 'Reuter M, Wolter FE, Peinecke N. Laplace-Beltrami spectra as Shape-DNA of surfaces and solids. Computer-Aided Design 38, 342-366, 2006.',
        doi: '10.1016/j.cad.2005.10.011',
      },
      ...(results.named('group_comparison.tsv') === null ? [] : GROUP_CITATIONS),
    ],
  };
}

function methods(results: ResultFiles, kinds: ReadonlySet<string>): string[] {
  const config = SpectralDescriptorsConfig.parse(results.config['spectral_descriptors'] ?? {});
  const { k, operator, mass, boundary, descriptors, permutations, repair } = config;
  const { covariates, parcellation, segmentation, point_neighbours, degenerate_triangles } = config;
  const named = descriptors.map((id) => `${id.replaceAll('_', ' ')} (${DESCRIPTORS[id].reference})`);
  return [
    `The first ${k} eigenvalues and eigenvectors of the Laplace-Beltrami operator of every surface were computed by finite elements (${operator.replaceAll('_', ' ')} weights, ${mass} mass matrix; open surfaces: ${boundary === 'neumann' ? 'Neumann' : 'Dirichlet'} condition), each spectrum with an independent count that shows that none is missing${repair === 'none' ? '' : '; surfaces were mended before'}.${degenerate_triangles === 'lapy' ? ' Triangles without area were taken with 1e-4 of the mean area, as LaPy takes them.' : ''} Descriptors: ${named.join(', ')}.`,
    ...(kinds.has('label_volume') && segmentation !== null
      ? [
          `Surfaces of labels were drawn around the voxels of segmentations: the mask was smoothed by a Gaussian of ${segmentation.smoothing} voxels and cut at one half (marching tetrahedra, Doi & Koide 1991), and the surface smoothed by ${segmentation.cycles} cycles without shrinking (Taubin 1995).`,
        ]
      : []),
    ...(kinds.has('point_cloud')
      ? [
          `Of surfaces that are points without triangles the operator is that of the tufted cover of local Delaunay triangulations in the tangent planes of ${point_neighbours} neighbours (Sharp & Crane 2020), and areas are estimates.`,
        ]
      : []),
    ...(results.named('group_comparison.tsv') === null
      ? []
      : [
          `Groups were compared feature by feature and by their distances with ${permutations} permutations${covariates.length === 0 ? '' : ` of the residuals of a linear model of ${covariates.join(', ')} (Freedman and Lane)`}; p values were corrected by the false discovery rate.`,
        ]),
    ...(results.named('alignment.tsv') === null
      ? []
      : [
          'The eigenvectors of every surface were aligned to those of a reference by a functional map (ZoomOut) and the orthogonal matrix nearest to it.',
        ]),
    ...(parcellation === null
      ? []
      : [
          `Regions were taken from ${parcellation.atlas ?? [parcellation.files ?? []].flat().join(', ')}; descriptors were averaged over them by area${parcellation.connectomes.length === 0 ? '' : `, and compared between them (${parcellation.connectomes.join(', ').replaceAll('_', ' ')})`}.`,
        ]),
  ];
}

const GROUP_CITATIONS = [
  {
    text: 'Anderson MJ. A new method for non-parametric multivariate analysis of variance. Austral Ecology 26, 32-46, 2001.',
    doi: '10.1111/j.1442-9993.2001.01070.pp.x',
  },
  {
    text: 'Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple testing. Journal of the Royal Statistical Society B 57, 289-300, 1995.',
    doi: '10.1111/j.2517-6161.1995.tb02031.x',
  },
];

/** Name of a surface in tables, from its published spectrum. */
function nameOf({ path }: ResultFile): string {
  return path.replace(/_eigenvalues\.tsv$/, '');
}

/** What a reader wants to know first: were all surfaces usable, and do groups differ. */
async function verdict(surfaces: ResultFile, results: ResultFiles): Promise<ReportBlock[]> {
  const { columns, rows } = await readTsv(surfaces.absolute);
  const at = columns.indexOf('status');
  const unusable = at < 0 ? [] : rows.filter((row) => row[at] !== 'ok');
  const groups = results.named('group_comparison.tsv');
  const tests = groups === null ? null : await readTsv(groups.absolute);
  const adjusted = tests?.columns.indexOf('p_fdr') ?? -1;
  const found =
    tests?.rows.filter((row) => row[adjusted] != null && Number(row[adjusted]) < 0.05).length ?? 0;
  return [
    {
      kind: 'notice',
      tone: unusable.length === 0 ? 'good' : 'warning',
      text:
        unusable.length === 0
          ? `All ${rows.length} surfaces were usable; of each spectrum a certificate shows that no eigenvalue is missing.`
          : `${unusable.length} of ${rows.length} surfaces have no result: ${unusable
              .slice(0, 10)
              .map((row) => `${row[0]} (${row[at]})`)
              .join(', ')}.`,
    },
    ...(tests === null || adjusted < 0
      ? []
      : [
          {
            kind: 'text' as const,
            paragraphs: [
              `Groups differ in ${found} of ${tests.rows.length} features after correction for all of them (p_fdr below 0.05); the table below has the smallest p.`,
            ],
          },
        ]),
  ];
}

/** Paths of the surfaces by the labels of their items; nothing where the input is not there any more. */
async function meshesOf(
  results: ResultFiles,
  kinds: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const { inputDir } = results;
  const chosen = SpectralDescriptorsConfig.safeParse(results.config['spectral_descriptors'] ?? {});
  if (inputDir === null || !existsSync(inputDir) || !chosen.success) return new Map();
  const table = await readParticipants(inputDir, chosen.data.participants_table);
  const found = await findSurfaces(inputDir, chosen.data.surfaces, table, null, chosen.data.segmentation);
  const drawn = new Map(results.matching(/_drawn\.surf\.gii$/).map(({ item, absolute }) => [item, absolute]));
  return new Map(
    found.flatMap(({ id, name, path, labels }) => {
      const mesh = labels === null ? path : drawn.get(id);
      return mesh === undefined || kinds.get(name) === 'point_cloud' ? [] : [[id, mesh] as const];
    }),
  );
}

/** What surfaces are, by name: meshes, drawn around labels, points. */
async function kindsOf(surfaces: ResultFile): Promise<ReadonlyMap<string, string>> {
  const { columns, rows } = await readTsv(surfaces.absolute);
  const kind = columns.indexOf('kind');
  return new Map(rows.flatMap((row) => (row[kind] == null ? [] : [[row[0] ?? '', row[kind]] as const])));
}

function overlaysOf(file: ResultFile, results: ResultFiles): string[] {
  const name = nameOf(file);
  return results.files
    .filter(
      ({ path, item }) => item === file.item && path.startsWith(`${name}_`) && path.endsWith('.func.gii'),
    )
    .map(({ absolute }) => absolute);
}

function viewer(
  spectra: readonly ResultFile[],
  meshes: ReadonlyMap<string, string>,
  kinds: ReadonlyMap<string, string>,
  results: ResultFiles,
): ReportBlock[] {
  const surfaces = spectra.flatMap((file) => {
    const mesh = meshes.get(file.item!);
    return mesh === undefined ? [] : [{ label: nameOf(file), mesh, overlays: overlaysOf(file, results) }];
  });
  if (spectra.length === 0) return [];
  if (surfaces.length === 0) {
    if (spectra.every((file) => kinds.get(nameOf(file)) === 'point_cloud')) return [];
    const text = 'The surfaces are not shown: the input of the run is not where it was.';
    return [{ kind: 'notice', tone: 'warning', text }];
  }
  const caption = `Each surface with what was computed at its vertices; colours reach from what 1 % of the vertices do not reach to what 1 % exceed.`;
  return [{ kind: 'surfaces', title: 'Look around', caption, surfaces }];
}

/** The surface in the colours of each descriptor: of one with many columns the middle one. */
async function pictures(
  file: ResultFile,
  mesh: string | undefined,
  results: ResultFiles,
): Promise<ReportBlock[]> {
  if (mesh === undefined) return [];
  return Promise.all(
    overlaysOf(file, results).map(async (path): Promise<ReportBlock> => {
      const { arrays } = await readGifti(path);
      const { data, metadata } = arrays[arrays.length >> 1]!;
      const label = metadata['Name'] ?? basename(path);
      const unit = metadata['Unit'] ?? '';
      const caption = 'From left, right, above, below, front and back.';
      return {
        kind: 'surface',
        title: label,
        caption:
          arrays.length > 1 ? `${caption} One of ${arrays.length} columns of ${basename(path)}.` : caption,
        mesh,
        values: data,
        label,
        unit: unit === '1' ? '' : unit,
      };
    }),
  );
}

const CHART_WORDS: Readonly<Record<string, { readonly title: string; readonly caption: string }>> = {
  spectra: {
    title: 'Spectra beside the law of Weyl',
    caption:
      'Left: eigenvalues times area, so that size plays no part; dashed: 4 pi times the index, to which every closed surface tends. Right: their ratio.',
  },
  alignment: {
    title: 'Modes aligned to the reference',
    caption:
      'Squared cosine of each mode with that of the reference: 1 where only a sign was to be undone. Lower values say how far the modes of the surface were turned into those of the reference; alignment.tsv says whether they could be.',
  },
};

/** Surfaces by name, quality in the words of a reader. */
async function surfaceTable(file: ResultFile): Promise<ReportBlock> {
  const block = await tableOf('Surfaces and the quality of their spectra', file);
  return {
    ...block,
    participantColumn: 0,
    caption:
      'res_lambda and res_back: residuals of the eigenpairs, relative; orthonormality: largest departure of the eigenvectors; certificate count: eigenvalues below a shift, counted independently.',
  };
}

type Table = Extract<ReportBlock, { kind: 'table' }>;

async function tableOf(title: string, file: ResultFile): Promise<Table> {
  const { columns, rows } = await readTsv(file.absolute);
  return {
    kind: 'table',
    title,
    columns: columns.map((name) => ({ name: name.replaceAll('_', ' ') })),
    rows: rows.map((row) => row.map(cellOf)),
  };
}

/** How groups differ: distances, and the features with the smallest p. Nothing without a column of groups. */
async function groupTables(results: ResultFiles): Promise<ReportBlock[]> {
  const [features, distances] = [results.named('group_comparison.tsv'), results.named('group_distances.tsv')];
  if (features === null || distances === null) return [];
  const { columns, rows } = await readTsv(features.absolute);
  const p = columns.indexOf('p');
  const sorted = rows.toSorted((a, b) => Number(a[p] ?? 1) - Number(b[p] ?? 1));
  return [
    {
      kind: 'table',
      title: 'Groups compared by features',
      caption: `The ${Math.min(MOST_TESTS, rows.length)} smallest p of ${rows.length}; all in group_comparison.tsv. p_family: within the descriptor; p_fdr: over all rows.`,
      columns: columns.map((name) => ({ name })),
      rows: sorted.slice(0, MOST_TESTS).map((row) => row.map(cellOf)),
    },
    await tableOf('Groups compared by distances', distances),
    ...(await regionTable(results)),
  ];
}

/** Regions that differ between groups, over all descriptors. */
async function regionTable(results: ResultFiles): Promise<ReportBlock[]> {
  const files = results.matching(/(?:^|\/)group_regions_[^/]*\.tsv$/);
  const tables = await Promise.all(files.map(({ absolute }) => readTsv(absolute)));
  const [first] = tables;
  if (first === undefined) return [];
  const p = first.columns.indexOf('p');
  const rows = tables
    .flatMap((table) => table.rows)
    .toSorted((a, b) => Number(a[p] ?? 1) - Number(b[p] ?? 1));
  return [
    {
      kind: 'table',
      title: 'Groups compared region by region',
      caption: `The ${Math.min(MOST_TESTS, rows.length)} smallest p of ${rows.length}; all in group_regions_<descriptor>.tsv. p_family: over the regions of a structure; p_fdr: over the rows of one descriptor.`,
      columns: first.columns.map((name) => ({ name })),
      rows: rows.slice(0, MOST_TESTS).map((row) => row.map(cellOf)),
    },
  ];
}

function cellOf(cell: string | null): ReportCell {
  return cell === null || cell === '' || !Number.isFinite(Number(cell)) ? cell : Number(cell);
}

/** Eigenvalues over their index: by Weyl's law a line, the steeper the smaller the area. */
async function spectrumChart(files: readonly ResultFile[]): Promise<ReportBlock> {
  const shown = files.slice(0, MOST_SPECTRA);
  const series = await Promise.all(
    shown.map(async (file) => {
      const { columns, rows } = await readTsv(file.absolute);
      const at = columns.indexOf('eigenvalue');
      const name = basename(file.path, '_eigenvalues.tsv');
      return {
        name,
        values: rows.map((row) => (row[at] === null || row[at] === undefined ? null : Number(row[at]))),
      };
    }),
  );
  const most = Math.max(0, ...series.map(({ values }) => values.length));
  const left = files.length - shown.length;
  return {
    kind: 'lines',
    title: 'Spectra',
    caption: `By Weyl's law eigenvalues grow as a line whose slope is 4 pi over the area.${left > 0 ? ` The first ${shown.length} of ${files.length} surfaces.` : ''}`,
    x: { title: 'index', values: Array.from({ length: most }, (_, i) => i) },
    y: { title: 'eigenvalue' },
    series: series.map(({ name, values }) => ({
      name,
      values: [...values, ...new Array<null>(most - values.length).fill(null)],
    })),
  };
}

/** null: the table is no square of labels. */
async function matrixOf(file: ResultFile): Promise<ReportBlock | null> {
  const { columns, rows } = await readTsv(file.absolute);
  const labels = columns.slice(1);
  if (labels.length < 2 || rows.length !== labels.length || rows.some((row, i) => row[0] !== labels[i]))
    return null;
  return {
    kind: 'matrix',
    title: `Distances: ${basename(file.path, '.tsv').replace(/^distances_/, '')}`,
    caption: `As in ${file.path}.`,
    unit: '',
    labels,
    values: rows.flatMap((row) => row.slice(1).map((cell) => (cell === null ? Number.NaN : Number(cell)))),
  };
}
