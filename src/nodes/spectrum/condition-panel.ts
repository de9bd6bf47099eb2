/** The spectra of a cohort together, and the mean of each condition. */
import { evenly, PANEL, portion } from './chart-parts.js';
import type { WatchedFits } from './fit-sidecar.js';
import {
  bandLayers,
  frequencyAxis,
  powerAxis,
  short,
  type Bands,
  type FrequencyScale,
} from './spectrum-parts.js';

/** A recording and its condition; null: it has none. */
export interface ConditionedFits {
  readonly watched: WatchedFits;
  readonly condition: string | null;
}

/** Most recordings that are drawn by themselves; longer spectra are thinned to so many points. */
const MOST_RECORDINGS = 48;
const MOST_POINTS = 200;
const ALL = 'all recordings';
const NONE = 'n/a';

/**
 * Mean spectra of recordings with one frequency axis, and the mean of each condition with its standard deviation over recordings and
 * its mean model.
 *
 * @param name - what the conditions are values of; null: all recordings are one
 */
export function conditionPanel(
  given: readonly ConditionedFits[],
  name: string | null,
  bands: Bands,
  scale: FrequencyScale,
) {
  const { range, bins } = given[0]!.watched.fitted;
  const step = (range[1] - range[0]) / Math.max(1, bins - 1);
  const thinning = Math.ceil(bins / MOST_POINTS);
  const shownBins = Array.from({ length: bins }, (_, i) => i).filter((i) => i % thinning === 0);
  const frequencyOf = (bin: number): number => Number((range[0] + bin * step).toPrecision(6));
  const recordings = given.map(({ watched, condition }) => ({
    recording: watched.fitted.recording,
    condition: name === null ? ALL : (condition ?? NONE),
    ...watched.spectrum,
  }));
  const shown = evenly(recordings, MOST_RECORDINGS);
  const lines = shown.flatMap(({ recording, condition, mean_power: power }) =>
    shownBins.map((bin) => ({
      recording,
      condition,
      frequency: frequencyOf(bin),
      power: power[bin] ?? null,
    })),
  );
  const conditions = [...new Set(recordings.map(({ condition }) => condition))].sort();
  const means = conditions.flatMap((condition) => {
    const own = recordings.filter((one) => one.condition === condition);
    return shownBins.map((bin) => ({
      condition,
      frequency: frequencyOf(bin),
      ...spread(own.flatMap(({ mean_power: power }) => power[bin] ?? [])),
      model: average(own.flatMap(({ mean_model: model }) => model[bin] ?? [])),
    }));
  });
  const color = {
    field: 'condition',
    type: 'nominal' as const,
    title: name,
    scale: { domain: conditions },
  };
  return {
    title: `mean spectra: ${portion(shown.length, recordings.length)} recordings, mean of ${name ?? 'all'} with SD over recordings, its model dashed`,
    width: 2 * PANEL.width,
    height: PANEL.height,
    data: { values: means },
    encoding: { x: frequencyAxis(scale) },
    layer: [
      ...bandLayers(bands, range, scale),
      {
        data: { values: lines },
        mark: { type: 'line' as const, strokeWidth: 0.5, opacity: 0.4 },
        encoding: { y: powerAxis('power'), detail: { field: 'recording', type: 'nominal' as const }, color },
      },
      {
        mark: { type: 'area' as const, opacity: 0.2 },
        encoding: { y: powerAxis('low'), y2: { field: 'high' }, color },
      },
      { mark: { type: 'line' as const }, encoding: { y: powerAxis('mean'), color } },
      {
        mark: { type: 'line' as const, strokeDash: [5, 3] },
        encoding: { y: powerAxis('model'), color },
      },
    ],
  };
}

/** Mean with its standard deviation (population) to either side; null without values. */
function spread(values: readonly number[]) {
  const mean = average(values);
  if (mean === null) return { mean, low: null, high: null };
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, low: short(mean - sd), high: short(mean + sd) };
}

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : short(values.reduce((sum, value) => sum + value, 0) / values.length);
}
