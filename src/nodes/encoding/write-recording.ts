import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import {
  readNpy,
  readTsv,
  writeAtomic,
  writeNpy,
  writeTsv,
  type NumericArray,
  type TsvCell,
} from '../../io/index.js';
import {
  isLinear,
  parameterNames,
  stimulusOf,
  type EncodingSettings,
} from '../../numerics/encoding/settings.js';
import { VERSION } from '../../version.js';
import { derivedOf, parameterUnits } from './fit-table.js';
import { FIT_COLUMNS, STATUSES } from './fit-voxels.js';
import { writeMaps } from './maps.js';
import { ComputedOn, RecordingInfo, SettingsPort } from './recording-info.js';
import { summaryOf } from './summary.js';

/** Puts the parts of a recording together: table, sidecar, maps, predictions, statistics. */
export const writeRecording = defineNode({
  name: 'write_recording',
  version: 2,
  inputs: {
    fits: port.list(port.file('npy')),
    predictions: port.list(port.file('npy')),
    left: port.list(port.file('npy')),
    weights: port.list(port.file('npy')),
    devices: port.list(port.value(ComputedOn)),
    places: port.file('tsv'),
    header: port.optional(port.file('nifti-header')),
    info: port.value(RecordingInfo),
    /** BIDS URIs of the files that were read, for the sidecar. */
    sources: port.value(z.array(z.string())),
    settings: port.value(SettingsPort),
    cleaning: port.value(z.strictObject({ detrend: z.int(), percent_change: z.boolean() })),
    maps: port.value(z.boolean()),
    min_r2: port.value(z.number()),
  },
  outputs: {
    parameters: port.file('tsv'),
    sidecar: port.file('json'),
    /** Time x voxels, float32. */
    predictions: port.file('npy'),
    residuals: port.file('npy'),
    /** Features x voxels, float64. */
    weights: port.file('npy'),
    maps: port.list(port.file('map')),
    /** A `RecordingSummary`. */
    summary: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { info, settings } = inputs;
    const names = parameterNames(settings);
    const derived = derivedOf(settings);
    const fits = await joined(inputs.fits);
    const columns = [...names, ...FIT_COLUMNS];
    const column = (name: string): Float64Array =>
      Float64Array.from(
        { length: info.voxels },
        (_, v) => fits.data[v * columns.length + columns.indexOf(name)]!,
      );
    const values = new Map(columns.map((name) => [name, column(name)]));
    for (const { name, of } of derived) {
      values.set(
        name,
        Float64Array.from({ length: info.voxels }, (_, v) => of((parameter) => values.get(parameter)![v]!)),
      );
    }
    const out = {
      parameters: ctx.outputFile('parameters.tsv'),
      sidecar: ctx.outputFile('parameters.json'),
      predictions: ctx.outputFile('predictions.npy'),
      residuals: ctx.outputFile('residuals.npy'),
      weights: ctx.outputFile('weights.npy'),
      summary: ctx.outputFile('summary.json'),
    };
    const places = await readTsv(inputs.places.path);
    const shown = [
      ...names,
      'r2',
      'status',
      'sigma2',
      'optima',
      'iterations',
      ...derived.map(({ name }) => name),
    ];
    const rows = places.rows.map((place, v): TsvCell[] => [
      place[0]!,
      ...shown.map((name) => (name === 'status' ? STATUSES[values.get(name)![v]!]! : values.get(name)![v]!)),
      ...place.slice(1),
    ]);
    await writeTsv(out.parameters, ['voxel', ...shown, ...places.columns.slice(1)], rows);
    ctx.progress(1, 3);
    await writeNpy(out.predictions, await byTime(inputs.predictions));
    await writeNpy(out.residuals, await byTime(inputs.left));
    await writeNpy(out.weights, await byTime(inputs.weights));
    ctx.progress(2, 3);
    const mapped = [...names, 'r2', 'sigma2', ...derived.map(({ name }) => name)];
    const maps = inputs.maps
      ? await writeMaps({
          info,
          places: places.rows.map((row) => Number(row[0])),
          header: inputs.header?.path ?? null,
          maps: mapped.map((name) => ({ name, values: values.get(name)! })),
          pathOf: (name) => ctx.outputFile(`maps/${name}`),
        })
      : [];
    const status = Array.from(values.get('status')!, (code) => STATUSES[code]!);
    const quality = { r2: values.get('r2')!, status };
    const described = [...names, ...derived.map(({ name }) => name)].map((name) => ({
      name,
      values: values.get(name)!,
    }));
    const summary = summaryOf(info, quality, described, inputs.min_r2);
    for (const warning of warningsOf(info, settings, summary.status))
      ctx.log.warn(`${info.name}: ${warning}`);
    await writeAtomic(out.summary, `${JSON.stringify(summary, null, 2)}\n`);
    await writeAtomic(out.sidecar, `${JSON.stringify(sidecar(inputs, settings, summary.status), null, 2)}\n`);
    return { ...out, maps };
  },
});

interface Joined {
  readonly data: NumericArray;
  readonly rows: number;
  readonly width: number;
}

