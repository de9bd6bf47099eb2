import { ProcessingError } from '../../errors.js';
import { columnMeans, multiply, withoutColumnOffsets, type Matrix } from '../linalg/matrix.js';
import { ridge } from '../linalg/ridge.js';
import type { EncodingModel } from './encoding-model.js';
import { convolveColumns } from './linear-models.js';
import type { ParadigmInput } from './paradigm.js';
import type { MatrixInput, ParameterInput } from './tables.js';

/** Options of `WeightFitter`. */
export interface WeightFitterOptions {
  /**
   * `exact`: with an intercept that is not penalised, on the basis after the HRF. `compat`: the peer's, without
   * intercept, baseline or HRF.
   */
  readonly mode?: 'exact' | 'compat';
  /** Default true in exact mode; compat has none. */
  readonly intercept?: boolean;
}

/** Ridge weights of every voxel. */
export interface FittedWeights {
  readonly alpha: number;
  /** Basis functions x voxels. */
  readonly weights: Matrix;
  /** One per voxel; zeros without an intercept. */
  readonly intercepts: Float64Array;
}

/** Ridge weights of a basis: minimises ||B W - Y||^2 + alpha ||W||^2; alpha is not scaled by the number of time points. */
export class WeightFitter {
  readonly #basis: Matrix;
  readonly #data: Matrix;
  readonly #hasIntercept: boolean;

  /**
   * @param data - time x voxels
   * @throws ProcessingError SHAPE_MISMATCH when time points differ, NON_FINITE
   */
  constructor(
    model: EncodingModel,
    parameters?: ParameterInput,
    data?: MatrixInput,
    paradigm?: ParadigmInput,
    options: WeightFitterOptions = {},
  ) {
    const { mode = 'exact' } = options;
    if (mode === 'compat' && options.intercept === true) {
      throw new ProcessingError('INVALID_ARGUMENT', 'the compat mode has no intercept', {
        where: 'intercept',
        cure: 'leave mode out, or take intercept away',
      });
    }
    this.#data = model.getData(data);
    this.#basis = basisOf(model, paradigm, parameters, mode);
    this.#hasIntercept = mode === 'exact' && (options.intercept ?? true);
    if (this.#basis.rows !== this.#data.rows) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `the paradigm has ${this.#basis.rows} time points, the data have ${this.#data.rows}`,
        {
          where: 'data',
          cure: 'give both the same time points',
        },
      );
    }
    if (this.#data.values.some((value) => !Number.isFinite(value))) {
      throw new ProcessingError('NON_FINITE', 'the data hold values that are not finite', {
        where: 'data',
        cure: 'leave those voxels out',
      });
    }
  }

  /** Weights for one alpha. */
  fit(alpha = 0): FittedWeights {
    return this.fitAll([alpha])[0]!;
  }

  /** Weights for several alphas from one decomposition. */
  fitAll(alphas: readonly number[]): FittedWeights[] {
    if (!this.#hasIntercept) {
      const none = new Float64Array(this.#data.columns);
      return ridge(this.#basis, this.#data, alphas).map((weights, i) => ({
        alpha: alphas[i]!,
        weights,
        intercepts: none,
      }));
    }
    const basisMeans = columnMeans(this.#basis);
    const dataMeans = columnMeans(this.#data);
    const solutions = ridge(
      withoutColumnOffsets(this.#basis, basisMeans),
      withoutColumnOffsets(this.#data, dataMeans),
      alphas,
    );
    return solutions.map((weights, i) => {
      const explained = multiply({ rows: 1, columns: basisMeans.length, values: basisMeans }, weights).values;
      return {
        alpha: alphas[i]!,
        weights,
        intercepts: dataMeans.map((mean, voxel) => mean - explained[voxel]!),
      };
    });
  }
}

function basisOf(
  model: EncodingModel,
  paradigm: ParadigmInput | undefined,
  parameters: ParameterInput | undefined,
  mode: 'exact' | 'compat',
): Matrix {
  const { response, hrfModel } = model;
  if (response.shape.length > 0)
    return mode === 'exact' ? model.basis(paradigm, parameters) : withoutHrf(model, paradigm, parameters);
  const features = model.getParadigm(paradigm).values;
  return mode === 'exact' && hrfModel !== null ? convolveColumns(hrfModel, features) : features;
}

function withoutHrf(model: EncodingModel, paradigm?: ParadigmInput, parameters?: ParameterInput): Matrix {
  if (model.hrfModel === null) return model.basis(paradigm, parameters);
  throw new ProcessingError('INVALID_ARGUMENT', 'the compat mode knows no HRF', {
    where: 'mode',
    cure: 'use the exact mode, or a model without HRF',
  });
}
