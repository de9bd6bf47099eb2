/** What settings ask for, on one block of voxels: grid, refinement, solver, or ridge weights. */
import { ProcessingError } from '../../errors.js';
import { matrix, multiply, type Matrix } from '../linalg/matrix.js';
import { resolveDevice, type DeviceInfo } from '../devices.js';
import { HRF_PARAMETERS, type EncodingModel } from './encoding-model.js';
import { voxelDefect, type FitResult, type FitStatus } from './fit-result.js';
import { columnOf, type ParameterGrid } from './grid-fit.js';
import { convolveColumns, LinearModel, LinearModelWithBaseline } from './linear-models.js';
import { modelFromSettings } from './model-from-settings.js';
import type { Paradigm } from './paradigm.js';
import { ParameterFitter, type ParameterFitOptions } from './parameter-fitter.js';
import { orthonormalConfounds } from './projected-response.js';
import { isLinear, parameterNames, type EncodingSettings } from './settings.js';
import type { ParameterTable } from './tables.js';
import { WeightFitter } from './weight-fitter.js';

export interface BlockRequest {
  readonly settings: EncodingSettings;
  readonly paradigm: Paradigm;
  /** Time x voxels. */
  readonly data: Matrix;
  /** s; null where the model needs none. */
  readonly tr: number | null;
  /** Pixels x 2; null: -1 to 1. */
  readonly coordinates: Matrix | null;
  /** Time x C; null: none. */
  readonly confounds: Matrix | null;
  /** Of the tensors where `settings.device` is not cpu. Default 1. */
  readonly threads?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A fit with what the model makes of it. */
export interface BlockFit extends FitResult {
  /** Time x voxels, without what confounds explain; NaN for voxels that were not fitted. */
  readonly predictions: Matrix;
  /** Features x voxels; null for models without weights. */
  readonly weights: Matrix | null;
  /** The device of tensors that computed; null where none did. */
  readonly device: DeviceInfo | null;
}

/**
 * Fits a block of voxels. With the exact solver and with weights no voxel depends on another.
 *
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT, NON_FINITE (not for data: those voxels are flagged)
 * @throws DependencyError BACKEND_MISSING when the device of the settings is not there
 */
export async function fitBlock(request: BlockRequest): Promise<BlockFit> {
  const model = modelFromSettings(request.settings, request.tr, request.coordinates);
  return isLinear(request.settings.model) ? fitWeights(model, request) : fitFields(model, request);
}

/** What is left of data after a prediction and confounds. @returns time x voxels */
export function residualsOf(data: Matrix, predictions: Matrix, confounds: Matrix | null): Matrix {
  const left = matrix(data.rows, data.columns);
  for (let at = 0; at < left.values.length; at++)
    left.values[at] = data.values[at]! - predictions.values[at]!;
  return withoutConfounds(left, confounds);
}

async function fitFields(model: EncodingModel, request: BlockRequest): Promise<BlockFit> {
  const { settings, paradigm, data } = request;
  const fitter = new ParameterFitter(model, data, paradigm);
  const device = settings.device === 'cpu' ? null : await resolveDevice(settings.device);
  const compute = device === null ? null : { device, threads: request.threads ?? 1 };
  const start = await startOf(model, fitter, request, compute);
  const fixed = Object.keys(settings.fixed);
  const { adam, max_iterations: limit } = settings;
  const options: ParameterFitOptions = {
    solver: settings.solver,
    ...(request.confounds !== null && { confounds: request.confounds }),
    ...(start !== null && { initPars: start }),
    ...(fixed.length > 0 && { fixedPars: fixed }),
    ...(limit !== null && { maxNIterations: limit }),
    ...(request.onProgress !== undefined && { onProgress: request.onProgress }),
    ...(settings.solver === 'exact'
      ? { nStarts: settings.n_starts, bounds: settings.bounds }
      : {
          minNIterations: adam.min_iterations,
          learningRate: adam.learning_rate,
          r2Atol: adam.r2_atol,
          lag: adam.lag,
          noiseModel: adam.noise_model,
          sharedPars: adam.shared,
        }),
  };
  const fit = compute === null ? fitter.fit(options) : await fitter.fitOn(compute, options);
  holdExactly(fit.parameters, settings.fixed);
  return { ...fit, predictions: model.predict(paradigm, fit.parameters), weights: null, device };
}

/** A solver that moves logarithms gives a held value back with a rounding error. */
function holdExactly({ columns, values }: ParameterTable, fixed: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(fixed)) {
    const at = columns.indexOf(name);
    for (let place = at; place < values.values.length; place += columns.length) {
      if (!Number.isNaN(values.values[place]!)) values.values[place] = value;
    }
  }
}

/** Best point of the grid with amplitude and baseline by least squares; null: the solver has its own starts. */
async function startOf(
  model: EncodingModel,
  fitter: ParameterFitter,
  request: BlockRequest,
  compute: { readonly device: DeviceInfo; readonly threads: number } | null,
): Promise<ParameterTable | null> {
  const { settings, paradigm } = request;
  if (settings.solver === 'exact' && settings.grid === null) return null;
  const linear = Object.fromEntries(
    [['amplitude', 1] as const, ['baseline', 0] as const].map(([name, value]) => [name, [value]]),
  );
  const fixed = Object.fromEntries(Object.entries(settings.fixed).map(([name, value]) => [name, [value]]));
  const grid: ParameterGrid = { ...linear, ...(settings.grid ?? modelGrid(model, paradigm)), ...fixed };
  const found =
    compute === null
      ? fitter.fitGrid(grid, { cost: settings.grid_cost })
      : await fitter.fitGridOn(compute, grid);
  const holdsLinear = 'amplitude' in settings.fixed || 'baseline' in settings.fixed;
  return holdsLinear ? found : fitter.refineBaselineAndAmplitude(found);
}

