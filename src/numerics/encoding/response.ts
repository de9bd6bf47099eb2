import type { ImageRuns } from './image-runs.js';
import type { Matrix } from '../linalg/matrix.js';
import type { Paradigm } from './paradigm.js';
import type { Transform } from './transforms.js';

/** A parameter that shapes a response, as a fit sees it. */
export interface ShapeParameter {
  readonly name: string;
  readonly transform: Transform;
  /** A fit moves its logarithm; for sizes. */
  readonly isLogarithmic: boolean;
}

/** What a response looks at, for who looks for the stimulus. */
export type StimulusDomain =
  | {
      readonly kind: 'points';
      readonly dimensions: number;
      readonly isPositive: boolean;
      readonly isCircular: boolean;
    }
  /** Linear: the response to a sum of images is the sum of the responses. */
  | { readonly kind: 'images'; readonly isLinear: boolean }
  /** Columns that weights are given to. */
  | { readonly kind: 'features' };

/** A response to a stimulus, before the HRF, with amplitude 1 and baseline 0. Its names and their order are normative. */
export interface ResponseDefinition {
  /** Name of the model, as in configurations: `gaussian2d`. */
  readonly model: string;
  readonly shape: readonly ShapeParameter[];
  readonly stimulus: StimulusDomain;
  /**
   * All parameters in the order of the model. `amplitude` and `baseline` are not shape parameters; a model without
   * them gives its response as it is.
   */
  readonly labels: readonly string[];
  /** Offset of the response that the HRF must not see, for example B / D of divisive normalisation. */
  readonly resting?: (shape: Float64Array) => number;
  /** @throws ProcessingError SHAPE_MISMATCH when the paradigm does not suit the model */
  bind(paradigm: Paradigm): BoundResponse;
}

/** A response to one paradigm. */
export interface BoundResponse {
  readonly frames: number;
  /** Ranges a fit searches when the caller gives none, in the order of the shape parameters. */
  readonly bounds: readonly (readonly [number, number])[];
  /** Values to start from, in the order of the shape parameters. */
  readonly grid: readonly (readonly number[])[];
  /**
   * @param shape - shape parameters
   * @param out - shape (T)
   * @param slopes - null, or shape (S, T): derivatives with respect to each shape parameter
   */
  evaluate(shape: Float64Array, out: Float64Array, slopes: Float64Array | null): void;
  /** Of a response that is one round Gaussian (x, y, sd) over images on a grid: what a kernel needs to compute it. */
  readonly gaussianField?: GaussianField;
}

export interface GaussianField {
  readonly stimulus: ImageRuns;
  /** The response is this times the sum under exp(-r^2 / (2 sd^2)). */
  readonly height: (sd: number) => number;
  /** The height falls with this power of the size. */
  readonly power: number;
}

/** What a point model computes for one stimulus: its value. */
export type PointResponse = (stimulus: Float64Array, shape: Float64Array) => number;

/**
 * Slopes by central differences, for models without closed ones.
 *
 * @param respond - fills the response for given shape parameters
 */
export function numericalSlopes(
  respond: (shape: Float64Array, out: Float64Array) => void,
  shape: Float64Array,
  slopes: Float64Array,
): void {
  const frames = slopes.length / shape.length;
  const high = new Float64Array(frames);
  const low = new Float64Array(frames);
  const moved = shape.slice();
  for (let i = 0; i < shape.length; i++) {
    const step = 6e-6 * Math.max(Math.abs(shape[i]!), 1e-3);
    moved[i] = shape[i]! + step;
    respond(moved, high);
    moved[i] = shape[i]! - step;
    respond(moved, low);
    moved[i] = shape[i]!;
    for (let t = 0; t < frames; t++) slopes[i * frames + t] = (high[t]! - low[t]!) / (2 * step);
  }
}

/** Every row of a matrix as a view. */
export function rowsOf({ rows, columns, values }: Matrix): Float64Array[] {
  return Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}

/** n values from low to high, evenly spaced. */
export function linspace(low: number, high: number, n: number): number[] {
  return Array.from({ length: n }, (_, i) =>
    n === 1 ? (low + high) / 2 : low + ((high - low) * i) / (n - 1),
  );
}

/** n values from low to high, evenly spaced in their logarithm. */
export function logspace(low: number, high: number, n: number): number[] {
  return linspace(Math.log(low), Math.log(high), n).map(Math.exp);
}
