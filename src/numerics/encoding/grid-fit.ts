import { ProcessingError } from '../../errors.js';
import type { ComputeOptions } from '../registration/compute-device.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import { fieldsOnDevice } from './device-fields.js';
import type { EncodingModel } from './encoding-model.js';
import { voxelDefect } from './fit-result.js';
import type { Paradigm } from './paradigm.js';
import { ProjectedResponse } from './projected-response.js';
import type { ParameterTable } from './tables.js';

/** Values to try of each parameter, by name; all parameters of the model, in any order. */
export type ParameterGrid = Readonly<Record<string, readonly number[]>>;

export interface GridFitOptions {
  /** `correlation`: amplitude and baseline are free; `ssq`: sum of squared residuals. Default `correlation`. */
  readonly cost?: 'correlation' | 'ssq';
}

/** Grid points whose predictions are held at once. */
const BLOCK = 256;

/**
 * The best point of a grid for every voxel, of equal ones the first; the last parameter runs fastest.
 *
 * @param data - time x voxels
 * @returns voxels x parameters; NaN for voxels that do not vary
 * @throws ProcessingError INVALID_ARGUMENT for unknown, missing or empty parameters
 */
export function gridFit(
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  grid: ParameterGrid,
  options: GridFitOptions = {},
): ParameterTable {
  const labels = model.getParameterLabels();
  checkGrid(model, grid);
  const points = gridTable(labels, grid);
  const costOf =
    options.cost === 'ssq' ? ssqCost(data) : correlationCost(data, model.allowNegativeAmplitudes);
  const best = new Float64Array(data.columns).fill(Infinity);
  const chosen = new Int32Array(data.columns).fill(-1);
  for (let from = 0; from < points.rows; from += BLOCK) {
    const rows = Math.min(BLOCK, points.rows - from);
    const block = matrix(
      rows,
      labels.length,
      points.values.slice(from * labels.length, (from + rows) * labels.length),
    );
    const predicted = model.basis(paradigm, { columns: labels, values: block });
    for (let row = 0; row < rows; row++) {
      costOf(columnOf(predicted, row), (voxel, cost) => {
        if (cost >= best[voxel]!) return;
        best[voxel] = cost;
        chosen[voxel] = from + row;
      });
    }
  }
  return { columns: labels, values: chosenPoints(points, chosen, data) };
}

/**
 * The same on a device of tensors, in float32: predictions and correlations stay there, one number for each voxel comes
 * back. For the cost `correlation` of one round Gaussian over images on a grid, without or with one HRF.
 *
 * @throws ProcessingError INVALID_ARGUMENT for other models, as `gridFit` for grids
 * @throws DependencyError BACKEND_MISSING when an explicit device is not there
 */
export async function gridFitOn(
  compute: ComputeOptions,
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  grid: ParameterGrid,
): Promise<ParameterTable> {
  const labels = model.getParameterLabels();
  checkGrid(model, grid);
  const points = gridTable(labels, grid);
  const series = new Float32Array(data.rows * data.columns);
  for (let v = 0; v < data.columns; v++) {
    const own = columnOf(data, v);
    if (voxelDefect(own) === null) series.set(unitSeries(own), v * data.rows);
  }
  const response = new ProjectedResponse(model, paradigm);
  const device = await fieldsOnDevice(model, paradigm, response, series, compute);
  try {
    const fields = Float32Array.from({ length: 3 * points.rows }, (_, i) => {
      const name = ['x', 'y', 'sd'][i % 3]!;
      return points.values[Math.floor(i / 3) * labels.length + labels.indexOf(name)]!;
    });
    // Points that differ in amplitude or baseline alone correlate equally, and the first of them is taken.
    const chosen = await device.best(fields, !model.allowNegativeAmplitudes);
    return { columns: labels, values: chosenPoints(points, chosen, data) };
  } finally {
    device.dispose();
  }
}

function checkGrid(model: EncodingModel, grid: ParameterGrid): void {
  const labels = model.getParameterLabels();
  const unknown = Object.keys(grid).filter((name) => !labels.includes(name));
  const absent = labels.filter((name) => !(name in grid));
  const empty = labels.filter((name) => grid[name]?.length === 0);
  const problems = [
    ...unknown.map((name) => `${name} is no parameter`),
    ...absent.map((name) => `${name} is missing`),
    ...empty.map((name) => `${name} has no values`),
  ];
  if (problems.length === 0) return;
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `the grid does not suit ${model.response.model}: ${problems.join('; ')}`,
    {
      where: 'grid',
      cure: `give values for ${labels.join(', ')}`,
    },
  );
}

function gridTable(labels: readonly string[], grid: ParameterGrid): Matrix {
  const sizes = labels.map((label) => grid[label]!.length);
  const rows = sizes.reduce((product, size) => product * size, 1);
  const table = matrix(rows, labels.length);
  for (let row = 0; row < rows; row++) {
    let rest = row;
    for (let column = labels.length - 1; column >= 0; column--) {
      table.values[row * labels.length + column] = grid[labels[column]!]![rest % sizes[column]!]!;
      rest = Math.floor(rest / sizes[column]!);
    }
  }
  return table;
}

type Cost = (prediction: Float64Array, report: (voxel: number, cost: number) => void) => void;

function ssqCost(data: Matrix): Cost {
  const sums = new Float64Array(data.columns);
  return (prediction, report) => {
    sums.fill(0);
    for (let t = 0; t < data.rows; t++) {
      for (let v = 0; v < data.columns; v++)
        sums[v] = sums[v]! + (data.values[t * data.columns + v]! - prediction[t]!) ** 2;
    }
    sums.forEach((sum, voxel) => report(voxel, sum));
  };
}

