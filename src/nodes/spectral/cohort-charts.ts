/** Charts of a cohort of surfaces, as specifications. */
import type { ChartSpec } from '../../io/index.js';

export interface SpectrumLine {
  readonly surface: string;
  readonly group: string;
  /** Eigenvalue times area. */
  readonly values: ArrayLike<number>;
}

/** Most lines that a chart holds; of more it shows evenly spaced ones and says so. */
const MOST_LINES = 60;
/** Most points of a line. */
const MOST_POINTS = 150;
const MOST_CELLS = 120;
const SIZE = { width: 380, height: 260 };

/** Spectra of all surfaces, and each over what Weyl's law says: 4 pi i for unit area. */
export function spectraChart(lines: readonly SpectrumLine[]): ChartSpec {
  const shown = evenly(lines, MOST_LINES);
  const values = shown.flatMap(({ surface, group, values: eigenvalues }) =>
    evenly(
      Array.from(eigenvalues, (value, i) => ({ surface, group, index: i, eigenvalue: round(value) })),
      MOST_POINTS,
    ).map((row) => ({
      ...row,
      ratio: row.index === 0 ? null : round(row.eigenvalue / (4 * Math.PI * row.index)),
    })),
  );
  const longest = Math.max(1, ...lines.map(({ values: eigenvalues }) => eigenvalues.length - 1));
  const hasGroups = new Set(lines.map(({ group }) => group)).size > 1;
  const index = { field: 'index', type: 'quantitative', title: 'index i' } as const;
  const look = {
    detail: { field: 'surface', type: 'nominal' },
    color: hasGroups ? { field: 'group', type: 'nominal', title: 'group' } : { value: '#4c78a8' },
  } as const;
  const line = { type: 'line', strokeWidth: 1, opacity: 0.6 } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `Spectra of ${shown.length === lines.length ? '' : `${shown.length} of `}${lines.length} surfaces`,
    hconcat: [
      {
        ...SIZE,
        layer: [
          {
            data: { values },
            mark: line,
            encoding: {
              x: index,
              y: { field: 'eigenvalue', type: 'quantitative', title: 'lambda_i A' },
              ...look,
            },
          },
          {
            data: {
              values: [
                { index: 0, eigenvalue: 0 },
                { index: longest, eigenvalue: 4 * Math.PI * longest },
              ],
            },
            mark: { type: 'line', strokeDash: [5, 4], color: 'black', strokeWidth: 1 },
            encoding: { x: index, y: { field: 'eigenvalue', type: 'quantitative' } },
          },
        ],
      },
      {
        ...SIZE,
        layer: [
          {
            data: { values: values.filter(({ ratio }) => ratio !== null) },
            mark: line,
            encoding: {
              x: index,
              y: {
                field: 'ratio',
                type: 'quantitative',
                title: 'lambda_i A / (4 pi i)',
                scale: { zero: false },
              },
              ...look,
            },
          },
          {
            data: { values: [{ ratio: 1 }] },
            mark: { type: 'rule', strokeDash: [5, 4] },
            encoding: { y: { field: 'ratio', type: 'quantitative' } },
          },
        ],
      },
    ],
  };
}

/** A matrix of distances; larger ones show evenly spaced surfaces. */
export function distanceChart(
  metric: string,
  surfaces: readonly string[],
  distances: readonly number[][],
): ChartSpec {
  const places = evenly([...surfaces.keys()], MOST_CELLS);
  const of = places.length === surfaces.length ? '' : `, ${places.length} of ${surfaces.length} surfaces`;
  const side = Math.max(160, Math.min(600, 16 * places.length));
  const axis = { labelLimit: 160, labelOverlap: true } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `Distances ${metric}${of}`,
    data: {
      values: places.flatMap((i) =>
        places.map((j) => ({ a: surfaces[i]!, b: surfaces[j]!, distance: round(distances[i]![j]!) })),
      ),
    },
    width: side,
    height: side,
    mark: 'rect',
    encoding: {
      x: { field: 'a', type: 'nominal', sort: null, title: null, axis },
      y: { field: 'b', type: 'nominal', sort: null, title: null, axis },
      color: { field: 'distance', type: 'quantitative', title: 'distance', scale: { scheme: 'viridis' } },
    },
  };
}

function evenly<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]!);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
