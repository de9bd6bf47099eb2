/** Decoding: the stimulus that explains data best, given a fitted model. Source: spec of encoding, section 4. */
import { ProcessingError } from '../../errors.js';
import { cholesky, solveCholesky } from '../linalg/cholesky.js';
import { matrix, multiply, transpose, type Matrix } from '../linalg/matrix.js';
import { convolveHeldTransposed } from './convolve.js';
import { EncodingModel } from './encoding-model.js';
import { cleanParadigm, type Paradigm, type ParadigmInput } from './paradigm.js';
import { residualLogLikelihood, stimulusLogLikelihood } from './residual-model.js';
import type { StimulusDomain } from './response.js';
import {
  parameterColumn,
  toMatrix,
  type MatrixInput,
  type ParameterInput,
  type ParameterTable,
} from './tables.js';
import { identity, softplus, wrappedAngle, type Transform } from './transforms.js';

/** What a stimulus is decoded with; what is absent is taken from the model. */
export interface StimulusFitterOptions {
  readonly parameters?: ParameterInput;
  readonly weights?: MatrixInput;
  /** Covariance of the residuals, or scale matrix of the t; voxels x voxels. */
  readonly omega?: MatrixInput;
  /** Degrees of freedom of a multivariate t; absent: normal residuals. */
  readonly dof?: number;
}

/** Options of `StimulusFitter.fit`: start, penalties, and when to end. */
export interface StimulusFitOptions {
  /** Where to start, time x D, or images; absent: the best of `grid`, and for features 0, for images 0.5. */
  readonly start?: ParadigmInput;
  /** Stimuli to try first, one per row; models of points without HRF. */
  readonly grid?: MatrixInput;
  /** Penalty of the sum of the absolute values. Default 0. */
  readonly l1?: number;
  /** Penalty of the sum of the squares. Default 0. */
  readonly l2?: number;
  /** Images: pixels that may be lit, 1 or 0; others stay 0. */
  readonly mask?: ArrayLike<number>;
  readonly maxNIterations?: number;
  readonly minNIterations?: number;
  readonly learningRate?: number;
  /** The fit ends when the cost falls by less than this share over `lag` iterations. */
  readonly rtol?: number;
  readonly lag?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A decoded stimulus, and how well it explains the data. */
export interface StimulusFit {
  /** Time x D, or time x pixels. */
  readonly stimulus: Matrix;
  /** One value per time point, without penalties. */
  readonly logLikelihood: Float64Array;
  /** Negative log-likelihood of all time points, with penalties. */
  readonly cost: number;
  readonly iterations: number;
  readonly isConverged: boolean;
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-7];
/** Light of every pixel at the start. */
const GREY = 0.5;

/**
 * The stimulus of every time point by maximum likelihood: from the best of a grid, or from a start, with Adam on the negative
 * log-likelihood of the residuals and penalties. Intensities of images and stimuli of models that need positive ones stay
 * above 0; angles are brought into (-pi, pi]. Through an HRF the time points are fitted together.
 *
 * @see van Bergen & Jehee 2018, "Modeling correlated noise is necessary to decode uncertainty"
 */
export class StimulusFitter {
  readonly model: EncodingModel;
  /** Time x voxels. */
  readonly data: Matrix;
  readonly #parameters: ParameterTable;
  readonly #weights: Matrix | null;
  readonly #omega: Matrix;
  readonly #lower: Matrix;
  readonly #dof: number | undefined;

  /**
   * @param data - time x voxels
   * @throws ProcessingError INVALID_ARGUMENT when something is neither given nor stored, or omega is not positive definite;
   *   NON_FINITE
   */
  constructor(model: EncodingModel, data?: MatrixInput, options: StimulusFitterOptions = {}) {
    this.model = model;
    this.data = model.getData(data);
    this.#parameters = model.getParameters(options.parameters);
    this.#weights = options.weights === undefined ? model.weights : toMatrix(options.weights, 'weights');
    const omega = options.omega === undefined ? model.omega : toMatrix(options.omega, 'omega');
    if (omega === null) {
      throw invalid(
        'omega',
        'no omega is given and none is stored in the model',
        'fit it with ResidualFitter',
      );
    }
    const voxels = this.data.columns;
    const lower = omega.rows === voxels && omega.columns === voxels ? cholesky(omega) : null;
    if (lower === null) {
      throw invalid(
        'omega',
        `omega must be a positive definite ${voxels} x ${voxels} matrix`,
        'give the covariance of the residuals of these voxels',
      );
    }
    const bad = this.data.values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const [row, voxel] = [Math.floor(bad / voxels), bad % voxels];
      throw new ProcessingError(
        'NON_FINITE',
        `voxel ${voxel} is ${this.data.values[bad]} at time point ${row}`,
        { where: 'data', cure: 'leave out voxels without a fit, and time points without data' },
      );
    }
    if (options.dof !== undefined && !(options.dof > 0)) {
      throw invalid('dof', `dof is ${options.dof}`, 'give a number above 0');
    }
    this.#omega = omega;
    this.#lower = lower;
    this.#dof = options.dof;
  }

