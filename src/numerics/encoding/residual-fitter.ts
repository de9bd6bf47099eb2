import { ProcessingError } from '../../errors.js';
import { cholesky, logDeterminant, solveCholesky } from '../linalg/cholesky.js';
import { gram, matrix, transpose, type Matrix } from '../linalg/matrix.js';
import { digamma, logGamma } from '../special/gamma.js';
import type { EncodingModel } from './encoding-model.js';
import type { ParadigmInput } from './paradigm.js';
import {
  residualCovariance,
  residualLogLikelihood,
  tuningSimilarity,
  type OmegaParameters,
} from './residual-model.js';
import { toMatrix, type MatrixInput, type ParameterInput } from './tables.js';
import { sigmoid, softplus, type Transform } from './transforms.js';

/** Options of `ResidualFitter.fit`: the form of the noise and of its covariance, and when to end. */
export interface ResidualFitOptions {
  /** Normal residuals, or a multivariate t whose degrees of freedom are fitted too. Default `gaussian`. */
  readonly noise?: 'gaussian' | 't';
  /**
   * Stimuli whose responses stand for the weights in W'W (time x D, as a paradigm). Absent: the weights of the model;
   * without those the term is left out.
   */
  readonly stimuli?: ParadigmInput;
  /** Distances between voxels, voxels x voxels: the shared correlation falls with them. */
  readonly distances?: MatrixInput;
  /** Share of the empirical covariance in omega, 0 to 1; at 1 only the degrees of freedom are fitted. Default 0. */
  readonly shrinkage?: number;
  readonly maxNIterations?: number;
  readonly minNIterations?: number;
  readonly learningRate?: number;
  /** The fit ends when the cost falls by less than this share over `lag` iterations. */
  readonly rtol?: number;
  readonly lag?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Covariance of residuals, what it is made of, and how good it is. */
export interface ResidualFit {
  /** Covariance, or scale matrix of the t; voxels x voxels. */
  readonly omega: Matrix;
  /** Degrees of freedom; null for normal residuals. */
  readonly dof: number | null;
  readonly rho: number;
  readonly tau: Float64Array;
  /** Weight of W'W, which is divided by its mean; null without the term. */
  readonly sigma2: number | null;
  /** Of the distances; null without them. */
  readonly alpha: number | null;
  readonly beta: number | null;
  /** Sum over the time points. */
  readonly logLikelihood: number;
  readonly iterations: number;
  readonly isConverged: boolean;
}

const RATE = 0.02;
const STEPS = 1000;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-7];
/** Added to the diagonal of a matrix that holds empirical covariance, as a share of the residual variance. */
const RIDGE = 1e-9;
const RIDGE_OF_EMPIRICAL = 1e-6;
const DOF_RANGE = [0.5, 200] as const;

/**
 * Covariance of the residuals of a model by maximum likelihood: omega = rho tau tau' + (1 - rho) diag(tau^2) +
 * sigma2 W'W, with Adam over transformed parameters. Source: spec of encoding, section 4; van Bergen & Jehee 2018.
 */
export class ResidualFitter {
  readonly model: EncodingModel;
  /** Data minus prediction, time x voxels. */
  readonly residuals: Matrix;
  readonly #parameters: ParameterInput | undefined;
  readonly #weights: Matrix | null;

