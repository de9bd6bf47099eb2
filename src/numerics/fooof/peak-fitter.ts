import { addFooofPeaks, fitFooofPeaks, type FooofBase } from '../../native/index.js';
import {
  BoundedTrustRegion,
  type BoundedFit,
  type LeastSquaresProblem,
} from '../optimise/bounded-trust-region.js';
import { usesNative, type FitKernels } from './fit-kernels.js';
import { GaussianSum } from './gaussian-sum.js';
import { JointModel } from './joint-model.js';
import type { FittedGrid } from './prepare.js';
import type { AperiodicMode } from './settings.js';

export interface PeakFitOptions {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly tolerance: number;
  readonly maxEvaluations: number;
}

/** The fit of all peaks together, (c, h, s) each. */
export interface PeakFitter {
  /** @param x - start; receives the result */
  fit(x: Float64Array, options: PeakFitOptions): BoundedFit;
  /** Adds the peaks of the last fit, whose result was `x`, to `sum`, (m). */
  addTo(sum: Float64Array, x: Float64Array): void;
}

/**
 * Fits peaks to a flattened spectrum, (m), which is read at each fit.
 */
export function peakFitter(grid: FittedGrid, flat: Float64Array, kernels: FitKernels): PeakFitter {
  if (usesNative(kernels)) return nativeFitter(grid, flat, null);
  return typescriptFitter(new GaussianSum(grid, flat), flat.length, 0);
}

/**
 * Fits peaks and the aperiodic part to log10 power, (m), which is read at each fit. Parameters behind those of the peaks: offset,
 * exponent, knee; without a knee the last one stays as it is.
 */
export function jointFitter(
  grid: FittedGrid,
  values: Float64Array,
  mode: AperiodicMode,
  kernels: FitKernels,
): Pick<PeakFitter, 'fit'> {
  if (usesNative(kernels)) {
    const kind = mode === 'knee' ? 'bend' : 'line';
    return nativeFitter(grid, values, { kind, ln: grid.ln, log10: grid.log10 });
  }
  return typescriptFitter(new JointModel(grid, values, mode), values.length, 1);
}

function nativeFitter(grid: FittedGrid, target: Float64Array, base: FooofBase | null): PeakFitter {
  const axis = { frequencies: grid.frequencies, resolution: grid.isUniform ? grid.resolution : 0 };
  const result = new Float64Array(3);
  return {
    fit(x, { lower, upper, tolerance, maxEvaluations }) {
      fitFooofPeaks({ ...axis, target, base, x, lower, upper, tolerance, maxEvaluations, result });
      return { converged: result[0] === 1, cost: result[1]!, evaluations: result[2]! };
    },
    addTo: (sum, x) => addFooofPeaks({ ...axis, x, sum }),
  };
}

interface PeakProblem extends LeastSquaresProblem {
  reserve(peakCount: number): void;
  addTo(sum: Float64Array): void;
}

/** @param others - blocks of three parameters behind those of the peaks */
function typescriptFitter(problem: PeakProblem, residualCount: number, others: number): PeakFitter {
  let solver = new BoundedTrustRegion(24);
  return {
    fit(x, { lower, upper, tolerance, maxEvaluations }) {
      problem.reserve(x.length / 3 - others);
      if (x.length > solver.capacity) solver = new BoundedTrustRegion(2 * x.length);
      return solver.solve(problem, x, { lower, upper }, { tolerance, maxEvaluations, residualCount });
    },
    addTo: (sum) => problem.addTo(sum),
  };
}
