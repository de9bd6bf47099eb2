/** Responses to point stimuli: one or two values per time point, and an optional last column `amplitude`. */
import { ProcessingError } from '../../errors.js';
import { besselI0Scaled } from '../special/gamma.js';
import type { Paradigm } from './paradigm.js';
import {
  linspace,
  logspace,
  numericalSlopes,
  rowsOf,
  type BoundResponse,
  type PointResponse,
  type ResponseDefinition,
  type ShapeParameter,
} from './response.js';
import { identity, sigmoid, softplus, softplus100, tanh } from './transforms.js';

type Range = { readonly low: number; readonly high: number };

interface PointModel {
  readonly model: string;
  readonly shape: readonly ShapeParameter[];
  /** Number of stimulus values per time point. */
  readonly dimensions: 1 | 2;
  readonly respond: PointResponse;
  /** Per shape parameter: range and start values, from the range of each stimulus dimension. */
  readonly search: (ranges: readonly Range[]) => readonly Search[];
  readonly isPositive?: boolean;
  /** Stimuli are angles, radians. */
  readonly isCircular?: boolean;
}

interface Search {
  readonly bounds: readonly [number, number];
  readonly grid: readonly number[];
}

/** Normal tuning curve with peak 1. */
export function gaussian1d(): ResponseDefinition {
  return pointModel({
    model: 'gaussian1d',
    shape: [linear('mu', identity), log('sd', softplus100)],
    dimensions: 1,
    respond: (s, p) => Math.exp(-((s[0]! - p[0]!) ** 2) / (2 * p[1]! ** 2)),
    search: ([range]) => [place(range!), width(range!)],
  });
}

/** Density of the von Mises distribution; stimulus and mu in radians. */
export function vonMises(): ResponseDefinition {
  return pointModel({
    model: 'von_mises',
    isCircular: true,
    shape: [linear('mu', identity), log('kappa', softplus100)],
    dimensions: 1,
    respond: (s, p) =>
      Math.exp(p[1]! * (Math.cos(s[0]! - p[0]!) - 1)) / (2 * Math.PI * besselI0Scaled(p[1]!)),
    search: () => [
      { bounds: [-2 * Math.PI, 2 * Math.PI], grid: linspace(-Math.PI, Math.PI, 25).slice(1) },
      { bounds: [0.01, 500], grid: logspace(0.1, 50, 10) },
    ],
  });
}

/** Log-normal tuning with mean mu and standard deviation sd of the stimulus; positive stimuli. */
export function logGaussian(): ResponseDefinition {
  return pointModel({
    model: 'log_gaussian',
    shape: [log('mu', softplus), log('sd', softplus)],
    dimensions: 1,
    isPositive: true,
    respond: (s, p) => {
      const v = Math.log1p((p[1]! / p[0]!) ** 2);
      return Math.exp(-((Math.log(s[0]!) - Math.log(p[0]!) + v / 2) ** 2) / (2 * v));
    },
    search: ([range]) => [positivePlace(range!), width(range!)],
  });
}

/** Log-normal density scaled to peak 1 at `mode`, with full width at half maximum `fwhm`; positive stimuli. */
export function logGaussianMode(): ResponseDefinition {
  return pointModel({
    model: 'log_gaussian_mode',
    shape: [log('mode', softplus), log('fwhm', softplus)],
    dimensions: 1,
    isPositive: true,
    respond: (s, p) => {
      const v = Math.asinh(p[1]! / (2 * p[0]!)) ** 2 / (2 * Math.LN2);
      const distance = Math.log(s[0]! / p[0]!) - v;
      return (p[0]! / s[0]!) * Math.exp(v / 2 - distance ** 2 / (2 * v));
    },
    search: ([range]) => [positivePlace(range!), width(range!)],
  });
}

/** Normal tuning on a Box-Cox scale; alpha 0 is the logarithm. Positive stimuli. */
export function alphaGaussian(): ResponseDefinition {
  const boxCox = (s: number, alpha: number): number =>
    Math.abs(alpha) < 1e-6 ? Math.log(s) : Math.expm1(alpha * Math.log(s)) / alpha;
  return pointModel({
    model: 'alpha_gaussian',
    shape: [log('mu', softplus), log('sd', softplus), linear('alpha', identity)],
    dimensions: 1,
    isPositive: true,
    respond: (s, p) => Math.exp(-((boxCox(s[0]!, p[2]!) - boxCox(p[0]!, p[2]!)) ** 2) / (2 * p[1]! ** 2)),
    search: ([range]) => [
      positivePlace(range!),
      { bounds: [1e-3, 10 * range!.high], grid: logspace(0.05, Math.max(range!.high / 2, 1), 8) },
      { bounds: [-3, 3], grid: [-1, 0, 1] },
    ],
  });
}