/** -r, or -r^2 where a response below the baseline counts; what is not finite counts as the worst. */
function correlationCost(data: Matrix, allowNegative: boolean): Cost {
  const normed = unitColumns(data);
  const sums = new Float64Array(data.columns);
  return (prediction, report) => {
    const p = unitSeries(prediction);
    sums.fill(0);
    for (let t = 0; t < data.rows; t++) {
      const factor = p[t]!;
      for (let v = 0; v < data.columns; v++)
        sums[v] = sums[v]! + factor * normed.values[t * data.columns + v]!;
    }
    sums.forEach((r, voxel) => {
      const cost = allowNegative ? -r * r : -r;
      report(voxel, Number.isFinite(cost) ? cost : allowNegative ? 0 : 1);
    });
  };
}

function unitColumns(data: Matrix): Matrix {
  const result = matrix(data.rows, data.columns);
  for (let v = 0; v < data.columns; v++) {
    const series = unitSeries(columnOf(data, v));
    for (let t = 0; t < data.rows; t++) result.values[t * data.columns + v] = series[t]!;
  }
  return result;
}

/** Without mean and of unit norm; NaN for a constant. */
function unitSeries(series: Float64Array): Float64Array {
  const mean = series.reduce((sum, value) => sum + value, 0) / series.length;
  const centred = series.map((value) => value - mean);
  const norm = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0));
  return centred.map((value) => value / norm);
}

/** One column of a matrix. */
export function columnOf({ rows, columns, values }: Matrix, column: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns + column]!);
}

function chosenPoints(points: Matrix, chosen: Int32Array, data: Matrix): Matrix {
  const result = matrix(data.columns, points.columns);
  for (let v = 0; v < data.columns; v++) {
    const row = result.values.subarray(v * points.columns, (v + 1) * points.columns);
    if (chosen[v]! < 0 || voxelDefect(columnOf(data, v)) !== null) row.fill(NaN);
    else row.set(points.values.subarray(chosen[v]! * points.columns, (chosen[v]! + 1) * points.columns));
  }
  return result;
}

export interface RefineOptions {
  /** Ridge on both, as the peer has it (1e-3); 0 is the least-squares solution. Default 0. */
  readonly l2Alpha?: number;
  /** Amplitudes at least 1e-4. Default: the model's own rule. */
  readonly positiveAmplitude?: boolean;
  /** With a floored amplitude: the baseline fits the rest (true), or stays as solved, as in the peer. Default true. */
  readonly refitsBaseline?: boolean;
}

const LEAST_AMPLITUDE = 1e-4;

/**
 * Baseline and amplitude of every voxel by least squares, the other parameters as they are; kept only where r2 rises.
 *
 * @param start - voxels x parameters
 */
export function refineBaselineAndAmplitude(
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  start: ParameterTable,
  options: RefineOptions = {},
): ParameterTable {
  const { l2Alpha = 0, refitsBaseline = true } = options;
  const positive = options.positiveAmplitude ?? !model.allowNegativeAmplitudes;
  const { columns } = start.values;
  const at = { amplitude: start.columns.indexOf('amplitude'), baseline: start.columns.indexOf('baseline') };
  const unit = {
    columns: start.columns,
    values: matrix(start.values.rows, columns, start.values.values.slice()),
  };
  for (let v = 0; v < unit.values.rows; v++) {
    unit.values.values[v * columns + at.amplitude] = 1;
    unit.values.values[v * columns + at.baseline] = 0;
  }
  const responses = model.basis(paradigm, unit);
  const refined = matrix(start.values.rows, columns, start.values.values.slice());
  for (let v = 0; v < refined.rows; v++) {
    const y = columnOf(data, v);
    if (voxelDefect(y) !== null) continue;
    const n = columnOf(responses, v);
    const found = lineFit(n, y, l2Alpha);
    if (positive && found.amplitude < LEAST_AMPLITUDE) {
      found.amplitude = LEAST_AMPLITUDE;
      if (refitsBaseline) found.baseline = meanResidual(n, y, LEAST_AMPLITUDE);
    }
    const before = {
      amplitude: start.values.values[v * columns + at.amplitude]!,
      baseline: start.values.values[v * columns + at.baseline]!,
    };
    if (!(lineSsq(n, y, found) < lineSsq(n, y, before))) continue;
    refined.values[v * columns + at.amplitude] = found.amplitude;
    refined.values[v * columns + at.baseline] = found.baseline;
  }
  return { columns: start.columns, values: refined };
}

interface Line {
  amplitude: number;
  baseline: number;
}

function lineFit(n: Float64Array, y: Float64Array, l2Alpha: number): Line {
  const frames = n.length;
  let sn = 0;
  let snn = 0;
  let sy = 0;
  let sny = 0;
  for (let t = 0; t < frames; t++) {
    sn += n[t]!;
    snn += n[t]! * n[t]!;
    sy += y[t]!;
    sny += n[t]! * y[t]!;
  }
  const a = frames + l2Alpha;
  const d = snn + l2Alpha;
  const determinant = a * d - sn * sn;
  // A flat response explains nothing.
  if (!(determinant > 1e-14 * a * d)) return { amplitude: 0, baseline: sy / a };
  return { baseline: (d * sy - sn * sny) / determinant, amplitude: (a * sny - sn * sy) / determinant };
}

function meanResidual(n: Float64Array, y: Float64Array, amplitude: number): number {
  return y.reduce((sum, value, t) => sum + value - amplitude * n[t]!, 0) / y.length;
}

function lineSsq(n: Float64Array, y: Float64Array, { amplitude, baseline }: Line): number {
  return y.reduce((sum, value, t) => sum + (value - baseline - amplitude * n[t]!) ** 2, 0);
}
