import { basename } from 'node:path';
import type {
  ReportBlock,
  ReportCell,
  ReportParticipant,
  ReportSection,
} from '../../engine/report-section.js';
import type { ResultFile, ResultFiles } from '../../engine/result-files.js';
import { readTsv } from '../../io/index.js';
import { bayesianBlocks } from '../bayesian-report.js';

/** Lines that a chart of spectra can tell apart. */
const MOST_SPECTRA = 8;
/** Rows of the comparison of groups, by p. */
const MOST_TESTS = 30;

/** Spectra of surfaces in a report: quality, spectra beside Weyl's law, distances, charts. */
export async function describeSpectra(results: ResultFiles): Promise<ReportSection | null> {
  const surfaces = results.named('surfaces.tsv');
  if (surfaces === null) return null;
  const spectra = results.matching(/_eigenvalues\.tsv$/).filter(({ item }) => item !== null);
  const charts = results.matching(/(?:^|\/)plots\/[^/]*\.svg$/);
  const distances = results.matching(/(?:^|\/)distances_[^/]*\.tsv$/);
  return {
    title: 'Spectra of surfaces',
    blocks: [
      ...(await groupTables(results)),
      ...(await bayesianBlocks(results)),
      await tableOf('Surfaces', surfaces),
      ...(spectra.length === 0 ? [] : [await spectrumChart(spectra)]),
      ...(await Promise.all(distances.map(matrixOf))).filter((block) => block !== null),
      ...charts.map((file): ReportBlock => ({
        kind: 'picture',
        title: basename(file.path, '.svg').replaceAll('_', ' '),
        caption: `As published in ${file.path}.`,
        path: file.absolute,
      })),
    ],
    participants: spectra.map((file): ReportParticipant => ({
      label: file.item!,
      blocks: async () => [await spectrumChart([file]), await tableOf('Eigenvalues', file)],
    })),
    methods: [
      'Eigenvalues and eigenvectors of the Laplace-Beltrami operator of every surface were computed by finite elements with a proof that none was missed, and surfaces were compared by their spectra and shape descriptors.',
    ],
    citations: [
      {
        text: 'Reuter M, Wolter FE, Peinecke N. Laplace-Beltrami spectra as Shape-DNA of surfaces and solids. Computer-Aided Design 38, 342-366, 2006.',
        doi: '10.1016/j.cad.2005.10.011',
      },
    ],
  };
}

async function tableOf(title: string, file: ResultFile): Promise<ReportBlock> {
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
