/** Times, energies and scales that are fixed once for all surfaces of a study. */
import { ProcessingError } from '../../errors.js';
import { heatTimes, logSpaced, waveEnergies, waveletScales, type WaveEnergies } from './signatures.js';
import type { DescriptorSettings } from './settings.js';

/** The range of a spectrum that all scales follow from. */
export interface SpectrumRange {
  /** First eigenvalue above 0, and the last: times area, or in unit^-2 with normalisation `none`. */
  readonly first_eigenvalue: number;
  readonly last_eigenvalue: number;
}

/** Steps per octave to which the ends of a range are rounded. */
const STEPS = 4;

/**
 * A range for all surfaces: medians of the first and of the last eigenvalue, rounded to a quarter of an octave. A single
 * outlier does not move it, nor does a small change of one surface: then nothing else of the study changes.
 *
 * @param ranges - a range per surface
 * @throws ProcessingError INVALID_ARGUMENT without surfaces, or where no eigenvalue is above 0
 */
export function commonRange(ranges: readonly SpectrumRange[]): SpectrumRange {
  const of = (key: keyof SpectrumRange): number => {
    const sorted = ranges.map((range) => range[key]).sort((a, b) => a - b);
    const middle = sorted[Math.floor((sorted.length - 1) / 2)];
    if (middle === undefined || !(middle > 0)) {
      throw new ProcessingError('INVALID_ARGUMENT', 'no spectrum has an eigenvalue above 0', {
        cure: 'compute more eigenpairs than a surface has parts',
      });
    }
    return 2 ** (Math.round(STEPS * Math.log2(middle)) / STEPS);
  };
  const [first, last] = [of('first_eigenvalue'), of('last_eigenvalue')];
  // Two eigenvalues that are nearly one would leave no range.
  return { first_eigenvalue: first, last_eigenvalue: Math.max(last, first * 2 ** (1 / STEPS)) };
}

/** All scales of a range. */
export interface DescriptorScales {
  /** Area, or unit^2. */
  readonly times: Float64Array;
  /** 256 log-spaced ones for the scale-invariant signature. */
  readonly denseTimes: Float64Array;
  readonly polynomialTimes: Float64Array;
  readonly diffusionTime: number;
  readonly energies: WaveEnergies;
  readonly waveletScales: Float64Array;
}

/**
 * Times, energies and scales of descriptors from a range of eigenvalues.
 *
 * @param range - first and last eigenvalue of the study, unit^-2
 */
export function scalesOf(range: SpectrumRange, settings: DescriptorSettings): DescriptorScales {
  const ends = [range.first_eigenvalue, range.last_eigenvalue];
  const times = heatTimes(ends, settings.hks_times);
  return {
    times,
    denseTimes: heatTimes(ends, 256),
    polynomialTimes: heatTimes(ends, settings.polynomial_times),
    diffusionTime: settings.diffusion_time ?? logSpaced(times[0]!, times.at(-1)!, 3)[1]!,
    energies: waveEnergies(ends, settings.wks_energies, {
      factor: settings.wks_factor,
      sigma: settings.wks_sigma,
    }),
    waveletScales: waveletScales(ends, settings.wavelet_scales),
  };
}
