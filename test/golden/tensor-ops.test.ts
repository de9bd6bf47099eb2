/** Single ops against reference/atlas/golden (torch, float64); tolerances of spec/learned_atlas.md section 11. */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../src/tensor/index.js';
import { goldenVolume, goldenWeights, relativeError, type Volume } from '../support/golden-tensors.js';
import { hasReference, reference } from '../support/reference.js';
import { IS_BRIEF, TENSOR_DEVICES } from '../support/tensor-devices.js';

/** Relative to the largest absolute value of the array. */
const VALUE_TOLERANCE = 2e-5;
const GRADIENT_TOLERANCE = 1e-4;

const put = ({ values, shape }: Volume) => nl.tensor(values, shape);

async function expectClose(actual: nl.Tensor, expected: Volume, tolerance: number): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  expect(relativeError(await nl.read(actual), expected.values)).toBeLessThanOrEqual(tolerance);
}

/** Runs an op, checks its result, then its gradients for an upstream gradient. */
async function expectOp(
  inputs: readonly nl.Tensor[],
  op: () => nl.Tensor,
  expected: Volume,
  upstream: Volume,
  gradients: readonly (Volume | null)[],
): Promise<void> {
  const before = nl.memoryCount();
  const dy = put(upstream);
  const result = await nl.valueAndGradients(() => {
    const y = op();
    return { loss: nl.sum(nl.mul(y, dy)), outputs: { y } };
  }, inputs);
  await expectClose(result.outputs['y'] as nl.Tensor, expected, VALUE_TOLERANCE);
  for (const [i, gradient] of gradients.entries()) {
    if (gradient !== null) await expectClose(result.gradients[i] as nl.Tensor, gradient, GRADIENT_TOLERANCE);
  }
  nl.dispose([dy, ...result.gradients, ...Object.values(result.outputs)]);
  expect(nl.memoryCount()).toBe(before);
}

