import { readFile } from 'node:fs/promises';

import { readError } from '../storage-error.js';
import { parseTsv, type TsvTable } from '../tsv.js';
import { unreadable, type Recording } from './recording.js';

/** Largest deviation of a time stamp from even steps, in steps: stamps are often rounded. */
const TIME_TOLERANCE = 0.1;
/** Words for numbers that are not finite, as programs write them, beside the `Infinity` of JavaScript. */
const NON_FINITE: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
]);

/**
 * Reads a table of spectra or of time series: the first column is `frequency` (Hz) or `time` (s), then one column per
 * channel, linear power or samples.
 *
 * @param separator - tab, or comma (cells may stand in double quotes)
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT naming the column or the line
 */
export async function readTableRecording(path: string, separator: '\t' | ',' = '\t'): Promise<Recording> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  const table = parseTsv(separator === ',' ? commasToTabs(text, path) : text, path);
  const [first, ...channel] = table.columns;
  if (first !== 'frequency' && first !== 'time') {
    throw unreadable(
      path,
      `its first column is ${JSON.stringify(first)}`,
      'name the first column frequency (Hz, spectra) or time (s, series)',
    );
  }
  if (channel.length === 0) throw unreadable(path, 'it has no channels', 'add one column per channel');
  const rows = channel.map((_, i) => column(table, i + 1, path));
  const axis = column(table, 0, path);
  if (first === 'frequency') {
    return { kind: 'spectra', frequencies: axis, channel, trials: [rows], notes: [] };
  }
  return {
    kind: 'series',
    samplerate: rateOf(axis, path),
    channel,
    units: channel.map(() => ''),
    trials: [{ start: 0, offset: 0, channels: rows }],
    notes: [],
  };
}

function column({ rows, columns }: TsvTable, at: number, path: string): Float64Array {
  const values = new Float64Array(rows.length);
  for (let line = 0; line < rows.length; line++) {
    const cell = rows[line]![at] ?? null;
    const word = cell === null ? 'nan' : cell.trim().toLowerCase();
    // A blank cell is 0 as a number, and a mistake.
    const value = word === '' ? NaN : (NON_FINITE.get(word) ?? Number(cell));
    if (Number.isNaN(value) && word !== 'nan') {
      throw unreadable(
        `${path}:${line + 2}`,
        `${JSON.stringify(cell)} in column ${columns[at]} is no number`,
        'write numbers with a point, and n/a where a value is missing',
      );
    }
    values[line] = value;
  }
  return values;
}

/** Sampling rate from time stamps in seconds. */
function rateOf(time: Float64Array, path: string): number {
  const n = time.length;
  const step = (time[n - 1]! - time[0]!) / (n - 1);
  if (n < 2 || !(step > 0)) {
    throw unreadable(path, 'its times do not ascend', 'give time stamps in seconds, one row per sample');
  }
  const uneven = time.findIndex((t, i) => !(Math.abs(t - time[0]! - i * step) <= TIME_TOLERANCE * step));
  if (uneven >= 0) {
    throw unreadable(
      `${path}:${uneven + 2}`,
      `the time ${time[uneven]} is not on even steps of ${step} s`,
      'give evenly sampled series; split recordings with gaps',
    );
  }
  // Stamps such as 0.002 s carry rounding: a rate next to a whole number is that number.
  const rate = 1 / step;
  return Math.abs(rate - Math.round(rate)) < 1e-6 * rate ? Math.round(rate) : rate;
}

function commasToTabs(text: string, path: string): string {
  return text
    .split('\n')
    .map((line, i) => {
      if (line.includes('\t'))
        throw unreadable(`${path}:${i + 1}`, 'it has tabs', 'name a table with tabs .tsv');
      const cells = line.split(',').map((cell) => /^\s*"?([^"]*?)"?\s*(\r?)$/.exec(cell));
      if (cells.includes(null)) {
        throw unreadable(`${path}:${i + 1}`, 'a quoted cell holds quotes or commas', 'use plain names');
      }
      return cells.map((match) => `${match![1]}${match![2]}`).join('\t');
    })
    .join('\n');
}
