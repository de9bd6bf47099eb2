import type { ChartSpec } from '../../io/index.js';
import type { Triple } from '../../numerics/fooof/fit-result.js';
import {
  CHART_SCHEMA,
  failureList,
  parameterPanels,
  portion,
  thinned,
  type ChartRow,
} from './chart-parts.js';

/** A candidate peak that was not fitted, and why. */
export interface RejectedPoint {
  readonly frequency: number;
  readonly outcome: string;
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
  readonly rejected: readonly RejectedPoint[];
  readonly error: number;
  readonly rSquared: number;
  readonly exponent: number;
}

export interface RecordingCharts {
  readonly recording: string;
  /** A line of text: the settings of the fit. */
  readonly settings: string;
  readonly spectra: readonly FittedSpectrum[];
  /** Rows of the recording's tables. */
  readonly fits: readonly ChartRow[];
  readonly peaks: readonly ChartRow[];
}

/** Most spectra that are drawn one by one: of more those with the largest error. */
const MOST_PANELS = 36;
const PANEL_COLUMNS = 4;
/** Part of a Gaussian that is drawn, SD to either side. */
const DRAWN_SD = 3;
/** Most peaks that are named above a panel. */
const NAMED_PEAKS = 3;

/** Marks of candidates that were not fitted. */
const REJECTED_SHAPES = {
  edge: 'square',
  overlap: 'triangle-up',
  below_threshold: 'circle',
  below_min_height: 'triangle-down',
};
const SHAPE_SCALE = { domain: Object.keys(REJECTED_SHAPES), range: Object.values(REJECTED_SHAPES) };

/** Names in the legend and their colours. */
const COLORS = { power: '#000000', model: '#d62728', 'aperiodic part': '#1f77b4', peaks: '#ff9f1c' };
const COLOR_SCALE = { domain: Object.keys(COLORS), range: Object.values(COLORS) };

/**
 * The fits of one recording: a panel per channel (and trial) with data, model, aperiodic part and each peak; the distributions of
 * their parameters, the peaks, and the fits that failed.
 */
export function recordingChart({ recording, settings, spectra, fits, peaks }: RecordingCharts): ChartSpec {
  const drawn = worst(spectra);
  const failed = fits.filter(({ status }) => status !== 'ok');
  const good = thinned(fits.filter(({ status }) => status === 'ok'));
  const which = drawn.length === spectra.length ? '' : ', those with the largest error';
  return {
    $schema: CHART_SCHEMA,
    title: {
      text: `${recording}: ${portion(drawn.length, spectra.length)} fits${which}`,
      subtitle: settings,
    },
    vconcat: [
      { concat: drawn.map(spectrumPanel), columns: PANEL_COLUMNS },
      ...parameterPanels(good, thinned(peaks)),
      failureList(failed),
    ],
    resolve: { scale: { color: 'shared' as const } },
  };
}

/** All of them, or those with the largest error, in their order. */
function worst(spectra: readonly FittedSpectrum[]): readonly FittedSpectrum[] {
  if (spectra.length <= MOST_PANELS) return spectra;
  const least = spectra.map(({ error }) => error).sort((a, b) => b - a)[MOST_PANELS - 1]!;
  return spectra.filter(({ error }) => error >= least).slice(0, MOST_PANELS);
}

/** Data, model and components of one spectrum. */
function spectrumPanel(spectrum: FittedSpectrum) {
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
    encoding: { y: yAxis(field), color: inLegend(name) },
  });
  return {
    title: {
      text: title,
      fontSize: 11,
      subtitle: [quality(spectrum), ...peakNames(gaussians)],
      subtitleFontSize: 10,
    },
    width: 190,
    height: 130,
    data: { values: bins },
    encoding: { x: { field: 'frequency', type: 'quantitative' as const, title: 'Hz' } },
    layer: [
      ...withRows(shapes, {
        mark: { type: 'area' as const, opacity: 0.5 },
        encoding: {
          y: yAxis('low'),
          y2: { field: 'high' },
          detail: { field: 'peak', type: 'nominal' as const },
          color: inLegend('peaks'),
        },
      }),
      line('aperiodic', 'aperiodic part', { strokeDash: [5, 3], strokeWidth: 1.5 }),
      line('power', 'power', { strokeWidth: 1 }),
      line('model', 'model', { opacity: 0.7, strokeWidth: 2 }),
      ...withRows(candidates, {
        mark: { type: 'point' as const, filled: false, size: 30, color: '#6a3d9a', strokeWidth: 1 },
        encoding: {
          y: yAxis('power'),
          shape: {
            field: 'outcome',
            type: 'nominal' as const,
            title: 'candidate not fitted',
            scale: SHAPE_SCALE,
          },
        },
      }),
    ],
  };
}

/** A layer of some rows; without any the axes would have no ends, and that be told as a fault of the data. */
function withRows<R extends object, L extends object>(values: readonly R[], layer: L) {
  return values.length === 0 ? [] : [{ data: { values: [...values] }, ...layer }];
}

function yAxis(field: string) {
  return { field, type: 'quantitative' as const, title: 'log10 power', scale: { zero: false } };
}

function inLegend(name: keyof typeof COLORS) {
  return { datum: name, type: 'nominal' as const, title: null, scale: COLOR_SCALE };
}

/** Of the data, at the bin of a candidate. */
function powerAt({ frequencies, power }: FittedSpectrum, frequency: number): number {
  let nearest = 0;
  for (let i = 1; i < frequencies.length; i++) {
    if (Math.abs(frequencies[i]! - frequency) < Math.abs(frequencies[nearest]! - frequency)) nearest = i;
  }
  return power[nearest]!;
}

function gaussianAt([center, height, sd]: Triple, frequency: number): number {
  return height * Math.exp(-((frequency - center) ** 2) / (2 * sd * sd));
}

function quality({ exponent, rSquared, error }: FittedSpectrum): string {
  return `exponent ${exponent.toFixed(2)}, R2 ${rSquared.toFixed(3)}, error ${error.toFixed(3)}`;
}

/** Two lines: how many peaks, and where the highest are. */
function peakNames(gaussians: readonly Triple[]): [string, string] {
  const highest = gaussians.toSorted((a, b) => b[1] - a[1]).slice(0, NAMED_PEAKS);
  const count = gaussians.length === 1 ? '1 peak' : `${gaussians.length} peaks`;
  const text = gaussians.length > highest.length ? `${count}, the highest:` : `${count}:`;
  if (gaussians.length === 0) return ['no peaks', ' '];
  return [text, `${highest.map(([center]) => center.toFixed(1)).join(', ')} Hz`];
}

/** Five digits are more than a picture shows. */
function short(value: number): number {
  return Number(value.toPrecision(5));
}
