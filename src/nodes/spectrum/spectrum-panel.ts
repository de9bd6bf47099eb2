import type { Triple } from '../../numerics/fooof/fit-result.js';
import {
  DRAWN_SD,
  frequencyAxis,
  gaussianAt,
  legendColor,
  nearestBin,
  OUTCOME_SHAPE,
  powerAxis,
  short,
  withRows,
  type FrequencyScale,
} from './spectrum-parts.js';

/** A candidate peak that was not fitted, and why. */
export interface RejectedPoint {
  readonly frequency: number;
  readonly outcome: string;
}

/** What a candidate peak must exceed, log10 power above the aperiodic part; null: mode bic has no candidates. */
export interface CandidateThresholds {
  /** Of the candidates of a fit, fitted or not: [centre, height, SD] as the search guessed them. */
  readonly candidates: readonly Triple[];
  readonly peakThreshold: number;
  readonly minPeakHeight: number;
}

/** One fitted spectrum and what its panel shows. */
export interface FittedSpectrum {
  /** Channel, and trial where trials are kept. */
  readonly title: string;
  /** (m), Hz. */
  readonly frequencies: ArrayLike<number>;
  /** (m) each, log10 power: data and aperiodic part. */
  readonly power: ArrayLike<number>;
  readonly aperiodic: ArrayLike<number>;
  /** [mean, height, SD] of each Gaussian, ascending. */
  readonly gaussians: readonly Triple[];
  /** [centre frequency, power, bandwidth] of each. */
  readonly peaks: readonly Triple[];
  readonly rejected: readonly RejectedPoint[];
  readonly thresholds: CandidateThresholds | null;
  readonly error: number;
  readonly rSquared: number;
  /** [offset, exponent], with a knee [offset, knee, exponent]. */
  readonly parameters: readonly number[];
}

/** Most peaks that are named above a panel. */
const NAMED_PEAKS = 3;

/** Names in the legend and their colours. */
const COLORS = { power: '#000000', model: '#d62728', 'aperiodic part': '#1f77b4', peaks: '#ff9f1c' };

/** Data, model and components of one spectrum. */
export function spectrumPanel(spectrum: FittedSpectrum, scale: FrequencyScale) {
  const { title, frequencies, power, aperiodic, gaussians, rejected } = spectrum;
  const bins = Array.from(frequencies, (frequency, i) => {
    const peaks = gaussians.reduce((sum, peak) => sum + gaussianAt(peak, frequency), 0);
    const level = aperiodic[i]!;
    return { frequency, power: short(power[i]!), aperiodic: short(level), model: short(level + peaks) };
  });
  const shapes = gaussians.flatMap((gaussian, peak) =>
    Array.from(frequencies).flatMap((frequency, i) => {
      if (Math.abs(frequency - gaussian[0]) > DRAWN_SD * gaussian[2]) return [];
      const level = aperiodic[i]!;
      return { peak, frequency, low: short(level), high: short(level + gaussianAt(gaussian, frequency)) };
    }),
  );
  const candidates = rejected.map((point) => ({
    ...point,
    power: short(powerAt(spectrum, point.frequency)),
  }));
  const line = (field: string, name: keyof typeof COLORS, mark: object) => ({
    mark: { type: 'line' as const, ...mark },
    encoding: { y: powerAxis(field), color: legendColor(COLORS, name) },
  });
  return {
    title: {
      text: title,
      fontSize: 11,
      subtitle: [...quality(spectrum), ...peakNames(spectrum)],
      subtitleFontSize: 10,
    },
    width: 190,
    height: 130,
    data: { values: bins },
    encoding: { x: frequencyAxis(scale) },
    layer: [
      ...withRows(shapes, {
        mark: { type: 'area' as const, opacity: 0.5 },
        encoding: {
          y: powerAxis('low'),
          y2: { field: 'high' },
          detail: { field: 'peak', type: 'nominal' as const },
          color: legendColor(COLORS, 'peaks'),
        },
      }),
      line('aperiodic', 'aperiodic part', { strokeDash: [5, 3], strokeWidth: 1.5 }),
      line('power', 'power', { strokeWidth: 1 }),
      line('model', 'model', { opacity: 0.7, strokeWidth: 2 }),
      ...withRows(candidates, {
        mark: { type: 'point' as const, filled: false, size: 30, color: '#6a3d9a', strokeWidth: 1 },
        encoding: { y: powerAxis('power'), shape: OUTCOME_SHAPE },
      }),
    ],
  };
}

/** Of the data, at the bin of a candidate. */
function powerAt({ frequencies, power }: FittedSpectrum, frequency: number): number {
  return power[nearestBin(frequencies, frequency)]!;
}

function quality({ parameters, rSquared, error }: FittedSpectrum): [string, string] {
  const [offset, exponent] = [parameters[0]!, parameters.at(-1)!];
  const knee = parameters.length === 3 ? `, knee ${parameters[1]!.toPrecision(3)}` : '';
  return [
    `offset ${offset.toFixed(2)}, exponent ${exponent.toFixed(2)}${knee}`,
    `R2 ${rSquared.toFixed(3)}, error ${error.toFixed(3)}`,
  ];
}

/** How many peaks, and a line for each of the highest; always as many lines. */
function peakNames({ peaks }: FittedSpectrum): string[] {
  const highest = peaks.toSorted((a, b) => b[1] - a[1]).slice(0, NAMED_PEAKS);
  const count = peaks.length === 0 ? 'no peaks' : peaks.length === 1 ? '1 peak' : `${peaks.length} peaks`;
  const lines = highest.map(
    ([center, power, width]) =>
      `${center.toFixed(1)} Hz, power ${power.toFixed(2)}, width ${width.toFixed(1)} Hz`,
  );
  const head = peaks.length > highest.length ? `${count}, the highest:` : count;
  return [head, ...Array.from({ length: NAMED_PEAKS }, (_, i) => lines[i] ?? ' ')];
}