  /**
   * What is absent is taken from the model.
   *
   * @param data - time x voxels
   * @throws ProcessingError SHAPE_MISMATCH; NON_FINITE; INVALID_ARGUMENT when something is neither given nor stored
   */
  constructor(
    model: EncodingModel,
    data?: MatrixInput,
    paradigm?: ParadigmInput,
    parameters?: ParameterInput,
    weights?: MatrixInput,
  ) {
    this.model = model;
    const given = model.getData(data);
    const predicted = model.predict(paradigm, parameters, weights);
    if (given.rows !== predicted.rows || given.columns !== predicted.columns) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `the data are ${given.rows} x ${given.columns}, the predictions ${predicted.rows} x ${predicted.columns}`,
        { where: 'data', cure: 'give time x voxels, and parameters or weights of the same voxels' },
      );
    }
    const values = given.values.map((value, at) => value - predicted.values[at]!);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const [row, voxel] = [Math.floor(bad / given.columns), bad % given.columns];
      throw new ProcessingError(
        'NON_FINITE',
        `the residual of voxel ${voxel} at time point ${row} is ${values[bad]}`,
        {
          where: 'data',
          cure: 'leave out voxels without a fit',
        },
      );
    }
    this.residuals = matrix(given.rows, given.columns, values);
    this.#parameters = parameters;
    this.#weights = weights === undefined ? model.weights : toMatrix(weights, 'weights');
  }

  /**
   * @throws ProcessingError SHAPE_MISMATCH; INVALID_ARGUMENT for numbers out of range, distances that are none, voxels
   *   without residuals, and where the covariance that the fit starts from is not positive definite
   */
  fit(options: ResidualFitOptions = {}): ResidualFit {
    checkNumbers(options);
    const problem = this.#problem(options);
    return problem.shrinkage >= 1 ? fitDofOnly(problem, options) : descend(problem, options);
  }

  #problem(options: ResidualFitOptions): Problem {
    const { rows, columns, values } = this.residuals;
    const shrinkage = options.shrinkage ?? 0;
    if (!(shrinkage >= 0 && shrinkage <= 1)) {
      throw new ProcessingError('INVALID_ARGUMENT', `shrinkage is ${shrinkage}`, {
        where: 'shrinkage',
        cure: 'give a share from 0 to 1',
      });
    }
    const empirical = gram(this.residuals);
    for (let at = 0; at < empirical.values.length; at++) empirical.values[at] = empirical.values[at]! / rows;
    const tau = Float64Array.from({ length: columns }, (_, v) =>
      Math.sqrt(empirical.values[v * columns + v]!),
    );
    const silent = tau.findIndex((sd) => !(sd > 0));
    if (silent >= 0) {
      throw new ProcessingError('INVALID_ARGUMENT', `voxel ${silent} has no residuals`, {
        where: 'data',
        cure: 'leave out voxels that do not vary',
      });
    }
    // In units of the residuals, so that a fit does not depend on those of the data.
    const unit = Math.sqrt(tau.reduce((sum, sd) => sum + sd * sd, 0) / columns);
    const scaled = (by: Matrix, factor: number): Matrix =>
      matrix(
        by.rows,
        by.columns,
        by.values.map((value) => value * factor),
      );
    return {
      residuals: matrix(
        rows,
        columns,
        values.map((value) => value / unit),
      ),
      empirical: scaled(empirical, 1 / (unit * unit)),
      tau: tau.map((sd) => sd / unit),
      unit,
      similarity: this.#similarity(options.stimuli),
      distances: this.#distances(options.distances),
      isT: options.noise === 't',
      shrinkage,
    };
  }

  #similarity(stimuli: ParadigmInput | undefined): Matrix | null {
    if (stimuli !== undefined) return tuningSimilarity(this.model.basis(stimuli, this.#parameters));
    return this.#weights === null ? null : tuningSimilarity(this.#weights);
  }

  #distances(given: MatrixInput | undefined): Matrix | null {
    if (given === undefined) return null;
    const distances = toMatrix(given, 'distances');
    const voxels = this.residuals.columns;
    if (distances.rows !== voxels || distances.columns !== voxels) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `distances is ${distances.rows} x ${distances.columns}, there are ${voxels} voxels`,
        { where: 'distances', cure: 'give voxels x voxels' },
      );
    }
    const { values } = distances;
    for (let i = 0; i < voxels; i++) {
      for (let j = 0; j < voxels; j++) {
        const [one, other] = [values[i * voxels + j]!, values[j * voxels + i]!];
        if (one >= 0 && one < Infinity && Math.abs(one - other) <= 1e-6 * (one + other)) continue;
        throw new ProcessingError(
          'INVALID_ARGUMENT',
          `the distance from voxel ${i} to ${j} is ${one}, that from ${j} to ${i} is ${other}`,
          { where: 'distances', cure: 'give finite distances from 0, the same in both directions' },
        );
      }
    }
    return distances;
  }
}

