import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type {
  ReportBlock,
  ReportCell,
  ReportMap,
  ReportParticipant,
  ReportSection,
} from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { readGifti, readSurface, readTsv } from '../../io/index.js';
import {
  hasHrf,
  isLinear,
  parameterNames,
  stimulusOf,
  type ModelName,
} from '../../numerics/encoding/settings.js';
import { EncodingFitConfig } from './config.js';
import { findRecordings } from './recordings.js';

/** Voxels shown at each end of the order by r2. */
const SHOWN = 8;
/** Values that a distribution is drawn from; more do not change its look. */
const MOST_VALUES = 200_000;

const CHART_WORDS: Readonly<Record<string, readonly [title: string, caption: string]>> = {
  fits: ['Data and prediction', 'Voxels from the best to the worst fit.'],
  r2: ['Variance explained', 'r2 of all voxels.'],
  coverage: ['Coverage of the visual field', 'The highest receptive field at every place, with centres.'],
  polar_angle: ['Polar angle', 'One slice.'],
  eccentricity: ['Eccentricity', 'One slice.'],
};

/** Encoding models in a report: r2, coverage, parameters and maps of every recording. */
export async function describeEncodingFit(results: ResultFiles): Promise<ReportSection | null> {
  const table = results.named('encoding_fit.tsv');
  if (table === null) return null;
  const recordings = await readTsv(table.absolute);
  const column = (name: string): number => recordings.columns.indexOf(name);
  const number = (row: readonly (string | null)[], name: string): number | null =>
    row[column(name)] === null || row[column(name)] === undefined ? null : Number(row[column(name)]);
  const values = results.matching(/_parameters\.tsv$/).filter(({ item }) => item !== null);
  const r2: number[] = [];
  for (const file of values)
    for (const value of await readR2(file.absolute)) if (r2.length < MOST_VALUES) r2.push(value);
  const parameters = results.named('encoding_fit_parameters.tsv');
  const meshOf = meshesOf(results.inputDir);
  return {
    title: 'Encoding models',
    blocks: [
      {
        kind: 'table',
        title: 'Recordings',
        participantColumn: 0,
        columns: [
          { name: 'recording' },
          { name: 'voxels' },
          { name: 'converged' },
          { name: 'at a bound' },
          { name: 'out of iterations' },
          { name: 'constant' },
          { name: 'median r2' },
          { name: 'largest r2' },
          { name: 'above min_r2' },
          { name: 'status' },
        ],
        rows: recordings.rows.map((row): ReportCell[] => [
          row[column('recording')] ?? null,
          number(row, 'voxels'),
          number(row, 'converged'),
          number(row, 'at_bound'),
          number(row, 'max_iterations'),
          number(row, 'constant'),
          number(row, 'median_r2'),
          number(row, 'max_r2'),
          number(row, 'above_min_r2'),
          row[column('status')] ?? null,
        ]),
      },
      ...(r2.length === 0
        ? []
        : [
            {
              kind: 'histogram' as const,
              title: 'Variance explained',
              caption: 'r2 of the voxels of all recordings.',
              x: 'r2',
              counted: 'voxels',
              values: r2,
            },
          ]),
      ...(parameters === null ? [] : [await parameterTable(parameters.absolute)]),
    ],
    participants: values.map((file) => recordingPage(file.item!, file.path, file.absolute, results, meshOf)),
    ...howFitted(results),
  };
}

/** Methods and references of the model that was fitted. */
function howFitted(results: ResultFiles): Pick<ReportSection, 'methods' | 'citations'> {
  const config = EncodingFitConfig.parse(results.config['encoding_fit'] ?? {});
  // Models of later versions are refused before anything runs.
  const model = config.model as ModelName;
  const { n_starts, alpha, tr, hrf, hrf_mode, flexible_hrf, solver, min_r2 } = config;
  const isLine = isLinear(model);
  const fit = isLine
    ? alpha > 0
      ? `ridge regression (penalty ${alpha})`
      : 'least squares of minimum norm'
    : solver === 'adam'
      ? 'gradient descent (Adam)'
      : `bounded least squares from ${n_starts} starts`;
  const named = parameterNames({ model, flexible_hrf });
  const response = hasHrf(model)
    ? ` Predictions were convolved with a double-gamma haemodynamic response (${hrf_mode}; delay ${hrf.delay} s, undershoot ${hrf.undershoot} s, ratio ${hrf.ratio})${flexible_hrf ? ', of which delay and dispersion were fitted in every voxel' : ''}.`
    : '';
  const treated = [
    ...(config.detrend === 0 ? [] : [`detrended (polynomials up to order ${config.detrend})`]),
    ...(config.percent_change ? ['scaled to percent signal change'] : []),
    ...(config.confounds === 'none'
      ? []
      : [`cleaned of confounds (${[config.confounds].flat().join(', ')})`]),
  ];
  const series = `${treated.length === 0 ? '' : `, ${treated.join(' and ')},`}${tr === null ? '' : ` (repetition time ${tr} s)`}`;
  return {
    methods: [
      `Encoding models (${model}${named.length === 0 ? '' : `: ${named.join(', ')}`}) were fitted to the time series of every voxel${series} by ${fit}.${response} r2 is the share of the variance that the model explains; summaries are of voxels with r2 of at least ${min_r2}.`,
    ],
    citations: CITATIONS.flatMap(({ of, ...citation }) => (of(model, alpha) ? [citation] : [])),
  };
}

