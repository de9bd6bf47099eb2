/** Parameters of fits over the head, or over channels and trials. */
import { bandPeaks } from '../../numerics/fooof/bands.js';
import type { Triple } from '../../numerics/fooof/fit-result.js';
import { evenly, portion, type ChartRow } from './chart-parts.js';
import type { ScalpPositions } from './scalp-positions.js';
import { short, withRows, type Bands } from './spectrum-parts.js';

/** One parameter of every spectrum. */
export interface ParameterValues {
  readonly title: string;
  readonly values: ReadonlyArray<{
    readonly channel: string;
    readonly trial: number;
    readonly value: number | null;
  }>;
}

const MAP_SIZE = 130;
/** Half the width of a map in radii of the head: electrodes below the equator lie outside of it. */
const MAP_REACH = 1.3;
const MISSING = '#bdbdbd';
/** Most channels and most trials of a heatmap; of more it shows evenly spaced ones and says so. */
const MOST_CHANNELS = 80;
const MOST_TRIALS = 60;
const COLUMNS = 5;

/** Offset, knee, exponent, r squared, number of peaks, and the highest peak of each band; a missing one is null. */
export function parameterValues(
  fits: readonly ChartRow[],
  peaks: readonly ChartRow[],
  bands: Bands,
): ParameterValues[] {
  const place = (row: ChartRow): { channel: string; trial: number } => ({
    channel: String(row['channel']),
    trial: Number(row['trial'] ?? 0),
  });
  const numberOf = (value: ChartRow[string] | undefined): number | null =>
    typeof value === 'number' && Number.isFinite(value) ? value : null;
  const column = (title: string, name: string): ParameterValues => ({
    title,
    values: fits.map((row) => ({ ...place(row), value: numberOf(row[name]) })),
  });
  const keyOf = (row: ChartRow): string => `${row['trial'] ?? 0} ${row['channel']}`;
  const byFit = new Map<string, Triple[]>();
  for (const row of peaks) {
    const own = byFit.get(keyOf(row)) ?? [];
    byFit.set(keyOf(row), own);
    own.push([Number(row['center_frequency']), Number(row['power']), Number(row['bandwidth'])]);
  }
  const banded = Object.entries(bands).flatMap(([band, limits]) => {
    const found = fits.map((row) => bandPeaks(byFit.get(keyOf(row)) ?? [], limits)[0]!);
    return ['centre (Hz)', 'power (log10)', 'bandwidth (Hz)'].map((what, k) => ({
      title: `${band}: ${what}`,
      values: fits.map((row, i) => ({ ...place(row), value: numberOf(found[i]![k]) })),
    }));
  });
  const hasKnee = fits.some((row) => numberOf(row['knee']) !== null);
  return [
    column('offset', 'offset'),
    ...(hasKnee ? [column('knee', 'knee')] : []),
    column('exponent', 'exponent'),
    column('R2', 'r_squared'),
    column('peaks', 'n_peaks'),
    ...banded,
  ];
}

/**
 * A head seen from above for each parameter, a disc per channel, grey where there is no value; the mean of trials.
 *
 * @param positions - of the channels on the map; others are left out
 */
export function topographies(parameters: readonly ParameterValues[], positions: ScalpPositions) {
  return {
    concat: parameters.map(({ title, values }) => {
      const means = meanByChannel(values);
      const discs = [...positions].flatMap(([channel, [x, y]]) =>
        means.has(channel) ? { channel, x, y, value: means.get(channel)! } : [],
      );
      return {
        title: { text: title, fontSize: 11 },
        width: MAP_SIZE,
        height: MAP_SIZE,
        view: { stroke: null },
        layer: [
          {
            data: { values: HEAD },
            mark: { type: 'line' as const, color: '#666666', strokeWidth: 1 },
            encoding: { ...MAP_AXES, detail: nominal('part'), order: quantitative('at') },
          },
          ...withRows(
            discs.filter(({ value }) => value === null),
            {
              mark: { type: 'circle' as const, size: discSize(discs.length), color: MISSING, opacity: 1 },
              encoding: MAP_AXES,
            },
          ),
          ...withRows(
            discs.filter(({ value }) => value !== null),
            {
              mark: { type: 'circle' as const, size: discSize(discs.length), opacity: 1 },
              encoding: { ...MAP_AXES, color: valueColor() },
            },
          ),
        ],
      };
    }),
    columns: COLUMNS,
    resolve: { scale: { color: 'independent' as const } },
  };
}