describe.skipIf(!hasReference).each(TENSOR_DEVICES)('golden tensor ops on $name', ({ select }) => {
  let scalars: Record<string, number>;
  beforeAll(async () => {
    await select();
    const text = await readFile(reference('atlas/golden/golden.json'), 'utf8');
    scalars = (JSON.parse(text) as { scalars: Record<string, number> }).scalars;
  });

  test('convolution with leaky ReLU and its three gradients', async () => {
    const [x, gy, y, gx] = await Promise.all(['conv_x', 'conv_gy', 'conv_y', 'conv_gx'].map(goldenVolume));
    const [w, b, gw, gb] = await Promise.all(['conv_w', 'conv_b', 'conv_gw', 'conv_gb'].map(goldenWeights));
    const inputs = [x, w, b].map((v) => put(v as Volume)) as [nl.Tensor, nl.Tensor, nl.Tensor];
    await expectOp(
      inputs,
      () => nl.convBlock(...inputs, 0.2),
      y as Volume,
      gy as Volume,
      [gx, gw, gb] as Volume[],
    );
    nl.dispose(inputs);
  });

  test('max pooling and its gradient', async () => {
    const [x, gy, y, gx] = await Promise.all(['pool_x', 'pool_gy', 'pool_y', 'pool_gx'].map(goldenVolume));
    const input = put(x as Volume);
    await expectOp([input], () => nl.maxPool2(input), y as Volume, gy as Volume, [gx as Volume]);
    nl.dispose(input);
  });

  test.each(['zeros', 'border'] as const)(
    'trilinear pull with %s outside, and both gradients',
    async (mode) => {
      const files = [
        'warp_vol',
        'warp_disp',
        'warp_gout',
        `warp_${mode}_out`,
        `warp_${mode}_gvol`,
        `warp_${mode}_gdisp`,
      ];
      const [volume, displacement, gout, out, gvol, gdisp] = (await Promise.all(files.map(goldenVolume))) as [
        Volume,
        Volume,
        Volume,
        Volume,
        Volume,
        Volume,
      ];
      const inputs = [put(volume), put(displacement)] as const;
      await expectOp(inputs, () => nl.warp(inputs[0], inputs[1], mode), out, gout, [gvol, gdisp]);
      nl.dispose([...inputs]);
    },
  );

  test.each(IS_BRIEF ? [7] : [0, 1, 5, 7])('integration of a velocity in %i squarings', async (steps) => {
    const velocity = put(await goldenVolume('vecint_v'));
    const expected = await goldenVolume(`vecint_${steps}_out`);
    const hasGradient = steps === 5 || steps === 7;
    const { outputs, gradients } = await nl.valueAndGradients(() => {
      const out = nl.integrateVelocity(velocity, steps);
      const loss = nl.sum(nl.add(nl.scale(out, 0.5), nl.scale(nl.square(out), 0.05)));
      return { loss, outputs: { out } };
    }, [velocity]);
    await expectClose(outputs['out'] as nl.Tensor, expected, VALUE_TOLERANCE);
    if (hasGradient) {
      await expectClose(
        gradients[0] as nl.Tensor,
        await goldenVolume(`vecint_${steps}_gv`),
        GRADIENT_TOLERANCE,
      );
    }
    nl.dispose([velocity, ...gradients, ...Object.values(outputs)]);
  });

  test('upsampling of a displacement and its gradient', async () => {
    const u = put(await goldenVolume('vecint_v'));
    const { outputs, gradients } = await nl.valueAndGradients(() => {
      const out = nl.upsampleField(u);
      return { loss: nl.sum(nl.add(out, nl.scale(nl.square(out), 0.5))), outputs: { out } };
    }, [u]);
    await expectClose(outputs['out'] as nl.Tensor, await goldenVolume('up2_out'), VALUE_TOLERANCE);
    await expectClose(gradients[0] as nl.Tensor, await goldenVolume('up2_g'), GRADIENT_TOLERANCE);
    nl.dispose([u, ...gradients, ...Object.values(outputs)]);
  });

  /** Value and gradient of a loss of the warped template of the golden pair. */
  async function expectLoss(
    loss: (warped: nl.Tensor, subject: nl.Tensor) => nl.Tensor,
    expected: number,
    gradientFile: string,
  ): Promise<void> {
    const [subject, warped] = (await Promise.all(['loss_S', 'loss_W'].map(goldenVolume))).map(put) as [
      nl.Tensor,
      nl.Tensor,
    ];
    const { value, gradients } = await nl.valueAndGradients(() => loss(warped, subject), [warped]);
    expect(Math.abs(value - expected)).toBeLessThanOrEqual(VALUE_TOLERANCE * Math.abs(expected));
    await expectClose(gradients[0] as nl.Tensor, await goldenVolume(gradientFile), GRADIENT_TOLERANCE);
    nl.dispose([subject, warped, ...gradients]);
  }
  const log = (x: nl.Tensor, offset = 1e-3) => nl.logDensity(x, offset);

  test.each(IS_BRIEF ? [9] : [3, 5, 9])('local NCC of log density with window %i', async (window) => {
    await expectLoss(
      (warped, subject) => nl.localNccLoss(log(subject), log(warped), { window, eps: 1e-5 }),
      scalars[`ncc_log_win${window}`] as number,
      `ncc_log_win${window}_gW`,
    );
  });

  test('local NCC of identical, empty and missing images', async () => {
    const subject = put(await goldenVolume('loss_S'));
    const empty = nl.zeros(subject.shape);
    const ncc = (i: nl.Tensor, j: nl.Tensor) =>
      nl.scoped(() => nl.readScalars([nl.localNccLoss(log(i), log(j), { window: 9, eps: 1e-5 })]));
    expect((await ncc(subject, subject))[0]).toBeCloseTo(0, 5);
    expect(await ncc(empty, subject)).toEqual([0]);
    expect(await ncc(subject, empty)).toEqual([1]);
    nl.dispose([subject, empty]);
  });

  test.each([
    [0.25, 0],
    [1, 0],
    [0, 0.1],
  ])('soft Dice with weight %f off the support above %f', async (offWeight, threshold) => {
    const name = `dice_off${offWeight === 0.25 ? '0.25' : offWeight.toFixed(1)}_thr${threshold.toFixed(1)}`;
    await expectLoss(
      (warped, subject) =>
        nl.softDiceLoss(log(warped), log(subject), subject, { threshold, offWeight, eps: 1e-6 }),
      scalars[name] as number,
      `${name}_gW`,
    );
  });

  test('relative density error', async () => {
    await expectLoss((w, s) => nl.densityL1Loss(w, s, 1e-6), scalars['density'] as number, 'density_gW');
  });

  test('smoothness of a velocity', async () => {
    const v = put(await goldenVolume('vecint_v'));
    const { value, gradients } = await nl.valueAndGradients(() => nl.smoothnessLoss(v), [v]);
    expect(value).toBeCloseTo(scalars['smooth'] as number, 6);
    await expectClose(gradients[0] as nl.Tensor, await goldenVolume('smooth_gv'), GRADIENT_TOLERANCE);
    nl.dispose([v, ...gradients]);
  });

  test('penalty of folds', async () => {
    const u = put(await goldenVolume('jac_rough_disp'));
    const expected = scalars['jacobian_hinge_margin0.1'] as number;
    const { value, gradients } = await nl.valueAndGradients(() => nl.jacobianHingeLoss(u, 0.1), [u]);
    expect(Math.abs(value / expected - 1)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    await expectClose(
      gradients[0] as nl.Tensor,
      await goldenVolume('jacobian_hinge_gdisp'),
      GRADIENT_TOLERANCE,
    );
    nl.dispose([u, ...gradients]);
  });

  test('log density and its inverse', async () => {
    const table = (scalars as unknown as { llog: { x: number[]; y: number[]; offset: number } }).llog;
    const x = nl.tensor(Float32Array.from(table.x), [table.x.length]);
    const y = nl.logDensity(x, table.offset);
    const back = nl.inverseLogDensity(y, table.offset);
    expect(relativeError(await nl.read(y), table.y)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    expect(relativeError(await nl.read(back), table.x)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    nl.dispose([x, y, back]);
  });
});