function checkNumbers(options: ResidualFitOptions): void {
  const isCount = (least: number) => (value: number) => Number.isInteger(value) && value >= least;
  const rules = [
    ['maxNIterations', isCount(1), 'a whole number from 1'],
    ['minNIterations', isCount(0), 'a whole number from 0'],
    ['lag', isCount(1), 'a whole number from 1'],
    ['rtol', (value: number) => value >= 0 && value < Infinity, 'a finite number from 0'],
    ['learningRate', (value: number) => value > 0 && value < Infinity, 'a finite number above 0'],
  ] as const;
  for (const [name, isRight, wanted] of rules) {
    const value = options[name];
    if (value === undefined || isRight(value)) continue;
    throw new ProcessingError('INVALID_ARGUMENT', `${name} is ${value}`, {
      where: name,
      cure: `give ${wanted}`,
    });
  }
}

interface Problem {
  /** In units of their root mean square. */
  readonly residuals: Matrix;
  readonly empirical: Matrix;
  readonly tau: Float64Array;
  readonly unit: number;
  readonly similarity: Matrix | null;
  readonly distances: Matrix | null;
  readonly isT: boolean;
  readonly shrinkage: number;
}

/** One number of a fit. */
interface Coordinate {
  readonly transform: Transform;
  readonly start: number;
}

/** Order: rho, tau of every voxel, then sigma2, alpha, beta and dof where they take part. */
class Layout {
  readonly coordinates: Coordinate[];
  readonly sigma2: number;
  readonly alpha: number;
  readonly dof: number;

  constructor({ tau, similarity, distances, isT }: Problem) {
    const share = sigmoid(0, 1);
    this.coordinates = [{ transform: share, start: 0.1 }];
    for (const start of tau) this.coordinates.push({ transform: softplus, start });
    const add = (isThere: boolean, ...coordinates: Coordinate[]): number =>
      isThere ? this.coordinates.push(...coordinates) - coordinates.length : -1;
    this.sigma2 = add(similarity !== null, { transform: softplus, start: 1e-3 });
    const far =
      distances === null ? 1 : distances.values.reduce((a, b) => a + b, 0) / distances.values.length;
    this.alpha = add(
      distances !== null,
      { transform: share, start: 0.5 },
      { transform: softplus, start: far > 0 ? 1 / far : 1 },
    );
    this.dof = add(isT, { transform: softplus, start: 1 });
  }
}

/** Omega and what it is made of, in units of the residuals. */
function omegaOf(
  problem: Problem,
  layout: Layout,
  p: Float64Array,
): { readonly omega: Matrix; readonly parts: OmegaParameters } {
  const { similarity, distances, shrinkage, empirical, tau } = problem;
  const parts: OmegaParameters = {
    rho: p[0]!,
    tau: p.slice(1, 1 + tau.length),
    sigma2: layout.sigma2 < 0 ? 0 : p[layout.sigma2]!,
    ...(similarity !== null && { similarity }),
    ...(distances !== null && {
      distance: { alpha: p[layout.alpha]!, beta: p[layout.alpha + 1]!, distances },
    }),
  };
  const omega = residualCovariance(parts);
  if (shrinkage > 0) {
    for (let at = 0; at < omega.values.length; at++) {
      const isDiagonal = at % (omega.columns + 1) === 0;
      omega.values[at] =
        (1 - shrinkage) * omega.values[at]! + shrinkage * empirical.values[at]! + (isDiagonal ? RIDGE : 0);
    }
  }
  return { omega, parts };
}

