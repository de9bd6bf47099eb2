import { ProcessingError } from '../../../errors.js';

/** Numbers with mean 0 and standard deviation 1, and what they were before. */
export interface Standardised {
  readonly mean: number;
  readonly sd: number;
  readonly values: Float64Array;
}

/**
 * @param name - for messages
 * @throws ProcessingError NON_FINITE for a number that is not finite; INVALID_ARGUMENT for fewer than 2 numbers or a constant
 */
export function standardise(values: ArrayLike<number>, name: string): Standardised {
  const n = values.length;
  if (n < 2) throw refused(`${name} has ${n} values, at least 2 are needed`, 'give more data');
  let mean = 0;
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i])) {
      throw new ProcessingError('NON_FINITE', `${name}: value ${i} is ${values[i]}`, {
        cure: 'leave out rows with missing values first',
      });
    }
    mean += values[i]! / n;
  }
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  const sd = Math.sqrt(squares / (n - 1));
  // Rounding leaves a little of a constant.
  if (!(sd > 1e-12 * Math.abs(mean))) throw refused(`${name} has the same value everywhere`, 'leave it out');
  return { mean, sd, values: Float64Array.from(values, (value) => (value - mean) / sd) };
}

/** Columns of one length, standardised, row after row. */
export interface StandardisedTable {
  readonly columns: readonly Standardised[];
  /** shape (rows, columns) */
  readonly values: Float64Array;
}

/** A predictor of a regression: its name and a number for each row of the outcome. */
export interface Predictor {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/** @throws ProcessingError SHAPE_MISMATCH for a column of another length */
export function standardiseTable(predictors: readonly Predictor[], rows: number): StandardisedTable {
  const columns = predictors.map(({ name, values }) => {
    if (values.length !== rows) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `${name} has ${values.length} values, the outcome ${rows}`,
        {
          cure: 'give one value for each',
        },
      );
    }
    return standardise(values, name);
  });
  const table = new Float64Array(rows * columns.length);
  for (const [j, { values }] of columns.entries()) {
    for (let i = 0; i < rows; i++) table[i * columns.length + j] = values[i]!;
  }
  return { columns, values: table };
}

export function refused(what: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', what, { cure });
}
