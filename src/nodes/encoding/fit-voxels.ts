import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpy, readNpyRows, writeNpy } from '../../io/index.js';
import { fitBlock, residualsOf } from '../../numerics/encoding/fit-from-settings.js';
import type { DeviceInfo } from '../../numerics/devices.js';
import { cleanParadigm } from '../../numerics/encoding/paradigm.js';
import { matrix, type Matrix } from '../../numerics/linalg/matrix.js';
import type { FitStatus } from '../../numerics/encoding/fit-result.js';
import { ComputedOn, RecordingInfo, SettingsPort } from './recording-info.js';

/** How the fit of a voxel ended, by the number that stands for it between nodes. */
export const STATUSES: readonly FitStatus[] = [
  'converged',
  'at_bound',
  'max_iterations',
  'constant',
  'not_finite',
];

/** What follows the parameters in a row of `fits`. */
export const FIT_COLUMNS = ['r2', 'ssq', 'sigma2', 'iterations', 'optima', 'status'] as const;

/** Progress is told this many times over a block. */
const REPORTS = 100;

/**
 * Fits one part of the voxels of a recording: HRF, grid, refinement and solver, or ridge weights. Voxels are
 * independent of each other, so how many parts there are changes no result; the solver adam takes all in one.
 */
export const fitVoxels = defineNode({
  name: 'fit_voxels',
  version: 2,
  inputs: {
    voxels: port.file('npy'),
    paradigm: port.file('npy'),
    grid: port.optional(port.file('npy')),
    nuisance: port.optional(port.file('npy')),
    info: port.value(RecordingInfo),
    /** Number of this part, and of all parts. */
    part: port.value(z.tuple([z.int(), z.int()])),
    settings: port.value(SettingsPort),
    /** Whether residuals are kept. */
    residuals: port.value(z.boolean()),
  },
  outputs: {
    /** Voxels x (parameters, then `FIT_COLUMNS`), float64. */
    fits: port.file('npy'),
    /** Voxels x time, float32. */
    predictions: port.file('npy'),
    /** Voxels x time, float32; no rows when they are not kept. */
    left: port.file('npy'),
    /** Voxels x features, float64; no columns for models without weights. */
    weights: port.file('npy'),
    device: port.value(ComputedOn),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { info, part, settings } = inputs;
    const from = Math.floor((info.voxels * part[0]) / part[1]);
    const to = Math.floor((info.voxels * (part[0] + 1)) / part[1]);
    const rows = await readNpyRows(inputs.voxels.path, from, to);
    const data = turned(rows.data, to - from, info.frames);
    const stimulus = await readNpy(inputs.paradigm.path);
    const [frames = 0, nx = 0, ny] = stimulus.shape;
    const confounds = await readMatrix(inputs.nuisance?.path);
    const step = Math.max(1, Math.ceil((to - from) / REPORTS));
    const fit = await fitBlock({
      settings,
      data,
      paradigm: cleanParadigm(
        ny === undefined
          ? matrix(frames, nx, stimulus.data)
          : { shape: [frames, nx, ny], values: stimulus.data },
      ),
      tr: info.tr,
      coordinates: await readMatrix(inputs.grid?.path),
      confounds,
      threads: ctx.cpus,
      onProgress: (done, total) => {
        if (done % step === 0 || done === total) ctx.progress(done, total, settings.solver);
      },
    });
    const out = {
      fits: ctx.outputFile('fits.npy'),
      predictions: ctx.outputFile('predictions.npy'),
      left: ctx.outputFile('residuals.npy'),
      weights: ctx.outputFile('weights.npy'),
    };
    const { columns, values } = fit.parameters;
    const width = columns.length + FIT_COLUMNS.length;
    const table = new Float64Array((to - from) * width);
    for (let v = 0; v < to - from; v++) {
      table.set(values.values.subarray(v * columns.length, (v + 1) * columns.length), v * width);
      const status = STATUSES.indexOf(fit.status[v]!);
      const own = [fit.r2[v]!, fit.ssq[v]!, fit.sigma2[v]!, fit.iterations[v]!, fit.optima[v]!, status];
      table.set(own, v * width + columns.length);
    }
    await writeNpy(out.fits, { shape: [to - from, width], data: table });
    await writeNpy(out.predictions, byVoxel(fit.predictions));
    const left = inputs.residuals ? residualsOf(data, fit.predictions, confounds) : matrix(frames, 0);
    await writeNpy(out.left, byVoxel(left));
    const weights = fit.weights ?? matrix(0, to - from);
    await writeNpy(out.weights, {
      shape: [weights.columns, weights.rows],
      data: turned(weights.values, weights.rows, weights.columns).values,
    });
    return { ...out, device: computedOn(fit.device) };
  },
});

function computedOn(info: DeviceInfo | null): ComputedOn {
  if (info === null) return null;
  const { device, backend, versions, adapter } = info;
  return { device, backend, versions: { ...versions }, adapter: adapter === null ? null : { ...adapter } };
}

/** @param values - rows x columns @returns columns x rows */
function turned(values: ArrayLike<number>, rows: number, columns: number): Matrix {
  const result = matrix(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result.values[column * rows + row] = values[row * columns + column]!;
    }
  }
  return result;
}

function byVoxel({ rows, columns, values }: Matrix): { shape: number[]; data: Float32Array } {
  return { shape: [columns, rows], data: Float32Array.from(turned(values, rows, columns).values) };
}

async function readMatrix(path: string | undefined): Promise<Matrix | null> {
  if (path === undefined) return null;
  const { shape, data } = await readNpy(path);
  return matrix(shape[0]!, shape[1]!, data);
}