function modelGrid(model: EncodingModel, paradigm: Paradigm): ParameterGrid {
  const { grid } = model.response.bind(paradigm);
  const own = model.response.shape.map(({ name }, i): [string, readonly number[]] => [name, grid[i]!]);
  if (!model.hasFlexibleHrf) return Object.fromEntries(own);
  const { delay, dispersion } = model.hrfModel!.start;
  return Object.fromEntries([...own, [HRF_PARAMETERS[0], [delay]], [HRF_PARAMETERS[1], [dispersion]]]);
}

function fitWeights(model: EncodingModel, request: BlockRequest): BlockFit {
  const { settings, paradigm, data, confounds } = request;
  const { hrfModel } = model;
  const basis = hrfModel === null ? paradigm.values : convolveColumns(hrfModel, paradigm.values);
  if (basis.rows !== data.rows) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the paradigm has ${basis.rows} time points, the data have ${data.rows}`,
      { where: 'data', cure: 'give both the same time points' },
    );
  }
  const hasIntercept = settings.model !== 'linear';
  const voxels = data.columns;
  const status = Array.from(
    { length: voxels },
    (_, v): FitStatus => voxelDefect(columnOf(data, v)) ?? 'converged',
  );
  const fitted = status.flatMap((state, v) => (state === 'converged' ? [v] : []));
  // By Frisch, Waugh and Lovell: weights of the features without what confounds explain in both.
  const features = { values: withoutConfounds(basis, confounds), labels: null, image: null };
  const plain = hasIntercept ? new LinearModelWithBaseline() : new LinearModel();
  const cleaned = withoutConfounds(columnsOf(data, fitted), confounds);
  const solved = new WeightFitter(plain, undefined, cleaned, features, { intercept: hasIntercept }).fit(
    settings.alpha,
  );
  const result = emptyFit(parameterNames(settings), voxels, data.rows, basis.columns, status);
  const predicted = multiply(basis, solved.weights);
  const cleanPredicted = multiply(features.values, solved.weights);
  fitted.forEach((v, column) => {
    const intercept = solved.intercepts[column]!;
    const { total, ssq } = sums(cleaned, cleanPredicted, column, intercept);
    result.ssq[v] = ssq;
    result.sigma2[v] = ssq / data.rows;
    result.r2[v] = 1 - ssq / total;
    result.optima[v] = 1;
    if (hasIntercept) result.parameters.values.values[v] = intercept;
    for (let t = 0; t < data.rows; t++) {
      result.predictions.values[t * voxels + v] = predicted.values[t * fitted.length + column]! + intercept;
    }
    for (let f = 0; f < basis.columns; f++) {
      result.weights.values[f * voxels + v] = solved.weights.values[f * fitted.length + column]!;
    }
  });
  request.onProgress?.(voxels, voxels);
  return result;
}

function emptyFit(
  labels: readonly string[],
  voxels: number,
  frames: number,
  features: number,
  status: readonly FitStatus[],
): BlockFit & { readonly weights: Matrix } {
  const nan = (rows: number, columns: number): Matrix =>
    matrix(rows, columns, new Float64Array(rows * columns).fill(NaN));
  return {
    parameters: { columns: labels, values: nan(voxels, labels.length) },
    r2: new Float64Array(voxels).fill(NaN),
    ssq: new Float64Array(voxels).fill(NaN),
    sigma2: new Float64Array(voxels).fill(NaN),
    iterations: new Int32Array(voxels),
    optima: new Int32Array(voxels),
    status,
    predictions: nan(frames, voxels),
    weights: nan(features, voxels),
    device: null,
  };
}

function sums(
  data: Matrix,
  predicted: Matrix,
  column: number,
  intercept: number,
): { total: number; ssq: number } {
  const { rows, columns } = data;
  let mean = 0;
  for (let t = 0; t < rows; t++) mean += data.values[t * columns + column]!;
  mean /= rows;
  let total = 0;
  let ssq = 0;
  for (let t = 0; t < rows; t++) {
    const y = data.values[t * columns + column]!;
    total += (y - mean) ** 2;
    ssq += (y - intercept - predicted.values[t * columns + column]!) ** 2;
  }
  return { total, ssq };
}

/** Columns without what confounds explain; their means stay. */
function withoutConfounds(given: Matrix, confounds: Matrix | null): Matrix {
  if (confounds === null) return given;
  const { rows, columns } = given;
  const basis = orthonormalConfounds(confounds, rows);
  const values = given.values.slice();
  for (let at = 0; at < basis.length; at += rows) {
    for (let column = 0; column < columns; column++) {
      let dot = 0;
      for (let t = 0; t < rows; t++) dot += basis[at + t]! * values[t * columns + column]!;
      for (let t = 0; t < rows; t++) {
        const place = t * columns + column;
        values[place] = values[place]! - dot * basis[at + t]!;
      }
    }
  }
  return matrix(rows, columns, values);
}

function columnsOf(given: Matrix, chosen: readonly number[]): Matrix {
  const result = matrix(given.rows, chosen.length);
  for (let t = 0; t < given.rows; t++) {
    chosen.forEach((v, column) => {
      result.values[t * chosen.length + column] = given.values[t * given.columns + v]!;
    });
  }
  return result;
}
