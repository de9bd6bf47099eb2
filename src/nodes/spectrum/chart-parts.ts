/** Panels that the charts of fits share. */

/** A row of a table of fits or peaks, by column; missing numbers null. */
export type ChartRow = Readonly<Record<string, string | number | null>>;

const WORDS = new Set(['recording', 'channel', 'status', 'outcome']);

export const CHART_SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';
/** Size of a panel, pixels. */
export const PANEL = { width: 260, height: 170 };
/** Most rows that a panel holds; of more it shows evenly spaced ones and says so. */
const MOST_ROWS = 3000;
/** Most failures that are listed by name. */
const MOST_FAILURES = 25;

type Field = readonly [name: string, title: string];

export function scatter(values: readonly ChartRow[], x: Field, y: Field) {
  return {
    ...PANEL,
    data: { values: values.map((row) => ({ [x[0]]: row[x[0]], [y[0]]: row[y[0]] })) },
    mark: { type: 'point' as const, opacity: 0.5, size: 18 },
    encoding: {
      x: { field: x[0], type: 'quantitative' as const, title: x[1], scale: { zero: false } },
      y: { field: y[0], type: 'quantitative' as const, title: y[1], scale: { zero: false } },
    },
  };
}

/** @param minStep - narrowest bar */
export function histogram(values: readonly ChartRow[], [field, title]: Field, minStep?: number) {
  return {
    ...PANEL,
    data: { values: values.map((row) => ({ [field]: row[field] })) },
    mark: { type: 'bar' as const, color: '#4c78a8' },
    encoding: {
      x: { field, bin: { maxbins: 25, ...(minStep === undefined ? {} : { minstep: minStep }) }, title },
      y: { aggregate: 'count' as const, title: 'count', axis: { tickMinStep: 1 } },
    },
  };
}

/** The fits that failed, by name and reason. */
export function failureList(failed: readonly ChartRow[]) {
  const named = failed.slice(0, MOST_FAILURES).map((row, place) => {
    const who = ['recording', 'channel', 'trial'].flatMap((column) => row[column] ?? []).join(' ');
    return { place, text: `${who}: ${row['status']}`.slice(0, 110) };
  });
  return {
    title: failed.length === 0 ? 'no fit failed' : `failed: ${portion(named.length, failed.length)}`,
    width: 3 * PANEL.width,
    height: Math.max(12, 14 * named.length),
    view: { stroke: null },
    data: { values: named },
    mark: { type: 'text' as const, align: 'left' as const, x: 4 },
    encoding: {
      y: { field: 'place', type: 'ordinal' as const, axis: null },
      text: { field: 'text', type: 'nominal' as const },
    },
  };
}

/** Distributions of the parameters, error against R2, and the peaks: two rows of panels, with knees three. */
export function parameterPanels(fits: readonly ChartRow[], peaks: readonly ChartRow[]) {
  const center: Field = ['center_frequency', 'peak centre (Hz)'];
  const kneed = fits.filter((row) => typeof row['knee'] === 'number');
  const knees = {
    hconcat: [
      histogram(kneed, ['knee', 'knee (Hz^exponent)']),
      scatter(kneed, ['exponent', 'exponent'], ['knee', 'knee (Hz^exponent)']),
    ],
  };
  return [
    ...(kneed.length === 0 ? [] : [knees]),
    {
      hconcat: [
        histogram(fits, ['exponent', 'exponent']),
        scatter(fits, ['r_squared', 'R2'], ['error', 'error (log10 power)']),
        histogram(fits, ['n_peaks', 'peaks per spectrum'], 1),
      ],
    },
    {
      hconcat: [
        histogram(peaks, center),
        scatter(peaks, center, ['power', 'peak power (log10)']),
        histogram(peaks, ['bandwidth', 'bandwidth (Hz), piles up at the limits']),
      ],
    },
  ];
}

/** A row of a table of fits or peaks as charts take it. */
export function chartRow(columns: readonly string[], row: ReadonlyArray<string | null>): ChartRow {
  return Object.fromEntries(
    columns.map((column, i) => {
      const cell = row[i] ?? null;
      return [column, cell === null || WORDS.has(column) ? cell : Number(cell)];
    }),
  );
}

export function thinned<T>(rows: readonly T[]): readonly T[] {
  return evenly(rows, MOST_ROWS);
}

/** All of a list, or so many of it at even distances. */
export function evenly<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);
}

export function portion(shown: number, all: number): string {
  return shown === all ? `${all}` : `${shown} of ${all}`;
}