/** Bivariate normal tuning with peak 1; `rho` only when `correlated`. */
export function pointGaussian2d(options: { readonly correlated?: boolean } = {}): ResponseDefinition {
  const correlated = options.correlated === true;
  const rho = linear('rho', tanh);
  const shape = [
    linear('mu_x', identity),
    linear('mu_y', identity),
    log('sd_x', softplus),
    log('sd_y', softplus),
  ];
  return pointModel({
    model: correlated ? 'point_gaussian2d_rho' : 'point_gaussian2d',
    shape: correlated ? [...shape, rho] : shape,
    dimensions: 2,
    respond: (s, p) => {
      const u = (s[0]! - p[0]!) / p[2]!;
      const v = (s[1]! - p[1]!) / p[3]!;
      const r = correlated ? p[4]! : 0;
      return Math.exp(-(u * u + v * v - 2 * r * u * v) / (2 * (1 - r * r)));
    },
    search: ([x, y]) => [
      ...[place(x!, 9), place(y!, 9), width(x!, 4), width(y!, 4)],
      ...(correlated ? [{ bounds: [-0.99, 0.99], grid: [-0.5, 0, 0.5] } as const] : []),
    ],
  });
}

/** Weighted sum of two normal tuning curves, one per dimension. */
export function gaussianMixture2d(): ResponseDefinition {
  const curve = (s: number, mu: number, sd: number): number => Math.exp(-((s - mu) ** 2) / (2 * sd ** 2));
  return pointModel({
    model: 'gaussian_mixture2d',
    shape: [
      ...[linear('mu_x', identity), linear('mu_y', identity), log('sd_x', softplus), log('sd_y', softplus)],
      linear('weight', sigmoid(0, 1)),
    ],
    dimensions: 2,
    respond: (s, p) => p[4]! * curve(s[0]!, p[0]!, p[2]!) + (1 - p[4]!) * curve(s[1]!, p[1]!, p[3]!),
    search: ([x, y]) => [
      ...[place(x!, 7), place(y!, 7), width(x!, 3), width(y!, 3)],
      { bounds: [0, 1], grid: [0.2, 0.5, 0.8] },
    ],
  });
}

function linear(name: string, transform: ShapeParameter['transform']): ShapeParameter {
  return { name, transform, isLogarithmic: false };
}

function log(name: string, transform: ShapeParameter['transform']): ShapeParameter {
  return { name, transform, isLogarithmic: true };
}

function place({ low, high }: Range, n = 25): Search {
  const half = (high - low) / 2 || 1;
  const middle = (low + high) / 2;
  return {
    bounds: [middle - 1.5 * half, middle + 1.5 * half],
    grid: linspace(middle - half, middle + half, n),
  };
}

function positivePlace({ low, high }: Range): Search {
  return { bounds: [low / 10, high * 3], grid: logspace(low, Math.max(high, low * 1.01), 25) };
}

function width({ low, high }: Range, n = 10): Search {
  const extent = high - low || 1;
  return { bounds: [extent / 1000, extent * 10], grid: logspace(extent / 50, extent, n) };
}

function pointModel(model: PointModel): ResponseDefinition {
  const names = model.shape.map(({ name }) => name);
  return {
    model: model.model,
    shape: model.shape,
    stimulus: {
      kind: 'points',
      dimensions: model.dimensions,
      isPositive: model.isPositive === true,
      isCircular: model.isCircular === true,
    },
    labels: [...names, 'amplitude', 'baseline'],
    bind: (paradigm) => bindPoints(model, paradigm),
  };
}

function bindPoints(model: PointModel, paradigm: Paradigm): BoundResponse {
  const { columns, rows } = paradigm.values;
  const { dimensions, respond } = model;
  if (columns !== dimensions && columns !== dimensions + 1) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${model.model} needs ${dimensions} stimulus column(s), and may have one for amplitude; the paradigm is ${rows} x ${columns}`,
      {
        where: 'paradigm',
        cure: `give a paradigm of ${rows} x ${dimensions}`,
      },
    );
  }
  const stimuli = rowsOf(paradigm.values);
  const wrong = model.isPositive === true ? stimuli.findIndex((s) => !(s[0]! > 0)) : -1;
  if (wrong >= 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${model.model} needs positive stimuli; time point ${wrong} has ${stimuli[wrong]![0]!}`,
      {
        where: 'paradigm',
        cure: 'shift or scale the stimulus, or choose gaussian1d',
      },
    );
  }
  const fill = (shape: Float64Array, out: Float64Array): void => {
    for (let t = 0; t < rows; t++) {
      const stimulus = stimuli[t]!;
      const strength = columns > dimensions ? stimulus[dimensions]! : 1;
      out[t] = strength * respond(stimulus, shape);
    }
  };
  const search = model.search(Array.from({ length: dimensions }, (_, d) => rangeOf(stimuli, d)));
  return {
    frames: rows,
    bounds: search.map(({ bounds }) => bounds),
    grid: search.map(({ grid }) => grid),
    evaluate(shape, out, slopes) {
      fill(shape, out);
      if (slopes !== null) numericalSlopes(fill, shape, slopes);
    },
  };
}

function rangeOf(stimuli: readonly Float64Array[], dimension: number): Range {
  let low = Infinity;
  let high = -Infinity;
  for (const stimulus of stimuli) {
    low = Math.min(low, stimulus[dimension]!);
    high = Math.max(high, stimulus[dimension]!);
  }
  return { low, high };
}