/** Rows of all parts, one after the other. */
async function joined(files: ReadonlyArray<{ readonly path: string }>): Promise<Joined> {
  const parts = [];
  for (const { path } of files) parts.push(await readNpy(path));
  const width = parts[0]?.shape[1] ?? 0;
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const data =
    parts[0]?.data instanceof Float32Array ? new Float32Array(rows * width) : new Float64Array(rows * width);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { data, rows, width };
}

/** Voxels x time of all parts as time x voxels; part by part, so that one copy is in memory. */
async function byTime(
  files: ReadonlyArray<{ readonly path: string }>,
): Promise<{ shape: number[]; data: Float32Array | Float64Array }> {
  const shapes = [];
  let voxels = 0;
  for (const { path } of files) {
    const part = await readNpy(path);
    shapes.push(part);
    voxels += part.shape[0]!;
  }
  const width = shapes[0]?.shape[1] ?? 0;
  const data =
    shapes[0]?.data instanceof Float32Array
      ? new Float32Array(width * voxels)
      : new Float64Array(width * voxels);
  let from = 0;
  for (const { shape, data: rows } of shapes) {
    for (let v = 0; v < shape[0]!; v++) {
      for (let t = 0; t < width; t++) data[t * voxels + from + v] = rows[v * width + t]!;
    }
    from += shape[0]!;
  }
  return { shape: [width, voxels], data };
}

function warningsOf(
  info: RecordingInfo,
  { model, alpha }: EncodingSettings,
  status: Readonly<Record<string, number>>,
): string[] {
  const defects = (status['constant'] ?? 0) + (status['not_finite'] ?? 0);
  const features = info.stimulus.slice(1).reduce((product, size) => product * size, 1);
  return [
    ...(defects === 0
      ? []
      : [
          `${defects} of ${info.voxels} voxels are constant or hold values that are not numbers; their row is n/a`,
        ]),
    ...(isLinear(model) && features > info.frames && alpha === 0
      ? [
          `${features} features for ${info.frames} time points without a penalty: the data are reproduced whatever they are`,
        ]
      : []),
  ];
}

/** Everything that is needed to read, and to repeat, a table of parameters. */
function sidecar(
  inputs: {
    readonly info: RecordingInfo;
    readonly sources: readonly string[];
    readonly cleaning: object;
    readonly devices: readonly ComputedOn[];
    readonly min_r2: number;
  },
  settings: EncodingSettings,
  status: Readonly<Record<string, number>>,
): unknown {
  const { info } = inputs;
  const device = inputs.devices.find((one) => one !== null) ?? null;
  const isImages = stimulusOf(settings.model) === 'images';
  return {
    Sources: inputs.sources,
    GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
    model: settings.model,
    parameters: parameterNames(settings),
    repetition_time: info.tr,
    frames: info.frames,
    voxels: info.voxels,
    paradigm: { shape: info.stimulus, labels: info.stimulus_labels },
    confounds: info.confounds,
    cleaning: inputs.cleaning,
    settings,
    ...(device !== null && {
      computed_on: {
        ...device,
        what: 'correlation grid, responses and sums of the gradient, in float32; the step of Adam on the processor',
      },
    }),
    status_counts: status,
    conventions: {
      ...(isImages && {
        rf_norm: settings.rf_norm,
        coordinates: info.files['coordinates'] ?? '-1 to 1 in x and y',
        images: 'frames x nx x ny; x slow, y fast',
        polar_angle: 'atan2(y, x), rad',
      }),
      hrf_mode: settings.model.endsWith('_hrf') ? settings.hrf_mode : null,
      hrf_mixing:
        'y = baseline + amplitude (h * n): the response is convolved with amplitude 1 and baseline 0',
      convolution: 'before the first time point its value is held',
      r2: '1 - ssq / sum of squares about the mean; with confounds both without what they explain',
      sigma2: 'ssq / time points',
      voxel: voxelMeaning(info),
      missing: 'n/a: the voxel was not fitted, see status',
      ...(isLinear(settings.model) && {
        weights: 'features x voxels, float64; features in the order of the columns of the paradigm',
        alpha: 'minimises ||B W - Y||^2 + alpha ||W||^2; not scaled by the number of time points',
        intercept: settings.model === 'linear' ? 'none' : 'not penalised; the column baseline',
      }),
    },
    status: {
      converged: 'least-squares optimum inside the bounds',
      at_bound: 'the best place lies on a bound',
      max_iterations: 'the best so far',
      constant: 'the data do not vary; nothing was fitted',
      not_finite: 'the data hold values that are not numbers; nothing was fitted',
    },
    columns: {
      ...parameterUnits(settings),
      ...Object.fromEntries(
        derivedOf(settings).map(({ name, unit, description }) => [
          name,
          { Units: unit, Description: description },
        ]),
      ),
      sigma2: { Units: 'squared units of the data' },
      optima: {
        Description: 'different local optima that the followed starts ended in; 0: nothing was fitted',
      },
      iterations: { Description: 'over all starts' },
    },
  };
}

function voxelMeaning({ source, grid }: RecordingInfo): string {
  switch (source) {
    case 'volume':
      return `place in the grid ${grid.join(' x ')}, last axis fastest: (i ny + j) nz + k`;
    case 'surface':
      return 'number of the vertex, from 0';
    case 'array':
      return 'column of the data, from 0';
    case 'table':
      return 'name of the column of the data';
  }
}