/** Negative log-likelihood, and its derivatives by the parameters into `slopes`; Infinity where omega is none. */
function costOf(problem: Problem, layout: Layout, p: Float64Array, slopes: Float64Array): number {
  const { residuals, isT, shrinkage } = problem;
  const { rows, columns: n } = residuals;
  const { omega, parts } = omegaOf(problem, layout, p);
  const lower = cholesky(omega);
  if (lower === null) return Infinity;
  const inverse = solveCholesky(lower, identityMatrix(n));
  const white = solveCholesky(lower, transpose(residuals));
  const dof = isT ? p[layout.dof]! : 0;
  const logDet = logDeterminant(lower);
  const weights = new Float64Array(rows);
  let cost = rows * normalisation(n, logDet, isT ? dof : null);
  let byDof = isT ? rows * (n / (2 * dof) - 0.5 * (digamma((dof + n) / 2) - digamma(dof / 2))) : 0;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let v = 0; v < n; v++) square += residuals.values[row * n + v]! * white.values[v * rows + row]!;
    weights[row] = isT ? (dof + n) / (dof + square) : 1;
    if (!isT) cost += 0.5 * square;
    else {
      const stretched = 0.5 * Math.log1p(square / dof);
      cost += (dof + n) * stretched;
      byDof += stretched - (0.5 * (dof + n) * square) / (dof * (dof + square));
    }
  }
  // d cost / d omega, half of (rows omega^-1 - omega^-1 R' weights R omega^-1).
  const by = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let explained = 0;
      const [a, b] = [i * rows, j * rows];
      for (let row = 0; row < rows; row++)
        explained += weights[row]! * white.values[a + row]! * white.values[b + row]!;
      const slope = 0.5 * (1 - shrinkage) * (rows * inverse.values[i * n + j]! - explained);
      by.values[i * n + j] = slope;
      by.values[j * n + i] = slope;
    }
  }
  chain(problem, layout, parts, by, slopes);
  if (isT) slopes[layout.dof] = byDof;
  return cost;
}

/** What is the same in the negative log-density of every row, normal or of a t. */
function normalisation(voxels: number, logDet: number, dof: number | null): number {
  if (dof === null) return 0.5 * (logDet + voxels * Math.log(2 * Math.PI));
  return 0.5 * (voxels * Math.log(dof * Math.PI) + logDet) - logGamma((dof + voxels) / 2) + logGamma(dof / 2);
}

/** From slopes by the elements of omega to slopes by its parameters. */
function chain(
  problem: Problem,
  layout: Layout,
  parts: OmegaParameters,
  by: Matrix,
  slopes: Float64Array,
): void {
  const { rho, tau, distance } = parts;
  const n = tau.length;
  slopes.fill(0);
  for (let i = 0; i < n; i++) {
    let along = 0;
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      const g = by.values[at]!;
      const both = tau[i]! * tau[j]!;
      const far = distance?.distances.values[at] ?? 0;
      const near = distance === undefined ? 1 : Math.exp(-distance.beta * far);
      const decay = distance === undefined ? 1 : distance.alpha * near + 1 - distance.alpha;
      slopes[0] = slopes[0]! + g * (decay * both - (i === j ? both : 0));
      along += 2 * rho * g * decay * tau[j]! + (i === j ? 2 * (1 - rho) * g * tau[i]! : 0);
      if (layout.sigma2 >= 0)
        slopes[layout.sigma2] = slopes[layout.sigma2]! + g * problem.similarity!.values[at]!;
      if (distance === undefined) continue;
      slopes[layout.alpha] = slopes[layout.alpha]! + g * rho * both * (near - 1);
      slopes[layout.alpha + 1] = slopes[layout.alpha + 1]! - g * rho * both * distance.alpha * far * near;
    }
    slopes[1 + i] = along;
  }
}

function descend(problem: Problem, options: ResidualFitOptions): ResidualFit {
  const {
    maxNIterations = STEPS,
    minNIterations = 100,
    lag = 100,
    rtol = 1e-6,
    learningRate = RATE,
  } = options;
  const layout = new Layout(problem);
  const { coordinates } = layout;
  const q = Float64Array.from(coordinates, ({ transform, start }) => transform.inverse(start));
  const p = new Float64Array(q.length);
  const slopes = new Float64Array(q.length);
  const [first, second] = [new Float64Array(q.length), new Float64Array(q.length)];
  const costs: number[] = [];
  let best = { cost: Infinity, p: p.slice(), q: q.slice() };
  let lastLost = -Infinity;
  let isConverged = false;
  while (costs.length < maxNIterations && !isConverged) {
    coordinates.forEach(({ transform }, k) => (p[k] = transform.forward(q[k]!)));
    const cost = costOf(problem, layout, p, slopes);
    if (cost < best.cost) best = { cost, p: p.slice(), q: q.slice() };
    costs.push(best.cost);
    const step = costs.length;
    if (!Number.isFinite(cost)) {
      if (best.cost === Infinity) throw noOmega(problem);
      // Beyond the edge of what is a covariance: back to the best point, without the speed that led out.
      lastLost = step;
      q.set(best.q);
      first.fill(0);
      options.onProgress?.(step, maxNIterations);
      continue;
    }
    const rate = (learningRate * Math.sqrt(1 - BETA2 ** step)) / (1 - BETA1 ** step);
    coordinates.forEach(({ transform }, k) => {
      const slope = slopes[k]! * transform.slope(q[k]!);
      first[k] = BETA1 * first[k]! + (1 - BETA1) * slope;
      second[k] = BETA2 * second[k]! + (1 - BETA2) * slope * slope;
      q[k] = q[k]! - (rate * first[k]!) / (Math.sqrt(second[k]!) + EPSILON);
    });
    options.onProgress?.(step, maxNIterations);
    const before = costs[step - 1 - lag];
    isConverged =
      step >= minNIterations &&
      step - lastLost > lag &&
      before !== undefined &&
      before - best.cost < rtol * Math.abs(before);
  }
  return resultOf(problem, layout, best.p, costs.length, isConverged);
}

