import type { ChartSpec } from '../../io/index.js';

/** A row of the cohort tables, by column. */
export type ChartRow = Readonly<Record<string, string | number | null>>;

/** Most rows that a chart holds; of more it shows evenly spaced ones and says so. */
const MOST_ROWS = 5000;
/** Most failures that are listed by name. */
const MOST_FAILURES = 25;
const SIZE = { width: 260, height: 170 };

/**
 * The fits of a cohort in one picture: distributions of exponent, R2 and peak centres, error against R2, power and bandwidth of
 * the peaks against their centre, and the fits that failed.
 *
 * @param fits - rows of the cohort table of fits; missing numbers null
 * @param peaks - rows of the cohort table of peaks
 */
export function cohortChart(fits: readonly ChartRow[], peaks: readonly ChartRow[]): ChartSpec {
  const good = thinned(fits.filter(({ status }) => status === 'ok'));
  const shownPeaks = thinned(peaks);
  const failed = fits.filter(({ status }) => status !== 'ok');
  const named = failed.slice(0, MOST_FAILURES).map((row, place) => ({
    place,
    text: `${row['recording']} ${row['channel'] ?? ''}: ${row['status']}`.slice(0, 110),
  }));
  const of = (shown: number, all: number): string => (shown === all ? `${all}` : `${shown} of ${all}`);
  const scatter = (values: readonly ChartRow[], x: [string, string], y: [string, string]) => ({
    ...SIZE,
    data: { values: [...values] },
    mark: { type: 'point' as const, opacity: 0.5, size: 18 },
    encoding: {
      x: { field: x[0], type: 'quantitative' as const, title: x[1], scale: { zero: false } },
      y: { field: y[0], type: 'quantitative' as const, title: y[1], scale: { zero: false } },
    },
  });
  const histogram = (values: readonly ChartRow[], field: string, title: string) => ({
    ...SIZE,
    data: { values: [...values] },
    mark: { type: 'bar' as const, color: '#4c78a8' },
    encoding: {
      x: { field, bin: { maxbins: 25 }, title },
      y: { aggregate: 'count' as const, title: 'count' },
    },
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `${of(good.length, fits.length - failed.length)} fits, ${of(shownPeaks.length, peaks.length)} peaks, ${failed.length} failed`,
    vconcat: [
      {
        hconcat: [
          histogram(good, 'exponent', 'exponent'),
          scatter(good, ['r_squared', 'R2'], ['error', 'error (log10 power)']),
          histogram(good, 'n_peaks', 'peaks per spectrum'),
        ],
      },
      {
        hconcat: [
          histogram(shownPeaks, 'center_frequency', 'peak centre (Hz)'),
          scatter(shownPeaks, ['center_frequency', 'peak centre (Hz)'], ['power', 'peak power (log10)']),
          histogram(shownPeaks, 'bandwidth', 'bandwidth (Hz), piles up at the limits'),
        ],
      },
      {
        title: failed.length === 0 ? 'no fit failed' : `failed: ${of(named.length, failed.length)}`,
        width: 3 * SIZE.width,
        height: Math.max(12, 14 * named.length),
        data: { values: named },
        mark: { type: 'text' as const, align: 'left' as const, x: 4 },
        encoding: {
          y: { field: 'place', type: 'ordinal' as const, axis: null },
          text: { field: 'text', type: 'nominal' as const },
        },
      },
    ],
  };
}

function thinned(rows: readonly ChartRow[]): readonly ChartRow[] {
  if (rows.length <= MOST_ROWS) return rows;
  return Array.from({ length: MOST_ROWS }, (_, i) => rows[Math.floor((i * rows.length) / MOST_ROWS)]!);
}