  /**
   * The most likely of some stimuli for every time point; of equal ones the first.
   *
   * @param stimuli - one per row
   * @returns time x D
   * @throws ProcessingError INVALID_ARGUMENT for models with an HRF, whose time points do not stand alone
   */
  fitGrid(stimuli: MatrixInput): Matrix {
    if (this.model.hrfModel !== null) {
      throw invalid(
        'grid',
        `responses of ${this.model.response.model} with an HRF overlap in time, so a grid cannot be tried point by point`,
        'call fit() with a start, or decode deconvolved data with a model without HRF',
      );
    }
    const given = toMatrix(stimuli, 'grid');
    const { rows, columns } = given;
    const likelihood = stimulusLogLikelihood(
      this.data,
      this.#predict(plainParadigm(given)),
      this.#omega,
      this.#dof,
    );
    const found = matrix(this.data.rows, columns);
    for (let t = 0; t < found.rows; t++) {
      const row = likelihood.values.subarray(t * rows, (t + 1) * rows);
      const best = row.reduce((chosen, value, s) => (value > row[chosen]! ? s : chosen), 0);
      found.values.set(given.values.subarray(best * columns, (best + 1) * columns), t * columns);
    }
    return found;
  }

  /**
   * @throws ProcessingError SHAPE_MISMATCH; INVALID_ARGUMENT for numbers out of range, a model that is not linear in its
   *   images, and where there is nothing to start from
   */
  fit(options: StimulusFitOptions = {}): StimulusFit {
    checkNumbers(options);
    const domain = this.model.response.stimulus;
    if (domain.kind === 'images' && !domain.isLinear) {
      throw invalid(
        'model',
        `${this.model.response.model} is not linear in its images, whose pixels are not decoded then`,
        'use gaussian2d, gaussian2d_angle or dog2d',
      );
    }
    const start = this.#start(options);
    const mask = this.#mask(options.mask, start.values.columns);
    const slopesBy = this.#slopes(domain, start);
    return this.#descend(options, start, mask, transformOf(domain), slopesBy);
  }

