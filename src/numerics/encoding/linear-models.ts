/** Models that are linear in features: y = s W, with a baseline, with an HRF. */
import { ProcessingError } from '../../errors.js';
import { matrix, multiply, type Matrix } from '../linalg/matrix.js';
import { convolveHeld } from './convolve.js';
import { EncodingModel, type ModelOptions } from './encoding-model.js';
import type { HRFModel } from './hrf-model.js';
import type { ParadigmInput } from './paradigm.js';
import type { ResponseDefinition } from './response.js';
import { parameterColumn, toMatrix, type MatrixInput, type ParameterInput } from './tables.js';

const FEATURES: ResponseDefinition = {
  model: 'linear',
  stimulus: { kind: 'features' },
  shape: [],
  labels: [],
  bind: () => {
    throw new ProcessingError('INVALID_ARGUMENT', 'a linear model has no tuning to fit', {
      where: 'linear',
      cure: 'fit its weights with WeightFitter',
    });
  },
};

/** y = s W: the paradigm's columns are the features. */
export class LinearModel extends EncodingModel {
  constructor(options: ModelOptions = {}) {
    super(FEATURES, options);
  }

  /** The features. @returns time x features */
  override basis(paradigm?: ParadigmInput): Matrix {
    return this.getParadigm(paradigm).values;
  }
}

/** y = s W + baseline. Without weights there must be one feature per voxel: y = s + baseline. */
export class LinearModelWithBaseline extends EncodingModel {
  constructor(options: ModelOptions = {}) {
    super({ ...FEATURES, model: 'linear_baseline', labels: ['baseline'] }, options);
  }

  override basis(paradigm?: ParadigmInput): Matrix {
    return this.getParadigm(paradigm).values;
  }

  override predict(paradigm?: ParadigmInput, parameters?: ParameterInput, weights?: MatrixInput): Matrix {
    const chosen = weights === undefined ? this.weights : toMatrix(weights, 'weights');
    const features = this.basis(paradigm);
    const response = chosen === null ? features : multiply(features, chosen);
    return withBaseline(response, parameterColumn(this.getParameters(parameters), 'baseline'));
  }
}

/** Options of a linear model with a haemodynamic response. */
export interface LinearHrfOptions extends ModelOptions {
  readonly hrfModel: HRFModel;
  /** `compat` convolves the baseline too, as the peer does. */
  readonly baseline?: 'after' | 'compat';
}

/** y = h * (s W) + baseline. */
export class LinearModelWithBaselineHRF extends EncodingModel {
  readonly baselineMode: 'after' | 'compat';

  constructor(options: LinearHrfOptions) {
    super({ ...FEATURES, model: 'linear_baseline_hrf', labels: ['baseline'] }, options);
    this.baselineMode = options.baseline ?? 'after';
  }

  /** The features after the HRF. @returns time x features */
  override basis(paradigm?: ParadigmInput): Matrix {
    return convolveColumns(this.hrfModel!, this.getParadigm(paradigm).values);
  }

  override predict(paradigm?: ParadigmInput, parameters?: ParameterInput, weights?: MatrixInput): Matrix {
    const chosen = weights === undefined ? this.weights : toMatrix(weights, 'weights');
    const baseline = parameterColumn(this.getParameters(parameters), 'baseline');
    const features = this.getParadigm(paradigm).values;
    const response = chosen === null ? features : multiply(features, chosen);
    if (this.baselineMode === 'compat')
      return convolveColumns(this.hrfModel!, withBaseline(response, baseline));
    return withBaseline(convolveColumns(this.hrfModel!, response), baseline);
  }
}

/** Every column after the HRF. */
export function convolveColumns(hrf: HRFModel, input: Matrix): Matrix {
  const { rows, columns, values } = input;
  const kernel = hrf.kernel();
  const result = matrix(rows, columns);
  const series = new Float64Array(rows);
  const out = new Float64Array(rows);
  for (let column = 0; column < columns; column++) {
    for (let t = 0; t < rows; t++) series[t] = values[t * columns + column]!;
    convolveHeld(kernel, series, out);
    for (let t = 0; t < rows; t++) result.values[t * columns + column] = out[t]!;
  }
  return result;
}

function withBaseline(response: Matrix, baseline: Float64Array): Matrix {
  if (baseline.length !== response.columns) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${baseline.length} baselines do not fit ${response.columns} voxels`,
      {
        where: 'parameters',
        cure: 'give one baseline per voxel; without weights there must be one feature per voxel',
      },
    );
  }
  return matrix(
    response.rows,
    response.columns,
    response.values.map((value, at) => value + baseline[at % response.columns]!),
  );
}
