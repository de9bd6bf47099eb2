import type { ChartSpec } from '../../io/index.js';
import { errorPanel, countedWarnings, warningList } from './check-panels.js';
import {
  CHART_SCHEMA,
  failureList,
  parameterPanels,
  portion,
  thinned,
  type ChartRow,
} from './chart-parts.js';
import type { WatchedFits } from './fit-sidecar.js';
import { flattenedPanel } from './flattened-panel.js';
import { overTimePanels } from './over-time-panels.js';
import { heatmaps, parameterValues, topographies } from './parameter-maps.js';
import type { ScalpPositions } from './scalp-positions.js';
import { spectrumPanel, type FittedSpectrum } from './spectrum-panel.js';
import type { Bands, FrequencyScale } from './spectrum-parts.js';
import { togetherPanel } from './together-panel.js';

export interface RecordingCharts {
  readonly recording: string;
  /** A line of text: the settings of the fit. */
  readonly settings: string;
  readonly spectra: readonly FittedSpectrum[];
  /** Rows of the recording's tables. */
  readonly fits: readonly ChartRow[];
  readonly peaks: readonly ChartRow[];
  readonly watched: WatchedFits;
  readonly bands: Bands;
  readonly frequencyScale: FrequencyScale;
  /** Where channels are on the head; null: not known. */
  readonly positions: ScalpPositions | null;
  /** When each trial starts, seconds, by its number; null: not known. */
  readonly trialStarts: ReadonlyMap<number, number> | null;
}

/** Most spectra that are drawn one by one: of more those with the largest error. */
const MOST_PANELS = 36;
const PANEL_COLUMNS = 4;
/** Most spectra that are also drawn flattened. */
const MOST_FLATTENED = 8;

/**
 * The fits of one recording: a panel per channel (and trial) with data, model, aperiodic part and each peak; some flattened, with
 * the thresholds of the search; all together; the error by frequency; the distributions of their parameters, over the head where
 * positions are known, over channels and trials, and over time; the peaks; what a person should look at, and the fits that failed.
 */
export function recordingChart(charts: RecordingCharts): ChartSpec {
  const { recording, settings, spectra, fits, peaks, watched, bands, positions, trialStarts } = charts;
  const scale = charts.frequencyScale;
  const drawn = worst(spectra, MOST_PANELS);
  const flattened = worst(spectra, MOST_FLATTENED);
  const parameters = parameterValues(fits, peaks, bands);
  const hasTrials = fits.some(({ trial }) => typeof trial === 'number');
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
      {
        concat: drawn.map((one) => spectrumPanel(one, scale)),
        columns: PANEL_COLUMNS,
        resolve: { scale: { color: 'shared' as const, shape: 'shared' as const } },
      },
      {
        title: `flattened: ${portion(flattened.length, spectra.length)} fits`,
        concat: flattened.map((one) => flattenedPanel(one, scale)),
        columns: PANEL_COLUMNS,
        resolve: { scale: { color: 'shared' as const, shape: 'shared' as const } },
      },
      {
        hconcat: [
          ...(spectra.length === 0 ? [] : [togetherPanel(spectra, bands, scale)]),
          errorPanel(watched, scale),
        ],
        resolve: { scale: { color: 'independent' as const } },
      },
      ...parameterPanels(good, thinned(peaks)),
      ...(positions === null ? [] : [topographies(parameters, positions)]),
      ...(positions === null || hasTrials ? [heatmaps(parameters)] : []),
      ...overTimePanels(parameters, trialStarts),
      warningList(countedWarnings(watched), 'spectra'),
      failureList(failed),
    ],
    resolve: { scale: { color: 'independent' as const, shape: 'independent' as const } },
  };
}

/** All of them, or those with the largest error, in their order. */
function worst(spectra: readonly FittedSpectrum[], most: number): readonly FittedSpectrum[] {
  if (spectra.length <= most) return spectra;
  const least = spectra.map(({ error }) => error).sort((a, b) => b - a)[most - 1]!;
  return spectra.filter(({ error }) => error >= least).slice(0, most);
}