const CITATIONS: readonly {
  readonly of: (model: ModelName, alpha: number) => boolean;
  readonly text: string;
  readonly doi: string;
}[] = [
  {
    of: (model) => model.includes('2d'),
    text: 'Dumoulin SO, Wandell BA. Population receptive field estimates in human visual cortex. NeuroImage 39, 647-660, 2008.',
    doi: '10.1016/j.neuroimage.2007.09.034',
  },
  {
    of: (model) => model.startsWith('dog2d'),
    text: 'Zuiderbaan W, Harvey BM, Dumoulin SO. Modeling center-surround configurations in population receptive fields using fMRI. Journal of Vision 12(3), 10, 2012.',
    doi: '10.1167/12.3.10',
  },
  {
    of: (model) => stimulusOf(model) === 'points',
    text: 'Harvey BM, Klein BP, Petridou N, Dumoulin SO. Topographic representation of numerosity in the human parietal cortex. Science 341, 1123-1126, 2013.',
    doi: '10.1126/science.1239052',
  },
  {
    of: (model, alpha) => isLinear(model) && alpha > 0,
    text: 'Hoerl AE, Kennard RW. Ridge regression: biased estimation for nonorthogonal problems. Technometrics 12, 55-67, 1970.',
    doi: '10.1080/00401706.1970.10488634',
  },
  {
    of: (model) => isLinear(model),
    text: 'Kay KN, Naselaris T, Prenger RJ, Gallant JL. Identifying natural images from human brain activity. Nature 452, 352-355, 2008.',
    doi: '10.1038/nature06713',
  },
];

async function readR2(path: string): Promise<number[]> {
  const { columns, rows } = await readTsv(path);
  const at = columns.indexOf('r2');
  return rows.flatMap((row) => (row[at] === null || row[at] === undefined ? [] : [Number(row[at])]));
}

async function parameterTable(path: string): Promise<ReportBlock> {
  const { columns, rows } = await readTsv(path);
  return {
    kind: 'table',
    title: 'Parameters over voxels',
    caption: 'Of voxels above min_r2.',
    columns: columns.map((name) => ({ name })),
    rows: rows.map((row) => row.map((cell, i) => (cell === null || i < 2 ? cell : Number(cell)))),
  };
}

function recordingPage(
  label: string,
  path: string,
  absolute: string,
  results: ResultFiles,
  meshOf: MeshOf,
): ReportParticipant {
  const stem = path.replace(/_parameters\.tsv$/, '');
  return {
    label,
    name: stem,
    blocks: async () => {
      const charts = results.files.filter(
        (file) => file.path.startsWith(`${stem}_plots/`) && file.path.endsWith('.svg'),
      );
      const maps = results.files.filter(
        (file) => file.path.startsWith(`${stem}_maps/`) && /\.nii(\.gz)?$/.test(file.path),
      );
      return [
        ...(await extremes(absolute)),
        ...charts.map((file): ReportBlock => {
          const name = basename(file.path, '.svg');
          const [title, caption] = CHART_WORDS[name] ?? [name, ''];
          return { kind: 'picture', title, caption, path: file.absolute };
        }),
        ...(await surfaces(stem, results, meshOf)),
        ...(maps.length === 0
          ? []
          : [
              {
                kind: 'maps' as const,
                title: 'Maps',
                caption: 'Every map with its own scale.',
                maps: maps.map((file) =>
                  mapOf(basename(file.path).replace(/\.nii(\.gz)?$/, ''), file.absolute),
                ),
              },
            ]),
      ];
    },
  };
}

