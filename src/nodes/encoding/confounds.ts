import { ProcessingError } from '../../errors.js';
import { readTable } from '../../io/index.js';
import { matrix, type Matrix } from '../../numerics/linalg/matrix.js';
import { tableNumbers } from './voxel-data.js';

/** Which columns of a table of confounds are used. */
export type ConfoundChoice = 'none' | 'all' | readonly string[];

export interface Confounds {
  readonly names: readonly string[];
  /** Time x columns. */
  readonly values: Matrix;
}

/**
 * Columns of a table and polynomial drifts, to be regressed out.
 *
 * @param detrend - degree of the drift, 0: none
 * @returns null when there is nothing to regress out
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE, FILE_FORMAT for columns that are not there
 */
export async function readConfounds(request: {
  readonly path: string | null;
  readonly choice: ConfoundChoice;
  readonly detrend: number;
  readonly frames: number;
}): Promise<Confounds | null> {
  const { path, choice, detrend, frames } = request;
  const drifts = Array.from({ length: detrend }, (_, i) => ({
    name: `drift_${i + 1}`,
    values: legendre(i + 1, frames),
  }));
  if (path === null && choice !== 'none') {
    throw new ProcessingError('FILE_MISSING', 'there is no table of confounds', {
      cure: 'add <stem>_confounds.tsv, or set encoding_fit.confounds to none',
    });
  }
  const columns = path === null || choice === 'none' ? [] : await tableColumns(path, choice, frames);
  const all = [...columns, ...drifts];
  if (all.length === 0) return null;
  const values = matrix(frames, all.length);
  all.forEach((column, c) => {
    for (let t = 0; t < frames; t++) values.values[t * all.length + c] = column.values[t]!;
  });
  return { names: all.map(({ name }) => name), values };
}

async function tableColumns(
  path: string,
  choice: Exclude<ConfoundChoice, 'none'>,
  frames: number,
): Promise<{ name: string; values: Float64Array }[]> {
  const table = await readTable(path);
  const wanted = choice === 'all' ? table.columns : choice;
  const missing = wanted.filter((name) => !table.columns.includes(name));
  if (missing.length > 0) {
    throw new ProcessingError('FILE_FORMAT', `${path} has no column ${missing.join(', ')}`, {
      where: path,
      cure: `choose from ${table.columns.join(', ')}`,
    });
  }
  if (table.rows.length !== frames) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the confounds ${path} have ${table.rows.length} time points, the data have ${frames}`,
      { where: path, cure: 'give both the same time points' },
    );
  }
  const numbers = tableNumbers(table, path);
  return wanted.map((name) => {
    const at = table.columns.indexOf(name);
    const values = Float64Array.from({ length: frames }, (_, t) => numbers[t * table.columns.length + at]!);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return { name, values };
    throw new ProcessingError('NON_FINITE', `${path}: ${name} has no number at time point ${bad}`, {
      where: `${path}:${bad + 2}`,
      cure: 'replace it, for example the first value of a derivative by 0, or leave the column out',
    });
  });
}

/** Legendre polynomial over the recording, by its recurrence. */
function legendre(degree: number, frames: number): Float64Array {
  return Float64Array.from({ length: frames }, (_, t) => {
    const x = frames === 1 ? 0 : -1 + (2 * t) / (frames - 1);
    let before = 1;
    let value = x;
    for (let n = 1; n < degree; n++)
      [before, value] = [value, ((2 * n + 1) * x * value - n * before) / (n + 1)];
    return value;
  });
}
