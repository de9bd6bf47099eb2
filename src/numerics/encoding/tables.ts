import { ProcessingError } from '../../errors.js';
import { matrix, type Matrix } from '../linalg/matrix.js';

/** Named columns, one row per voxel. */
export interface ParameterTable {
  readonly columns: readonly string[];
  /** rows x columns. */
  readonly values: Matrix;
}

/** Rows of numbers, a matrix, or one column. */
export type MatrixInput =
  Matrix | readonly (readonly number[])[] | readonly number[] | Float64Array | Float32Array;

/** A parameter table, or columns by name. */
export type ParameterInput = ParameterTable | Readonly<Record<string, ArrayLike<number>>>;

/**
 * A matrix of what was given; a flat list is one column.
 *
 * @param what - for messages
 * @throws ProcessingError SHAPE_MISMATCH when rows differ in length
 */
export function toMatrix(input: MatrixInput, what: string): Matrix {
  if (isMatrix(input)) return matrix(input.rows, input.columns, input.values);
  if (input instanceof Float64Array || input instanceof Float32Array) return matrix(input.length, 1, input);
  const rows = input.map((row) => (typeof row === 'number' ? [row] : row));
  const width = rows[0]?.length ?? 0;
  const odd = rows.findIndex((row) => row.length !== width);
  if (odd >= 0) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${what}: row ${odd} has ${rows[odd]!.length} values, the first has ${width}`,
      {
        where: what,
        cure: 'give every row the same number of values',
      },
    );
  }
  return matrix(rows.length, width, rows.flat());
}

function isMatrix(input: object): input is Matrix {
  return 'rows' in input && 'columns' in input && 'values' in input;
}

/**
 * Parameters by name, in the order of the model; other columns are left out.
 *
 * @returns one row per voxel
 * @throws ProcessingError INVALID_ARGUMENT when a column is missing, SHAPE_MISMATCH when columns differ in length
 */
export function selectParameters(input: ParameterInput, labels: readonly string[]): ParameterTable {
  const table = isTable(input) ? input : tableOf(input);
  const missing = labels.filter((label) => !table.columns.includes(label));
  if (missing.length > 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `parameters without ${missing.join(', ')}; there are ${table.columns.join(', ')}`,
      {
        where: 'parameters',
        cure: `give the columns ${labels.join(', ')}`,
      },
    );
  }
  const from = labels.map((label) => table.columns.indexOf(label));
  const { rows, columns, values } = table.values;
  const selected = matrix(rows, labels.length);
  for (let row = 0; row < rows; row++) {
    from.forEach((column, to) => {
      selected.values[row * labels.length + to] = values[row * columns + column]!;
    });
  }
  return { columns: labels, values: selected };
}

function isTable(input: ParameterInput): input is ParameterTable {
  return Array.isArray((input as { columns?: unknown }).columns) && 'values' in input;
}

function tableOf(input: Readonly<Record<string, ArrayLike<number>>>): ParameterTable {
  const columns = Object.keys(input);
  const rows = columns.length === 0 ? 0 : input[columns[0]!]!.length;
  const values = matrix(rows, columns.length);
  columns.forEach((name, column) => {
    const given = input[name]!;
    if (given.length !== rows) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `parameter ${name} has ${given.length} values, ${columns[0]!} has ${rows}`,
        {
          where: 'parameters',
          cure: 'give one value per voxel in every column',
        },
      );
    }
    for (let row = 0; row < rows; row++) values.values[row * columns.length + column] = given[row]!;
  });
  return { columns, values };
}

/** One column of a table. */
export function parameterColumn(table: ParameterTable, name: string): Float64Array {
  const at = table.columns.indexOf(name);
  if (at < 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `there is no parameter ${name}; there are ${table.columns.join(', ')}`,
      {
        cure: 'name one of them',
      },
    );
  }
  const { rows, columns, values } = table.values;
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns + at]!);
}
