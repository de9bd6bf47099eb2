/** For workflows that do not describe their results: the charts, tables and volumes among them. */
import { stat } from 'node:fs/promises';
import { readTsv } from '../io/index.js';
import type { ReportBlock, ReportCell, ReportSection } from '../engine/report-section.js';
import type { ResultFile, ResultFiles } from '../engine/result-files.js';

const [MOST_PICTURES, MOST_TABLES, MOST_MAPS] = [12, 6, 6];
const MOST_TABLE_BYTES = 2_000_000;

/** null: nothing among the results that a page can show. */
export async function defaultSection(
  workflow: string,
  { files }: ResultFiles,
): Promise<ReportSection | null> {
  // What runs once speaks for the cohort; of what runs per item the first few are shown.
  const sorted = [...files].sort((a, b) => Number(a.item !== null) - Number(b.item !== null));
  const pictures = sorted.filter(({ path }) => /\.(svg|png)$/.test(path)).slice(0, MOST_PICTURES);
  const maps = sorted.filter(({ path }) => /\.nii(\.gz)?$/.test(path)).slice(0, MOST_MAPS);
  const tables = await Promise.all(
    sorted
      .filter(({ path, item }) => path.endsWith('.tsv') && item === null)
      .slice(0, MOST_TABLES)
      .map(tableBlock),
  );
  const blocks: ReportBlock[] = [
    ...tables.filter((block) => block !== null),
    ...pictures.map((file): ReportBlock => ({
      kind: 'picture',
      title: file.path,
      caption: madeBy(file),
      path: file.absolute,
    })),
    ...(maps.length === 0
      ? []
      : [
          {
            kind: 'maps' as const,
            title: 'Volumes',
            caption: 'Slices of the first volumes of the result.',
            maps: maps.map(({ path, absolute }) => ({ path: absolute, label: path, unit: '' })),
          },
        ]),
  ];
  return blocks.length === 0 ? null : { title: `Results of ${workflow}`, blocks, methods: [], citations: [] };
}

function madeBy({ node, item }: ResultFile): string {
  return `Made by ${node}${item === null ? '' : ` for ${item}`}.`;
}

async function tableBlock({ path, absolute }: ResultFile): Promise<ReportBlock | null> {
  if ((await stat(absolute)).size > MOST_TABLE_BYTES) return null;
  const { columns, rows } = await readTsv(absolute);
  return {
    kind: 'table',
    title: path,
    columns: columns.map((name) => ({ name })),
    rows: typedRows(columns.length, rows),
  };
}

/** Columns that hold numbers only become numbers. */
export function typedRows(width: number, rows: ReadonlyArray<ReadonlyArray<string | null>>): ReportCell[][] {
  const isNumeric = Array.from({ length: width }, (_, i) =>
    rows.every(
      (row) => row[i] === null || row[i] === undefined || (row[i] !== '' && Number.isFinite(Number(row[i]))),
    ),
  );
  return rows.map((row) =>
    Array.from({ length: width }, (_, i) => {
      const cell = row[i] ?? null;
      return cell !== null && isNumeric[i] === true ? Number(cell) : cell;
    }),
  );
}
