/** Charts of a fitted recording, as specifications. */
import type { ChartSpec } from '../../io/index.js';

export interface NamedChart {
  readonly name: string;
  readonly spec: ChartSpec;
}

const BINS = 40;
/** Side of the picture of the covered field, cells. */
const COVERAGE_CELLS = 41;
/** Centres that are drawn over it, the best ones. */
const CENTRES = 1000;

/** Data and prediction of voxels over time, one below the other. */
export function fitsChart(
  voxels: readonly {
    readonly label: string;
    readonly data: ArrayLike<number>;
    readonly prediction: ArrayLike<number>;
  }[],
  tr: number | null,
): NamedChart {
  const rows = voxels.flatMap(({ label, data, prediction }) =>
    Array.from(data, (value, t) => ({
      voxel: label,
      time: t * (tr ?? 1),
      data: finite(value),
      prediction: finite(prediction[t]!),
    })),
  );
  const time = {
    field: 'time',
    type: 'quantitative',
    title: tr === null ? 'time point' : 'time (s)',
  } as const;
  const value = (field: string) =>
    ({ field, type: 'quantitative', title: 'signal', scale: { zero: false } }) as const;
  return {
    name: 'fits',
    spec: {
      title: 'Data (points) and prediction (line)',
      data: { values: rows },
      facet: { row: { field: 'voxel', type: 'nominal', title: null, sort: null } },
      resolve: { scale: { y: 'independent' } },
      spec: {
        width: 560,
        height: 110,
        layer: [
          { mark: { type: 'point', size: 12, color: '#777777' }, encoding: { x: time, y: value('data') } },
          { mark: { type: 'line', color: '#c0392b' }, encoding: { x: time, y: value('prediction') } },
        ],
      },
    },
  };
}

/** How many voxels have which r2; what is below 0 counts in the first bin. */
export function r2Chart(r2: Float64Array): NamedChart {
  const counts = new Array<number>(BINS).fill(0);
  for (const value of r2) {
    if (Number.isNaN(value)) continue;
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(value * BINS)));
    counts[bin] = counts[bin]! + 1;
  }
  const values = counts.map((voxels, bin) => ({ from: bin / BINS, to: (bin + 1) / BINS, voxels }));
  return {
    name: 'r2',
    spec: {
      title: `r2 of ${counts.reduce((sum, count) => sum + count, 0)} voxels`,
      data: { values },
      width: 420,
      height: 200,
      mark: 'bar',
      encoding: {
        x: { field: 'from', bin: { binned: true }, type: 'quantitative', title: 'r2' },
        x2: { field: 'to' },
        y: { field: 'voxels', type: 'quantitative' },
      },
    },
  };
}

/** Receptive field of one voxel. */
export interface Field {
  readonly x: number;
  readonly y: number;
  readonly sd: number;
  readonly r2: number;
}

/**
 * Which part of the field of view is covered: at each place the largest of all receptive fields of height 1, and the
 * centres of the best ones.
 *
 * @param extent - x and y of the images: [[lowest, highest], [lowest, highest]]
 */
export function coverageChart(
  fields: readonly Field[],
  extent: readonly [readonly [number, number], readonly [number, number]],
): NamedChart {
  const [[x0, x1], [y0, y1]] = extent;
  const step = [(x1 - x0) / COVERAGE_CELLS, (y1 - y0) / COVERAGE_CELLS] as const;
  const cells = [];
  for (let i = 0; i < COVERAGE_CELLS; i++) {
    for (let j = 0; j < COVERAGE_CELLS; j++) {
      const [x, y] = [x0 + (i + 0.5) * step[0], y0 + (j + 0.5) * step[1]];
      let height = 0;
      for (const field of fields) {
        const squared = ((x - field.x) ** 2 + (y - field.y) ** 2) / (2 * field.sd * field.sd);
        if (squared < 20) height = Math.max(height, Math.exp(-squared));
      }
      const round = (value: number): number => Number(value.toPrecision(6));
      cells.push({
        x: round(x - step[0] / 2),
        x2: round(x + step[0] / 2),
        y: round(y - step[1] / 2),
        y2: round(y + step[1] / 2),
        coverage: Number(height.toFixed(4)),
      });
    }
  }
  const inside = ({ x, y }: Field): boolean => x >= x0 && x <= x1 && y >= y0 && y <= y1;
  const centres = fields
    .filter(inside)
    .sort((a, b) => b.r2 - a.r2)
    .slice(0, CENTRES)
    .map(({ x, y }) => ({ x, y }));
  const scale = (low: number, high: number) => ({ domain: [low, high], nice: false, zero: false });
  return {
    name: 'coverage',
    spec: {
      title: `Coverage by ${fields.length} receptive fields`,
      width: 340,
      height: Math.round((340 * (y1 - y0)) / (x1 - x0)),
      layer: [
        {
          data: { values: cells },
          mark: 'rect',
          encoding: {
            x: { field: 'x', type: 'quantitative', title: 'x', scale: scale(x0, x1) },
            x2: { field: 'x2' },
            y: { field: 'y', type: 'quantitative', title: 'y', scale: scale(y0, y1) },
            y2: { field: 'y2' },
            color: { field: 'coverage', type: 'quantitative', scale: { domain: [0, 1], scheme: 'viridis' } },
          },
        },
        {
          data: { values: centres },
          mark: { type: 'point', size: 6, color: 'white', filled: true },
          encoding: { x: { field: 'x', type: 'quantitative' }, y: { field: 'y', type: 'quantitative' } },
        },
      ],
    },
  };
}

/** One slice of a volume, k fixed; a cell per voxel. */
export function sliceChart(
  name: 'polar_angle' | 'eccentricity',
  cells: readonly { readonly i: number; readonly j: number; readonly value: number }[],
  slice: number,
): NamedChart {
  const isAngle = name === 'polar_angle';
  const values = cells.map(({ i, j, value }) => ({ i, j, value }));
  const side = (axis: 'i' | 'j'): number => Math.max(...values.map((cell) => cell[axis])) + 1;
  return {
    name,
    spec: {
      title: `${isAngle ? 'Polar angle (rad)' : 'Eccentricity'}, slice k = ${slice}`,
      data: { values },
      width: 5 * Math.max(side('i'), 40),
      height: 5 * Math.max(side('j'), 40),
      mark: 'rect',
      encoding: {
        x: { field: 'i', type: 'ordinal', axis: { labelOverlap: true } },
        y: { field: 'j', type: 'ordinal', sort: 'descending', axis: { labelOverlap: true } },
        color: {
          field: 'value',
          type: 'quantitative',
          title: isAngle ? 'rad' : null,
          // An angle has no end: its colours meet at -pi and pi.
          scale: isAngle ? { domain: [-Math.PI, Math.PI], scheme: 'rainbow' } : { scheme: 'viridis' },
        },
      },
    },
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
