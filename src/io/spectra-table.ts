import { ProcessingError } from '../errors.js';
import { readTsv } from './tsv.js';

/** Power spectra of one recording. */
export interface SpectraTable {
  /** Hz, as in the file. */
  readonly frequencies: Float64Array;
  readonly channels: readonly string[];
  /** One row of power per channel; a missing cell is NaN. */
  readonly spectra: readonly Float64Array[];
}

/**
 * Reads spectra from a table: first column `frequency` in Hz, then one column of linear power per channel.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT naming the column or the line
 */
export async function readSpectraTable(path: string): Promise<SpectraTable> {
  const { columns, rows } = await readTsv(path);
  const [first, ...channels] = columns;
  if (first === 'time') {
    throw refused(path, 'it holds time series; only spectra are read', 'compute spectra first');
  }
  if (first !== 'frequency') {
    throw refused(
      path,
      `its first column is ${JSON.stringify(first)}`,
      'name the first column frequency (Hz)',
    );
  }
  if (channels.length === 0) throw refused(path, 'it has no channels', 'add one column of power per channel');
  const column = (at: number): Float64Array =>
    Float64Array.from(rows, (row, line) => {
      const cell = row[at] ?? null;
      const value = cell === null ? NaN : Number(cell.trim() === '' ? 'x' : cell);
      if (cell !== null && Number.isNaN(value) && cell.toLowerCase() !== 'nan') {
        throw refused(
          `${path}:${line + 2}`,
          `${JSON.stringify(cell)} in column ${columns[at]} is no number`,
          'write numbers with a point, and n/a where a value is missing',
        );
      }
      return value;
    });
  return { frequencies: column(0), channels, spectra: channels.map((_, i) => column(i + 1)) };
}

function refused(where: string, what: string, cure: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${where} cannot be read as spectra: ${what}`, { where, cure });
}
