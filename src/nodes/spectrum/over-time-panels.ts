import { evenly, PANEL, portion } from './chart-parts.js';
import type { ParameterValues } from './parameter-maps.js';
import { legendColor, short } from './spectrum-parts.js';

/** Most channels that are drawn by themselves, and most trials; of more evenly spaced ones. */
const MOST_CHANNELS = 24;
const MOST_TRIALS = 300;
const COLUMNS = 3;
const COLORS = { channels: '#999999', 'mean, SD': '#000000' };

/**
 * Parameters over time, a panel for each: some channels, the mean of all and its standard deviation. Nothing where there are no trials
 * to follow.
 *
 * @param starts - when each trial starts, seconds, by its number; null: not known, trials are drawn by number
 */
export function overTimePanels(
  parameters: readonly ParameterValues[],
  starts: ReadonlyMap<number, number> | null,
) {
  const trials = [...new Set(parameters[0]?.values.map(({ trial }) => trial))];
  if (trials.length < 2) return [];
  const channels = [...new Set(parameters[0]!.values.map(({ channel }) => channel))];
  const shown = new Set(evenly(channels, MOST_CHANNELS));
  const followed = new Set(evenly(trials, MOST_TRIALS));
  const timeOf = (trial: number): number => starts?.get(trial) ?? trial;
  return [
    {
      title: `over time: ${portion(followed.size, trials.length)} trials, ${portion(shown.size, channels.length)} channels, mean and SD of all`,
      concat: parameters.map(({ title, values }) =>
        overTime(
          title,
          starts === null ? 'trial' : 'start of the trial (s)',
          values
            .filter(({ trial }) => followed.has(trial))
            .map(({ channel, trial, value }) => ({ channel, time: timeOf(trial), value })),
          shown,
        ),
      ),
      columns: COLUMNS,
      resolve: { scale: { color: 'shared' as const } },
    },
  ];
}

interface TimedValue {
  readonly channel: string;
  readonly time: number;
  readonly value: number | null;
}

function overTime(title: string, axis: string, values: readonly TimedValue[], shown: ReadonlySet<string>) {
  const y = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: null,
    scale: { zero: false },
  });
  const color = (name: keyof typeof COLORS) => legendColor(COLORS, name);
  const lines = values.filter(({ channel }) => shown.has(channel));
  return {
    title: { text: title, fontSize: 11 },
    width: PANEL.width,
    height: 90,
    data: { values: meansByTime(values) },
    encoding: { x: { field: 'time', type: 'quantitative' as const, title: axis, scale: { zero: false } } },
    layer: [
      {
        data: {
          values: lines.map((row) => ({ ...row, value: row.value === null ? null : short(row.value) })),
        },
        mark: { type: 'line' as const, strokeWidth: 0.5, opacity: 0.5 },
        encoding: {
          y: y('value'),
          detail: { field: 'channel', type: 'nominal' as const },
          color: color('channels'),
        },
      },
      {
        mark: { type: 'area' as const, opacity: 0.25 },
        encoding: { y: y('low'), y2: { field: 'high' }, color: color('mean, SD') },
      },
      {
        mark: { type: 'line' as const, point: { size: 12 } },
        encoding: { y: y('mean'), color: color('mean, SD') },
      },
    ],
  };
}

/** Mean and population standard deviation over the channels that have a value; null where none has. */
function meansByTime(values: readonly TimedValue[]) {
  const byTime = new Map<number, number[]>();
  for (const { time, value } of values) {
    const own = byTime.get(time) ?? [];
    byTime.set(time, own);
    if (value !== null) own.push(value);
  }
  return [...byTime].map(([time, own]) => {
    if (own.length === 0) return { time, mean: null, low: null, high: null };
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const sd = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length);
    return { time, mean: short(mean), low: short(mean - sd), high: short(mean + sd) };
  });
}
