import { aperiodicInto } from './aperiodic.js';
import type { JudgedCandidate } from './candidates.js';
import type { FooofFit, Triple } from './fit-result.js';
import { fitError, rSquared } from './metrics.js';
import type { FittedGrid } from './prepare.js';
import type { ErrorMetric } from './settings.js';

interface FittedParts {
  readonly aperiodic: readonly number[];
  /** Gaussians, ascending. */
  readonly peaks: readonly Triple[];
  /** (m), sum of the Gaussians; made from them when absent; becomes the model. */
  readonly sum?: Float64Array;
  readonly candidates?: readonly JudgedCandidate[];
  readonly grid: FittedGrid;
  readonly metric: ErrorMetric;
}

/** Model, peak parameters and how good the fit is, from its parameters. */
export function finishFit(
  values: Float64Array,
  { aperiodic, peaks, sum, candidates = [], grid, metric }: FittedParts,
): FooofFit {
  const level = new Float64Array(values.length);
  aperiodicInto(aperiodic, grid, level);
  const model = sum ?? sumOfGaussians(peaks, grid);
  for (let i = 0; i < model.length; i++) model[i]! += level[i]!;
  return {
    status: 'ok',
    aperiodic_params: aperiodic,
    gaussian_params: peaks,
    peak_params: peaks.map((peak): Triple => {
      const bin = nearestBin(grid, peak[0]);
      return [peak[0], model[bin]! - level[bin]!, 2 * peak[2]];
    }),
    r_squared: rSquared(values, model),
    error: fitError(values, model, metric),
    n_peaks: peaks.length,
    candidates,
    frequencies: grid.frequencies,
    model,
    aperiodic: level,
  };
}

function sumOfGaussians(peaks: readonly Triple[], { frequencies }: FittedGrid): Float64Array {
  return frequencies.map((f) =>
    peaks.reduce(
      (sum, [center, height, sd]) => sum + height * Math.exp(-((f - center) ** 2) / (2 * sd * sd)),
      0,
    ),
  );
}

/** The bin closest to a frequency, the lower one on ties. */
function nearestBin({ frequencies, resolution, isUniform }: FittedGrid, frequency: number): number {
  const place = Math.round((frequency - frequencies[0]!) / resolution);
  const last = frequencies.length - 1;
  // With equal steps it is that bin or a neighbour.
  let nearest = isUniform ? Math.min(Math.max(place - 1, 0), last) : 0;
  const end = isUniform ? Math.min(place + 1, last) : last;
  for (let i = nearest + 1; i <= end; i++) {
    if (Math.abs(frequencies[i]! - frequency) < Math.abs(frequencies[nearest]! - frequency)) nearest = i;
  }
  return nearest;
}