  #start({ start, grid }: StimulusFitOptions): Paradigm {
    const domain = this.model.response.stimulus;
    const frames = this.data.rows;
    const stored = this.model.paradigm;
    if (start === undefined && grid !== undefined) return plainParadigm(this.fitGrid(grid));
    if (start === undefined && domain.kind === 'points') {
      throw invalid('start', 'there is nothing to start from', 'pass start, or a grid of stimuli');
    }
    if (start === undefined && stored === null) {
      throw invalid(
        'start',
        'the number of columns of the stimulus is not known',
        'pass start, or a paradigm to the model',
      );
    }
    const given =
      start === undefined
        ? blank(stored!, frames, domain.kind === 'images' ? GREY : 0)
        : cleanParadigm(start);
    if (given.values.rows === frames) return given;
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the start has ${given.values.rows} time points, the data have ${frames}`,
      { where: 'start', cure: 'give both the same time points' },
    );
  }

  /** 1 where a stimulus may be other than 0. */
  #mask(given: ArrayLike<number> | undefined, columns: number): Float64Array {
    if (given === undefined) return new Float64Array(columns).fill(1);
    if (this.model.response.stimulus.kind !== 'images') {
      throw invalid('mask', `${this.model.response.model} has no pixels`, 'take the mask away');
    }
    if (given.length === columns) return Float64Array.from(given, (value) => (value === 0 ? 0 : 1));
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the mask has ${given.length} pixels, the images ${columns}`,
      {
        where: 'mask',
        cure: 'give one value per pixel, x slow, y fast',
      },
    );
  }

  #predict(paradigm: Paradigm): Matrix {
    const predicted = this.model.predict(paradigm, this.#parameters, this.#weights ?? undefined);
    if (predicted.columns === this.data.columns) return predicted;
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the model predicts ${predicted.columns} voxels, the data have ${this.data.columns}`,
      { where: 'parameters', cure: 'give parameters, or weights, of the voxels of the data' },
    );
  }

  /** From slopes by the response before the HRF (time x responses) to slopes by the stimulus. */
  #slopes(domain: StimulusDomain, { image, values }: Paradigm): (stimulus: Matrix, by: Matrix) => Matrix {
    if (domain.kind === 'features') {
      const weights = this.#weights;
      return weights === null ? (_, by) => by : (_, by) => multiply(by, transpose(weights));
    }
    const plain = new EncodingModel(this.model.response);
    const basis = (rows: Matrix): Matrix =>
      plain.basis({ values: rows, labels: null, image }, this.#parameters);
    if (domain.kind === 'images') {
      const lit = unitRows(values.columns);
      const alone = basis(lit);
      const dark = basis(matrix(1, values.columns));
      alone.values.forEach((value, at) => (alone.values[at] = value - dark.values[at % alone.columns]!));
      const turned = transpose(alone);
      return (_, by) => multiply(by, turned);
    }
    return (stimulus, by) => {
      const out = matrix(stimulus.rows, stimulus.columns);
      for (let d = 0; d < stimulus.columns; d++) {
        const step = (t: number): number =>
          1e-5 * Math.max(Math.abs(stimulus.values[t * stimulus.columns + d]!), domain.isPositive ? 0 : 1e-3);
        const moved = (sign: number): Matrix => {
          const values = stimulus.values.slice();
          for (let t = 0; t < stimulus.rows; t++) values[t * stimulus.columns + d]! += sign * step(t);
          return basis(matrix(stimulus.rows, stimulus.columns, values));
        };
        const [high, low] = [moved(1), moved(-1)];
        for (let t = 0; t < out.rows; t++) {
          let sum = 0;
          for (let k = 0; k < by.columns; k++) {
            const at = t * by.columns + k;
            sum += (by.values[at]! * (high.values[at]! - low.values[at]!)) / (2 * step(t));
          }
          out.values[t * out.columns + d] = sum;
        }
      }
      return out;
    };
  }

  /** Derivatives of the cost by the responses before the HRF, time x responses. @returns the cost */
  #byResponses(paradigm: Paradigm): { readonly cost: number; readonly by: Matrix } {
    const predicted = this.#predict(paradigm);
    const { rows, columns: voxels, values } = this.data;
    const residuals = matrix(
      rows,
      voxels,
      values.map((value, at) => value - predicted.values[at]!),
    );
    const cost = -sum(residualLogLikelihood(residuals, this.#omega, this.#dof));
    const white = solveCholesky(this.#lower, transpose(residuals));
    const by = matrix(rows, voxels);
    for (let t = 0; t < rows; t++) {
      let square = 0;
      for (let v = 0; v < voxels; v++)
        square += residuals.values[t * voxels + v]! * white.values[v * rows + t]!;
      const factor = this.#dof === undefined ? 1 : (this.#dof + voxels) / (this.#dof + square);
      for (let v = 0; v < voxels; v++) by.values[t * voxels + v] = -factor * white.values[v * rows + t]!;
    }
    const isWeighted = this.#weights !== null && this.model.response.stimulus.kind !== 'features';
    return { cost, by: this.#beforeHrf(isWeighted ? multiply(by, transpose(this.#weights)) : by) };
  }

  #beforeHrf(by: Matrix): Matrix {
    const { hrfModel, hasFlexibleHrf } = this.model;
    if (hrfModel === null) return by;
    const own = hasFlexibleHrf
      ? ['hrf_delay', 'hrf_dispersion'].map((name) => parameterColumn(this.#parameters, name))
      : [];
    const shared = hasFlexibleHrf ? null : hrfModel.kernel();
    const out = matrix(by.rows, by.columns);
    for (let k = 0; k < by.columns; k++) {
      const series = Float64Array.from({ length: by.rows }, (_, t) => by.values[t * by.columns + k]!);
      const kernel = shared ?? hrfModel.kernel(own[0]![k], own[1]![k]);
      convolveHeldTransposed(kernel, series).forEach((value, t) => (out.values[t * by.columns + k] = value));
    }
    return out;
  }

  #descend(
    options: StimulusFitOptions,
    start: Paradigm,
    mask: Float64Array,
    transform: Transform,
    slopesBy: (stimulus: Matrix, by: Matrix) => Matrix,
  ): StimulusFit {
    const { l1 = 0, l2 = 0, maxNIterations = 1000, minNIterations = 100, lag = 100 } = options;
    const { learningRate = 0.01, rtol = 1e-6 } = options;
    const { rows, columns } = start.values;
    const q = start.values.values.map((value) =>
      transform.inverse(transform === softplus ? Math.max(value, 1e-6) : value),
    );
    const [first, second] = [new Float64Array(q.length), new Float64Array(q.length)];
    const costs: number[] = [];
    let best = { cost: Infinity, stimulus: start.values };
    let isConverged = false;
    while (costs.length < maxNIterations && !isConverged) {
      const stimulus = matrix(
        rows,
        columns,
        q.map((value, at) => (mask[at % columns] === 0 ? 0 : transform.forward(value))),
      );
      const { cost: misfit, by } = this.#byResponses({ ...start, values: stimulus });
      const cost = misfit + stimulus.values.reduce((total, s) => total + l1 * Math.abs(s) + l2 * s * s, 0);
      if (cost < best.cost) best = { cost, stimulus };
      costs.push(best.cost);
      const step = costs.length;
      const slopes = slopesBy(stimulus, by).values;
      const rate = (learningRate * Math.sqrt(1 - BETA2 ** step)) / (1 - BETA1 ** step);
      for (let at = 0; at < q.length; at++) {
        if (mask[at % columns] === 0) continue;
        const s = stimulus.values[at]!;
        const slope = (slopes[at]! + l1 * Math.sign(s) + 2 * l2 * s) * transform.slope(q[at]!);
        first[at] = BETA1 * first[at]! + (1 - BETA1) * slope;
        second[at] = BETA2 * second[at]! + (1 - BETA2) * slope * slope;
        q[at] = q[at]! - (rate * first[at]!) / (Math.sqrt(second[at]!) + EPSILON);
      }
      options.onProgress?.(step, maxNIterations);
      const before = costs[step - 1 - lag];
      isConverged =
        step >= minNIterations && before !== undefined && before - best.cost < rtol * Math.abs(before);
    }
    const predicted = this.#predict({ ...start, values: best.stimulus });
    const residuals = this.data.values.map((value, at) => value - predicted.values[at]!);
    return {
      ...best,
      logLikelihood: residualLogLikelihood(
        matrix(rows, this.data.columns, residuals),
        this.#omega,
        this.#dof,
      ),
      iterations: costs.length,
      isConverged,
    };
  }
}

function transformOf(domain: StimulusDomain): Transform {
  switch (domain.kind) {
    case 'features':
      return identity;
    case 'images':
      return softplus;
    case 'points':
      return domain.isCircular ? wrappedAngle : domain.isPositive ? softplus : identity;
  }
}

function checkNumbers(options: StimulusFitOptions): void {
  const isCount = (least: number) => (value: number) => Number.isInteger(value) && value >= least;
  const isSize = (value: number): boolean => value >= 0 && value < Infinity;
  const rules = [
    ['maxNIterations', isCount(1), 'a whole number from 1'],
    ['minNIterations', isCount(0), 'a whole number from 0'],
    ['lag', isCount(1), 'a whole number from 1'],
    ['rtol', isSize, 'a finite number from 0'],
    ['l1', isSize, 'a finite number from 0'],
    ['l2', isSize, 'a finite number from 0'],
    ['learningRate', (value: number) => value > 0 && value < Infinity, 'a finite number above 0'],
  ] as const;
  for (const [name, isRight, wanted] of rules) {
    const value = options[name];
    if (value !== undefined && !isRight(value)) throw invalid(name, `${name} is ${value}`, `give ${wanted}`);
  }
}

/** A paradigm of the same columns with one value everywhere. */
function blank(like: Paradigm, frames: number, value: number): Paradigm {
  const { columns } = like.values;
  return { ...like, values: matrix(frames, columns, new Float64Array(frames * columns).fill(value)) };
}

const plainParadigm = (values: Matrix): Paradigm => ({ values, labels: null, image: null });

function unitRows(count: number): Matrix {
  const rows = matrix(count, count);
  for (let i = 0; i < count; i++) rows.values[i * (count + 1)] = 1;
  return rows;
}

function invalid(where: string, message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { where, cure });
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
