/**
 * Grid and Adam of receptive fields on devices of tensors against shared/reference/encoding (the peer's own fitter) and
 * against the fits of the processor.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { adamFit, adamFitOn } from '../../src/numerics/encoding/adam-fit.js';
import { gridFit, gridFitOn } from '../../src/numerics/encoding/grid-fit.js';
import { SPMHRFModel } from '../../src/numerics/encoding/hrf-model.js';
import { GaussianPRF2DWithHRF } from '../../src/numerics/encoding/models.js';
import { cleanParadigm } from '../../src/numerics/encoding/paradigm.js';
import { linspace } from '../../src/numerics/encoding/response.js';
import { EncodingSettings } from '../../src/numerics/encoding/settings.js';
import { matrix, type Matrix } from '../../src/numerics/linalg/matrix.js';
import * as nl from '../../src/tensor/index.js';
import { goldenArray, goldenColumns, goldenMatrix, relativeError } from '../support/golden-encoding.js';
import { hasReference } from '../support/reference.js';
import { COMPOSES, IS_BRIEF, TRAINING_DEVICES } from '../support/tensor-devices.js';

/** Sixty steps of all voxels and whole grids of tfjs ops, or on software that acts as a card, take a minute. */
const isLong = process.env['NEUROLOOM_TEST_LONG'] !== undefined;
/** Of the 24 in the golden arrays; each is fitted for itself. */
const VOXELS = isLong ? 24 : 6;

const LABELS = ['x', 'y', 'sd', 'baseline', 'amplitude'];

function firstVoxels(data: Matrix, count: number): Matrix {
  const rows = Array.from({ length: data.rows }, (_, t) => [
    ...data.values.subarray(t * data.columns, t * data.columns + count),
  ]);
  return matrix(data.rows, count, rows.flat());
}

function setting(allowNegativeAmplitudes = true, mode: 'compat' | 'exact' = 'compat') {
  const { shape, values } = goldenArray('stimulus');
  const model = new GaussianPRF2DWithHRF({
    gridCoordinates: goldenMatrix('grid_coordinates'),
    hrfModel: new SPMHRFModel({ tr: 1.317025, mode }),
    allowNegativeAmplitudes,
  });
  return {
    model,
    paradigm: cleanParadigm({ shape: shape as [number, number, number], values }),
    data: firstVoxels(goldenMatrix('bold'), VOXELS),
  };
}

const startOf = () => {
  const columns = goldenColumns('grid_refined', LABELS);
  const values = Float64Array.from(
    { length: 5 * VOXELS },
    (_, i) => columns[LABELS[i % 5]!]![Math.floor(i / 5)]!,
  );
  return { columns: LABELS, values: matrix(VOXELS, 5, values) };
};

test.each([
  [{ model: 'dog2d', solver: 'adam' }, 'dog2d is fitted on the processor only'],
  [
    { flexible_hrf: true, solver: 'adam' },
    'gaussian2d_hrf with an HRF per voxel is fitted on the processor only',
  ],
  [{}, 'the exact solver computes on the processor only'],
  [
    { solver: 'adam', grid_cost: 'ssq', grid: { x: [0], y: [0], sd: [1], baseline: [0], amplitude: [1] } },
    'a grid by squared residuals is computed on the processor only',
  ],
])('settings %j have no programs for a card, and say so', (settings, reason) => {
  const { error } = EncodingSettings.safeParse({ ...settings, device: 'webgpu' });
  expect(error?.issues.map(({ path, message }) => [path, message])).toEqual([[['device'], reason]]);
  expect(EncodingSettings.safeParse({ ...settings, device: 'cpu' }).success).toBe(true);
});

describe.skipIf(!hasReference).each(TRAINING_DEVICES.slice(-1))('receptive fields on $name', ({ select }) => {
  let compute: { device: nl.DeviceInfo; threads: number };
  beforeAll(async () => {
    compute = { device: await select(), threads: 2 };
  });

  const grids = [
    ['grid_correlation', false],
    ['grid_correlation_signed', true],
  ] as const;
  test.each(isLong ? grids : grids.slice(0, COMPOSES ? 0 : 1))(
    "%s: the points of the peer's grid, or of a smaller one, are those of the processor",
    async (name, allowNegative) => {
      const before = nl.memoryCount();
      const { model, paradigm, data } = setting(allowNegative);
      const count = isLong ? 10 : 4;
      const grid = {
        x: linspace(-8, 8, count),
        y: linspace(-4, 4, count),
        sd: linspace(0.1, 4, count),
        baseline: [0],
        amplitude: [1],
      };
      const found = await gridFitOn(compute, model, paradigm, data, grid);
      const golden = goldenMatrix(name).values;
      if (isLong) expect(relativeError(found.values.values, golden)).toBeLessThan(1e-6);
      expect(found.values).toEqual(gridFit(model, paradigm, data, grid).values);
      expect(nl.memoryCount()).toBe(before);
    },
  );

  const steps = isLong ? 60 : IS_BRIEF ? 4 : 10;

  test(`Adam: ${steps} steps of the peer's trace`, async () => {
    const before = nl.memoryCount();
    const { model, paradigm, data } = setting();
    const { values: trace } = goldenArray('adam_trace');
    const fit = await adamFitOn(compute, model, paradigm, data, {
      start: startOf(),
      maxIterations: steps,
      storesIntermediate: true,
    });
    const range = [0, 1, 2, 3, 4].map((i) => {
      const all = Array.from({ length: 60 * 24 }, (_, at) => trace[at * 6 + i]!);
      return Math.max(...all) - Math.min(...all);
    });
    let worst = 0;
    for (let at = 0; at < Math.min(steps, 10) * VOXELS; at++) {
      const golden = Math.floor(at / VOXELS) * 24 + (at % VOXELS);
      for (let i = 0; i < 5; i++) {
        const away = Math.abs(fit.intermediate!.values[at * 5 + i]! - trace[golden * 6 + i]!) / range[i]!;
        worst = Math.max(worst, away);
      }
    }
    expect(worst).toBeLessThan(1e-4);
    for (let v = 0; v < VOXELS; v++) {
      const golden = trace[((steps - 1) * 24 + v) * 6 + 5]!;
      const found = fit.intermediateR2!.values[(steps - 1) * VOXELS + v]!;
      expect(Math.abs(found - golden), `voxel ${v}`).toBeLessThan(1e-4);
    }
    expect(nl.memoryCount()).toBe(before);
  });

  test.skipIf(!COMPOSES)(
    'Adam with confounds, fixed and shared parameters and the noise of each voxel is that of the processor',
    async () => {
      const { model, paradigm, data } = setting(true, 'exact');
      const confounds = matrix(
        data.rows,
        2,
        Float64Array.from({ length: 2 * data.rows }, (_, i) => Math.sin(0.1 * i * (1 + (i % 2)))),
      );
      const options = {
        start: startOf(),
        confounds,
        fixed: ['sd'],
        shared: ['y'],
        noiseModel: 'gaussian',
        maxIterations: 8,
      } as const;
      const expected = adamFit(model, paradigm, data, options);
      const found = await adamFitOn(compute, model, paradigm, data, options);
      expect(found.status).toEqual(expected.status);
      expect(relativeError(found.parameters.values.values, expected.parameters.values.values)).toBeLessThan(
        1e-4,
      );
      expect(relativeError(found.r2, expected.r2)).toBeLessThan(1e-5);
    },
  );
});
