import { ProcessingError } from '../../errors.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import { toMatrix, type MatrixInput } from './tables.js';

/** What was shown: one row per time point; point values, or pixels of an image (x slow, y fast). */
export interface Paradigm {
  readonly values: Matrix;
  /** Of the columns, when they were named. */
  readonly labels: readonly string[] | null;
  /** Size of an image stack; null for point stimuli. */
  readonly image: { readonly nx: number; readonly ny: number } | null;
}

/** Frames of an image, frames x nx x ny, y fastest. */
export interface ImageStack {
  readonly shape: readonly [frames: number, nx: number, ny: number];
  readonly values: ArrayLike<number>;
}

/** Columns by name, each one value per time point. */
export type ParadigmTable = Readonly<Record<string, readonly number[] | Float64Array>>;

/** What a paradigm can be given as: images over time, a matrix of features, a table. */
export type ParadigmInput = Paradigm | MatrixInput | ImageStack | ParadigmTable;

/**
 * A paradigm of what was given: a flat list is one column, an image stack becomes one row of pixels per frame, a table
 * keeps its labels.
 *
 * @throws ProcessingError SHAPE_MISMATCH with the shapes; NON_FINITE when a value is not a finite number
 */
export function cleanParadigm(input: ParadigmInput): Paradigm {
  const paradigm = readParadigm(input);
  const { rows, columns, values } = paradigm.values;
  if (rows === 0 || columns === 0) {
    throw new ProcessingError('SHAPE_MISMATCH', `the paradigm is ${rows} x ${columns}`, {
      where: 'paradigm',
      cure: 'give at least one time point and one column',
    });
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new ProcessingError(
      'NON_FINITE',
      `the paradigm is ${values[bad]} at time point ${Math.floor(bad / columns)}`,
      {
        where: 'paradigm',
        cure: 'replace it by a number; 0 where nothing was shown',
      },
    );
  }
  return paradigm;
}

function readParadigm(input: ParadigmInput): Paradigm {
  if (isParadigm(input)) return input;
  if ('shape' in input && 'values' in input) return readStack(input as ImageStack);
  if (isTable(input)) return readTable(input);
  return { values: toMatrix(input, 'paradigm'), labels: null, image: null };
}

function isParadigm(input: ParadigmInput): input is Paradigm {
  return 'labels' in input && 'image' in input;
}

function isTable(input: ParadigmInput): input is ParadigmTable {
  return !Array.isArray(input) && !ArrayBuffer.isView(input) && !('rows' in input);
}

function readStack({ shape, values }: ImageStack): Paradigm {
  const [frames, nx, ny] = shape;
  if (shape.length !== 3 || values.length !== frames * nx * ny) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `an image stack of ${shape.join(' x ')} has ${values.length} values`,
      {
        where: 'paradigm',
        cure: 'give frames x nx x ny values, y fastest',
      },
    );
  }
  return { values: matrix(frames, nx * ny, values), labels: null, image: { nx, ny } };
}

function readTable(table: ParadigmTable): Paradigm {
  const labels = Object.keys(table);
  const frames = labels.length === 0 ? 0 : table[labels[0]!]!.length;
  const values = matrix(frames, labels.length);
  labels.forEach((label, column) => {
    const given = table[label]!;
    if (given.length !== frames) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `paradigm column ${label} has ${given.length} values, ${labels[0]!} has ${frames}`,
        {
          where: 'paradigm',
          cure: 'give one value per time point in every column',
        },
      );
    }
    for (let t = 0; t < frames; t++) values.values[t * labels.length + column] = given[t]!;
  });
  return { values, labels, image: null };
}

/**
 * Pixel coordinates when none are given: -1 to 1 in both directions.
 *
 * @returns (nx ny) x 2, x slow, y fast
 */
export function defaultCoordinates(nx: number, ny: number): Matrix {
  const at = (i: number, n: number): number => (n === 1 ? 0 : -1 + (2 * i) / (n - 1));
  const values = new Float64Array(nx * ny * 2);
  for (let i = 0; i < nx; i++) {
    for (let j = 0; j < ny; j++) {
      values[2 * (i * ny + j)] = at(i, nx);
      values[2 * (i * ny + j) + 1] = at(j, ny);
    }
  }
  return matrix(nx * ny, 2, values);
}

/** Mean spacing of the x coordinates times that of the y coordinates. */
export function pixelArea(coordinates: Matrix): number {
  const spacing = (column: number): number => {
    const unique = new Set<number>();
    for (let p = 0; p < coordinates.rows; p++) unique.add(coordinates.values[2 * p + column]!);
    if (unique.size < 2) return 1;
    const values = [...unique];
    return (Math.max(...values) - Math.min(...values)) / (unique.size - 1);
  };
  return spacing(0) * spacing(1);
}
