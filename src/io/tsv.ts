import { readFile } from 'node:fs/promises';

import { ProcessingError } from '../errors.js';
import { writeAtomic } from './atomic-write.js';
import { readError } from './storage-error.js';

/** A table with named columns; a missing cell (`n/a`) is null. */
export interface TsvTable {
  readonly columns: readonly string[];
  /** Row per line, cell per column, as text. */
  readonly rows: ReadonlyArray<ReadonlyArray<string | null>>;
}

/** A cell of a table; null is written as `n/a`. */
export type TsvCell = string | number | boolean | null;

const MISSING = 'n/a';

/**
 * Reads a tab-separated table with a header line (BIDS rules; a byte order mark and CRLF are accepted).
 *
 * @throws ProcessingError FILE_MISSING, or FILE_FORMAT with the line number
 */
export async function readTsv(path: string): Promise<TsvTable> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  return parseTsv(text, path);
}

/** Interprets the text of a table; `path` is for messages. */
export function parseTsv(text: string, path: string): TsvTable {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const head = lines[0];
  if (head === undefined) throw broken(path, 1, 'the file is empty');
  const columns = head.split('\t');
  const repeated = columns.find((name, i) => columns.indexOf(name) !== i);
  if (repeated !== undefined) throw broken(path, 1, `column ${JSON.stringify(repeated)} stands twice`);
  const rows = lines.slice(1).map((line, i) => {
    const cells = line.split('\t');
    if (cells.length !== columns.length) {
      throw broken(path, i + 2, `${cells.length} cells where the header has ${columns.length}`);
    }
    return line.includes(MISSING) ? cells.map((cell) => (cell === MISSING ? null : cell)) : cells;
  });
  return { columns, rows };
}

/**
 * Reads a table by its name: `.csv` has commas (cells may stand in double quotes), all else tabs.
 *
 * @throws ProcessingError FILE_MISSING, or FILE_FORMAT with the line number
 */
export async function readTable(path: string): Promise<TsvTable> {
  if (!path.toLowerCase().endsWith('.csv')) return readTsv(path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  return parseTsv(tabsOf(text, path), path);
}

/** Commas outside of quotes become tabs, quotes go. */
function tabsOf(text: string, path: string): string {
  const lines = text.split(/\r?\n/).map((line, i) => {
    if (line.includes('\t')) throw broken(path, i + 1, 'a table with commas holds a tab');
    if (!line.includes('"')) return line.replaceAll(',', '\t');
    const cells = line.match(/("([^"]|"")*"|[^,"]*)(,|$)/g)?.slice(0, line.endsWith(',') ? undefined : -1);
    if (cells === undefined || cells.join('') !== line) throw broken(path, i + 1, 'its quotes do not close');
    return cells
      .map((cell) =>
        cell
          .replace(/,$/, '')
          .replace(/^"(.*)"$/, '$1')
          .replaceAll('""', '"'),
      )
      .join('\t');
  });
  return lines.join('\n');
}

/**
 * Writes a table atomically: null and NaN as `n/a`, numbers in the shortest form that reads back to the same value.
 *
 * @throws ProcessingError INVALID_ARGUMENT for a cell with a tab or a line break, or a row of the wrong length
 */
export async function writeTsv(
  path: string,
  columns: readonly string[],
  rows: ReadonlyArray<readonly TsvCell[]>,
): Promise<void> {
  await writeAtomic(path, formatTsv(columns, rows));
}

/** The text of `writeTsv`. */
export function formatTsv(columns: readonly string[], rows: ReadonlyArray<readonly TsvCell[]>): string {
  let text = `${columns.map(formatCell).join('\t')}\n`;
  for (const [row, cells] of rows.entries()) {
    if (cells.length !== columns.length) {
      throw new ProcessingError(
        'INVALID_ARGUMENT',
        `row ${row + 1} of a table has ${cells.length} cells, the header ${columns.length}`,
        { cure: 'give one cell per column' },
      );
    }
    for (let i = 0; i < cells.length; i++) text += (i === 0 ? '' : '\t') + formatCell(cells[i]!);
    text += '\n';
  }
  return text;
}

function formatCell(cell: TsvCell): string {
  if (cell === null) return MISSING;
  if (typeof cell === 'number') {
    if (Number.isNaN(cell)) return MISSING;
    // The shortest text that reads back exactly; -0 keeps its sign.
    return cell === 0 && Object.is(cell, -0) ? '-0' : `${cell}`;
  }
  const text = String(cell);
  if (text.includes('\t') || text.includes('\n') || text.includes('\r')) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `a table cell holds a tab or line break: ${JSON.stringify(text)}`,
      {
        cure: 'replace tabs and line breaks in the text',
      },
    );
  }
  return text;
}

function broken(path: string, line: number, what: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${path}:${line}: ${what}`, {
    where: `${path}:${line}`,
    cure: 'give a tab-separated table with one header line and the same number of cells in each row',
  });
}