/** Channels by trials for each parameter, grey where there is no value. */
export function heatmaps(parameters: readonly ParameterValues[]) {
  const cells = parameters[0]?.values ?? [];
  const channels = [...new Set(cells.map(({ channel }) => channel))];
  const trials = [...new Set(cells.map(({ trial }) => trial))];
  const [shown, shownTrials] = [evenly(channels, MOST_CHANNELS), evenly(trials, MOST_TRIALS)];
  const isShown = new Set(shown);
  const isShownTrial = new Set(shownTrials);
  return {
    title: `${portion(shown.length, channels.length)} channels, ${portion(shownTrials.length, trials.length)} trials`,
    concat: parameters.map(({ title, values }) => ({
      title: { text: title, fontSize: 11 },
      width: Math.max(24, Math.min(160, 12 * shownTrials.length)),
      height: Math.max(40, Math.min(240, 12 * shown.length)),
      data: {
        values: values
          .filter(({ channel, trial }) => isShown.has(channel) && isShownTrial.has(trial))
          .map(({ channel, trial, value }) => ({
            channel,
            trial,
            value: value === null ? null : short(value),
          })),
      },
      mark: { type: 'rect' as const, invalid: null },
      encoding: {
        x: { field: 'trial', type: 'ordinal' as const, axis: { labelOverlap: true, labelAngle: 0 } },
        y: {
          field: 'channel',
          type: 'ordinal' as const,
          sort: shown,
          title: null,
          axis: { labelOverlap: true, labelFontSize: 9 },
        },
        color: { condition: { test: 'datum.value === null', value: MISSING }, ...valueColor() },
      },
    })),
    columns: COLUMNS,
    resolve: { scale: { color: 'independent' as const } },
  };
}

function meanByChannel(values: ParameterValues['values']): Map<string, number | null> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { channel, value } of values) {
    const own = sums.get(channel) ?? { sum: 0, count: 0 };
    sums.set(channel, own);
    if (value === null) continue;
    own.sum += value;
    own.count++;
  }
  return new Map(
    [...sums].map(([channel, { sum, count }]) => [channel, count === 0 ? null : short(sum / count)]),
  );
}

/** Discs of many channels do not cover each other. */
function discSize(count: number): number {
  return Math.max(30, Math.min(300, 12_000 / Math.max(1, count)));
}

const quantitative = (field: string) => ({ field, type: 'quantitative' as const });
const nominal = (field: string) => ({ field, type: 'nominal' as const });
const mapAxis = (field: string) => ({
  ...quantitative(field),
  axis: null,
  scale: { domain: [-MAP_REACH, MAP_REACH] },
});
const MAP_AXES = { x: mapAxis('x'), y: mapAxis('y') };

function valueColor() {
  return {
    ...quantitative('value'),
    title: null,
    scale: { scheme: 'viridis' as const, zero: false },
    legend: { gradientLength: 80, tickCount: 3 },
  };
}

/** A circle, a nose in front, an ear on either side. */
const HEAD = [
  ...Array.from({ length: 49 }, (_, at) => {
    const angle = (2 * Math.PI * at) / 48;
    return { part: 'head', at, x: short(Math.sin(angle)), y: short(Math.cos(angle)) };
  }),
  ...[-0.12, 0, 0.12].map((x, at) => ({ part: 'nose', at, x, y: at === 1 ? 1.14 : 0.993 })),
  ...[-1, 1].flatMap((side) =>
    [0.18, 0.12, -0.12, -0.18].map((y, at) => ({
      part: side < 0 ? 'left ear' : 'right ear',
      at,
      x: side * (at === 0 || at === 3 ? 0.984 : 1.08),
      y,
    })),
  ),
];