/** What is drawn on a surface, from `min_r2` on. */
const SURFACE_MAPS = [
  { name: 'polar_angle', title: 'Polar angle', unit: 'rad', colors: 'cyclic', range: [-Math.PI, Math.PI] },
  { name: 'eccentricity', title: 'Eccentricity', unit: '' },
  { name: 'r2', title: 'Variance explained', unit: '', range: [0, 1] },
] as const;

/** The surface that stands beside the data of a recording; null: none, or the data are elsewhere now. */
type MeshOf = (stem: string) => string | null;

/** The input directory is looked through once for all recordings, when the first of them asks. */
function meshesOf(inputDir: string | null): MeshOf {
  let found: Map<string, string | null> | undefined;
  return (stem) => {
    if (inputDir === null || !existsSync(inputDir)) return null;
    found ??= new Map(findRecordings(inputDir, null).map(({ name, surface }) => [name, surface]));
    return found.get(stem) ?? null;
  };
}

/** Maps of a recording on its surface; where that cannot be, why: the other results do not depend on it. */
async function surfaces(stem: string, results: ResultFiles, meshOf: MeshOf): Promise<ReportBlock[]> {
  try {
    return await drawnSurfaces(stem, results, meshOf);
  } catch (error) {
    const text = `Its maps are not drawn on a surface: ${(error as Error).message}.`;
    return [{ kind: 'notice', tone: 'warning', text }];
  }
}

async function drawnSurfaces(stem: string, results: ResultFiles, meshOf: MeshOf): Promise<ReportBlock[]> {
  const { config } = results;
  const map = (name: string) => results.files.find(({ path }) => path === `${stem}_maps/${name}.func.gii`);
  const r2Map = map('r2');
  const mesh = r2Map === undefined ? null : meshOf(stem);
  if (r2Map === undefined || mesh === null) return [];
  const settings = EncodingFitConfig.safeParse(config['encoding_fit'] ?? {});
  const least = settings.success ? settings.data.min_r2 : 0;
  const r2 = (await readGifti(r2Map.absolute)).arrays[0]!.data;
  const vertices = (await readSurface(mesh)).vertices.length / 3;
  if (vertices !== r2.length) {
    const text = `${basename(mesh)} has ${vertices} vertices, the data have ${r2.length}: they are not drawn on it.`;
    return [{ kind: 'notice', tone: 'warning', text }];
  }
  const blocks: ReportBlock[] = [];
  for (const { name, title, ...look } of SURFACE_MAPS) {
    const file = map(name);
    if (file === undefined) continue;
    const { data } = (await readGifti(file.absolute)).arrays[0]!;
    const values = Float64Array.from(data, (value, v) => (r2[v]! >= least ? value : Number.NaN));
    const caption = `From left, right, above, below, front and back; grey: r2 below ${least}, or not fitted.`;
    blocks.push({ kind: 'surface', title, caption, mesh, values, label: title.toLowerCase(), ...look });
  }
  return blocks;
}

function mapOf(name: string, path: string): ReportMap {
  const label = name.replaceAll('_', ' ');
  if (name === 'polar_angle')
    return { path, label, unit: 'rad', colors: 'cyclic', range: [-Math.PI, Math.PI] };
  if (name === 'r2') return { path, label, unit: '', range: [0, 1] };
  if (name === 'x' || name === 'y') return { path, label, unit: '', colors: 'diverging' };
  return { path, label, unit: '' };
}

/** The best and the worst voxels, and how many ended how. */
async function extremes(path: string): Promise<ReportBlock[]> {
  const { columns, rows } = await readTsv(path);
  const at = columns.indexOf('r2');
  const r2Of = (row: readonly (string | null)[]): number => Number(row[at] ?? Number.NaN);
  const sorted = rows.filter((row) => Number.isFinite(r2Of(row))).sort((a, b) => r2Of(b) - r2Of(a));
  const cells = (row: readonly (string | null)[]): ReportCell[] =>
    row.map((cell, i) => (cell === null || columns[i] === 'status' ? cell : Number(cell)));
  const shown = (title: string, part: readonly (readonly (string | null)[])[]): ReportBlock => ({
    kind: 'table',
    title,
    columns: columns.map((name) => ({ name })),
    rows: part.map(cells),
  });
  return [
    shown('Best voxels', sorted.slice(0, SHOWN)),
    shown('Worst voxels', sorted.slice(-SHOWN).reverse()),
  ];
}
