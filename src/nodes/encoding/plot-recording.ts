import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpy, readNpyRows, readTsv, writeChart } from '../../io/index.js';
import { stimulusOf } from '../../numerics/encoding/settings.js';
import { coverageChart, fitsChart, r2Chart, sliceChart, type Field, type NamedChart } from './charts.js';
import { RecordingInfo, SettingsPort } from './recording-info.js';

/** Draws a fitted recording: predictions of chosen voxels, r2, coverage, and of volumes angle and eccentricity. */
export const plotRecording = defineNode({
  name: 'plot_recording',
  version: 1,
  inputs: {
    parameters: port.file('tsv'),
    /** Time x voxels. */
    predictions: port.file('npy'),
    /** Voxels x time. */
    voxels: port.file('npy'),
    grid: port.optional(port.file('npy')),
    info: port.value(RecordingInfo),
    settings: port.value(SettingsPort),
    /** The best so many, or places in the data. */
    chosen: port.value(z.union([z.int(), z.array(z.int())])),
    min_r2: port.value(z.number()),
  },
  outputs: {
    /** Two files per chart: SVG and its specification. */
    charts: port.list(port.file('chart')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { info, settings, min_r2 } = inputs;
    const { columns, rows } = await readTsv(inputs.parameters.path);
    const numbers = (name: string): Float64Array => {
      const at = columns.indexOf(name);
      return Float64Array.from(rows, (row) => (row[at] === null ? NaN : Number(row[at])));
    };
    const r2 = numbers('r2');
    const names = rows.map((row) => row[0]!);
    const picked = pickVoxels(inputs.chosen, names, r2);
    const predictions = await readNpy(inputs.predictions.path);
    const shown = [];
    for (const v of picked) {
      const { data } = await readNpyRows(inputs.voxels.path, v, v + 1);
      const prediction = Array.from(
        { length: info.frames },
        (_, t) => predictions.data[t * info.voxels + v]!,
      );
      const quality = Number.isNaN(r2[v]!) ? 'not fitted' : `r2 ${r2[v]!.toFixed(3)}`;
      shown.push({ label: `${names[v]}: ${quality}`, data, prediction });
    }
    const charts: NamedChart[] = [r2Chart(r2)];
    if (shown.length > 0) charts.push(fitsChart(shown, info.tr));
    if (stimulusOf(settings.model) === 'images') {
      const [x, y, sd] = ['x', 'y', 'sd'].map(numbers) as [Float64Array, Float64Array, Float64Array];
      const good = [...r2.keys()].filter((v) => r2[v]! >= min_r2);
      const fields = good.map((v): Field => ({ x: x[v]!, y: y[v]!, sd: sd[v]!, r2: r2[v]! }));
      charts.push(coverageChart(fields, await extentOf(inputs.grid?.path)));
      if (info.source === 'volume') charts.push(...sliceCharts(good, numbers));
    }
    const files = [];
    for (const [i, { name, spec }] of charts.entries()) {
      const paths = {
        svg: ctx.outputFile(`plots/${name}.svg`),
        spec: ctx.outputFile(`plots/${name}.vl.json`),
      };
      for (const warning of await writeChart(paths, spec)) ctx.log.warn(`${info.name}: ${name}: ${warning}`);
      files.push(paths.svg, paths.spec);
      ctx.progress(i + 1, charts.length);
    }
    return { charts: files };
  },
});

/** Places of the voxels to draw; a voxel that is asked for and is not fitted (outside the mask) is left out. */
function pickVoxels(
  chosen: number | readonly number[],
  names: readonly string[],
  r2: Float64Array,
): number[] {
  if (typeof chosen !== 'number') {
    return chosen.flatMap((place) => {
      const at = names.indexOf(String(place));
      return at >= 0 ? [at] : place < names.length && !/^[0-9]+$/.test(names[0]!) ? [place] : [];
    });
  }
  const fitted = [...r2.keys()].filter((v) => !Number.isNaN(r2[v]!));
  return fitted.sort((a, b) => r2[b]! - r2[a]! || a - b).slice(0, chosen);
}

async function extentOf(
  path: string | undefined,
): Promise<readonly [readonly [number, number], readonly [number, number]]> {
  if (path === undefined) {
    return [
      [-1, 1],
      [-1, 1],
    ];
  }
  const { data } = await readNpy(path);
  const range = (axis: 0 | 1): [number, number] => {
    let [low, high] = [Infinity, -Infinity];
    for (let at = axis; at < data.length; at += 2) {
      low = Math.min(low, data[at]!);
      high = Math.max(high, data[at]!);
    }
    return [low, high];
  };
  return [range(0), range(1)];
}

/** Of the slice with the most voxels that are good enough. */
function sliceCharts(good: readonly number[], numbers: (name: string) => Float64Array): NamedChart[] {
  const [i, j, k] = ['i', 'j', 'k'].map(numbers) as [Float64Array, Float64Array, Float64Array];
  const counts = new Map<number, number>();
  for (const v of good) counts.set(k[v]!, (counts.get(k[v]!) ?? 0) + 1);
  const [slice] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [];
  if (slice === undefined) return [];
  const inside = good.filter((v) => k[v] === slice);
  return (['polar_angle', 'eccentricity'] as const).map((name) => {
    const values = numbers(name);
    const cells = inside.map((v) => ({ i: i[v]!, j: j[v]!, value: values[v]! }));
    return sliceChart(name, cells, slice);
  });
}
