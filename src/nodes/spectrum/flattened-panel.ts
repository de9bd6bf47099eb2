import {
  colorScale,
  DRAWN_SD,
  frequencyAxis,
  gaussianAt,
  legendColor,
  nearestBin,
  OUTCOME_SHAPE,
  short,
  withRows,
  type FrequencyScale,
} from './spectrum-parts.js';
import type { CandidateThresholds, FittedSpectrum } from './spectrum-panel.js';

const FLAT_COLORS = {
  flattened: '#000000',
  Gaussian: '#ff9f1c',
  peak_threshold: '#d62728',
  min_peak_height: '#2ca02c',
};

/** Data without the aperiodic part, each Gaussian, and what a candidate had to exceed when the search ended. */
export function flattenedPanel(
  { title, frequencies, power, aperiodic, gaussians, rejected, thresholds }: FittedSpectrum,
  scale: FrequencyScale,
) {
  const hz = frequencyAxis(scale);
  const flat = Array.from(frequencies, (_, i) => power[i]! - aperiodic[i]!);
  const shapes = gaussians.flatMap((gaussian, peak) =>
    Array.from(frequencies).flatMap((frequency) =>
      Math.abs(frequency - gaussian[0]) > DRAWN_SD * gaussian[2]
        ? []
        : { peak, frequency, height: short(gaussianAt(gaussian, frequency)) },
    ),
  );
  const levels = thresholds === null ? [] : thresholdLevels(flat, frequencies, thresholds);
  const candidates = rejected.map(({ frequency, outcome }) => ({
    frequency,
    outcome,
    flat: short(flat[nearestBin(frequencies, frequency)]!),
  }));
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: 'log10 power',
  });
  return {
    title: { text: title, fontSize: 11 },
    width: 190,
    height: 100,
    data: { values: flat.map((value, i) => ({ frequency: frequencies[i]!, flat: short(value) })) },
    layer: [
      ...withRows(shapes, {
        mark: { type: 'area' as const, opacity: 0.5 },
        encoding: {
          x: hz,
          y: y('height'),
          detail: { field: 'peak', type: 'nominal' as const },
          color: legendColor(FLAT_COLORS, 'Gaussian'),
        },
      }),
      {
        mark: { type: 'line' as const, strokeWidth: 1 },
        encoding: { x: hz, y: y('flat'), color: legendColor(FLAT_COLORS, 'flattened') },
      },
      ...withRows(levels, {
        mark: { type: 'rule' as const, strokeDash: [4, 3] },
        encoding: {
          y: y('level'),
          color: { field: 'name', type: 'nominal' as const, title: null, scale: colorScale(FLAT_COLORS) },
        },
      }),
      ...withRows(candidates, {
        mark: { type: 'point' as const, filled: false, size: 30, color: '#6a3d9a', strokeWidth: 1 },
        encoding: { x: hz, y: y('flat'), shape: OUTCOME_SHAPE },
      }),
    ],
  };
}

/** The relative threshold when the search ended, peak_threshold SD of what all candidates leave, and the absolute one. */
export function thresholdLevels(
  flat: readonly number[],
  frequencies: ArrayLike<number>,
  { candidates, peakThreshold, minPeakHeight }: CandidateThresholds,
): Array<{ name: keyof typeof FLAT_COLORS; level: number }> {
  const left = flat.map((value, i) =>
    candidates.reduce((rest, peak) => rest - gaussianAt(peak, frequencies[i]!), value),
  );
  const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
  const sd = Math.sqrt(left.reduce((sum, value) => sum + (value - mean) ** 2, 0) / left.length);
  return [
    { name: 'peak_threshold', level: short(peakThreshold * sd) },
    { name: 'min_peak_height', level: minPeakHeight },
  ];
}