function noOmega({ similarity, distances }: Problem): ProcessingError {
  const made = ['the residuals'];
  if (similarity !== null) made.push('the tuning similarity');
  if (distances !== null) made.push('the distances');
  const last = made.pop()!;
  const parts = made.length === 0 ? last : `${made.join(', ')} and ${last}`;
  return new ProcessingError(
    'INVALID_ARGUMENT',
    `the covariance of ${parts} that the fit starts from is not positive definite`,
    {
      where: distances === null ? 'data' : 'distances',
      cure: 'leave out voxels that repeat others; distances must be those of points',
    },
  );
}

function resultOf(
  problem: Problem,
  layout: Layout,
  p: Float64Array,
  iterations: number,
  isConverged: boolean,
): ResidualFit {
  const { unit, isT, residuals } = problem;
  const { omega, parts } = omegaOf(problem, layout, p);
  const dof = isT ? p[layout.dof]! : null;
  const logLikelihood = sum(residualLogLikelihood(residuals, omega, dof ?? undefined));
  const { rows, columns } = residuals;
  return {
    omega: matrix(
      columns,
      columns,
      omega.values.map((value) => value * unit * unit),
    ),
    dof,
    rho: parts.rho,
    tau: parts.tau.map((value) => value * unit),
    sigma2: layout.sigma2 < 0 ? null : parts.sigma2 * unit * unit,
    alpha: parts.distance?.alpha ?? null,
    beta: parts.distance?.beta ?? null,
    logLikelihood: logLikelihood - rows * columns * Math.log(unit),
    iterations,
    isConverged,
  };
}

/** The empirical covariance, and of the t the degrees of freedom by golden section on their logarithm. */
function fitDofOnly(problem: Problem, options: ResidualFitOptions): ResidualFit {
  const { empirical, residuals, tau, unit, isT } = problem;
  const { rows, columns } = residuals;
  const omega = matrix(columns, columns, empirical.values.slice());
  for (let v = 0; v < columns; v++)
    omega.values[v * (columns + 1)] = omega.values[v * (columns + 1)]! + RIDGE_OF_EMPIRICAL;
  const cost = (logDof: number): number => -sum(residualLogLikelihood(residuals, omega, Math.exp(logDof)));
  const most = options.maxNIterations ?? 100;
  let [low, high] = DOF_RANGE.map(Math.log) as [number, number];
  let iterations = 0;
  const golden = (Math.sqrt(5) - 1) / 2;
  while (isT && high - low > 1e-8 && iterations < most) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)];
    if (cost(a) < cost(b)) high = b;
    else low = a;
    iterations += 1;
  }
  const dof = isT ? Math.exp((low + high) / 2) : null;
  const logLikelihood = sum(residualLogLikelihood(residuals, omega, dof ?? undefined));
  return {
    omega: matrix(
      columns,
      columns,
      omega.values.map((value) => value * unit * unit),
    ),
    ...{
      dof,
      rho: 0,
      tau: tau.map((value) => value * unit),
      sigma2: null,
      alpha: null,
      beta: null,
      iterations,
    },
    logLikelihood: logLikelihood - rows * columns * Math.log(unit),
    isConverged: !isT || high - low <= 1e-8,
  };
}

function identityMatrix(n: number): Matrix {
  const result = matrix(n, n);
  for (let i = 0; i < n; i++) result.values[i * (n + 1)] = 1;
  return result;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
