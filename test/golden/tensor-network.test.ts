/** The whole network and one whole training step against reference/atlas/golden; tolerances of spec/learned_atlas.md 11. */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../src/tensor/index.js';
import { goldenNetwork, ruleWeights } from '../support/golden-network.js';
import { goldenVolume, goldenWeights, relativeError } from '../support/golden-tensors.js';
import { hasReference, reference } from '../support/reference.js';
import { NATIVE_DEVICES, STOCK_DEVICE } from '../support/tensor-devices.js';

/** Relative to the largest absolute value of the array. */
const VALUE_TOLERANCE = 2e-5;
const GRADIENT_TOLERANCE = 1e-4;

interface StepRecord {
  readonly total: number;
  readonly lr: number;
  readonly ncc: number;
  readonly dice: number;
  readonly smooth: number;
  readonly density: number;
  readonly jacobian: number;
}

interface Golden {
  readonly parameter_order: Readonly<Record<string, readonly (readonly [string, readonly number[]])[]>>;
  readonly step_flow_scale: Readonly<Record<string, number>>;
  readonly scalars: Readonly<Record<string, StepRecord>>;
}

// On stock tfjs a whole network takes minutes; the ops it is made of are compared there one by one.
const devices = NATIVE_DEVICES.length > 0 ? NATIVE_DEVICES : [STOCK_DEVICE];

describe.skipIf(!hasReference).each(devices)('golden network on $name', ({ select }) => {
  let golden: Golden;
  beforeAll(async () => {
    await select();
    golden = JSON.parse(await readFile(reference('atlas/golden/golden.json'), 'utf8')) as Golden;
  });
  const order = (name: string) => golden.parameter_order[name] ?? [];

  test.each(['half', 'full'])(
    '%s-resolution flow: output and every gradient of the sum of its squares',
    async (flow) => {
      const before = nl.memoryCount();
      const input = await goldenVolume('unet_x');
      const x = nl.tensor(input.values, input.shape);
      const weights = ruleWeights(order(flow));
      const parameters = [...weights.values()];
      const { outputs, gradients } = await nl.valueAndGradients(() => {
        const y = goldenNetwork(x, weights, flow === 'half');
        return { loss: nl.sum(nl.square(y)), outputs: { y } };
      }, parameters);
      const expected = await goldenVolume(`unet_${flow}_y`);
      expect(outputs['y']?.shape).toEqual(expected.shape);
      expect(relativeError(await nl.read(outputs['y'] as nl.Tensor), expected.values)).toBeLessThanOrEqual(
        VALUE_TOLERANCE,
      );
      for (const [i, name] of [...weights.keys()].entries()) {
        const gradient = await goldenWeights(`unet_${flow}_g_${name}`);
        expect(
          relativeError(await nl.read(gradients[i] as nl.Tensor), gradient.values),
          name,
        ).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
      }
      nl.dispose([x, ...parameters, ...gradients, ...Object.values(outputs)]);
      expect(nl.memoryCount()).toBe(before);
    },
  );

  test('default widths', async () => {
    const input = await goldenVolume('unet_x');
    const x = nl.tensor(input.values, input.shape);
    const weights = ruleWeights(order('half_default_widths'));
    const y = nl.tidy(() => goldenNetwork(x, weights, true));
    const expected = await goldenVolume('unet_default_half_y');
    expect(relativeError(await nl.read(y), expected.values)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    nl.dispose([x, y, ...weights.values()]);
  });

  test.each(['half', 'full'])('%s-resolution flow: one training step', async (flow) => {
    const offset = 1e-3;
    const record = golden.scalars[`step_${flow}`] as StepRecord;
    const stack = await goldenVolume('step_stack');
    const grid = stack.shape.slice(1, 4);
    const size = stack.values.length / 3;
    const subject = nl.tensor(stack.values.slice(size, 2 * size), [1, ...grid, 1]);
    const start = await goldenVolume('step_theta_before');
    const theta = nl.parameter(start.values, start.shape);
    const weights = ruleWeights(order(flow), golden.step_flow_scale[flow]);
    const parameters = [...weights.values(), theta];

    const step = () =>
      nl.valueAndGradients(() => {
        const template = nl.inverseLogDensity(theta, offset);
        const logSubject = nl.logDensity(subject, offset);
        const v = goldenNetwork(
          nl.concatChannels([nl.logDensity(template, offset), logSubject]),
          weights,
          flow === 'half',
        );
        const integrated = nl.integrateVelocity(v, 7);
        const u = flow === 'half' ? nl.upsampleField(integrated) : integrated;
        const warped = nl.warp(template, u, 'zeros');
        const logWarped = nl.logDensity(warped, offset);
        const terms = {
          ncc: nl.localNccLoss(logSubject, logWarped, { window: 9, eps: 1e-5 }),
          dice: nl.softDiceLoss(logWarped, logSubject, subject, { threshold: 0, offWeight: 0.25, eps: 1e-6 }),
          smooth: nl.smoothnessLoss(v),
          density: nl.densityL1Loss(warped, subject, 1e-6),
          jacobian: nl.jacobianHingeLoss(u, 0.1),
        };
        const weighted = [terms.ncc, terms.dice, terms.smooth, nl.scale(terms.density, 0.5), terms.jacobian];
        return {
          loss: weighted.reduce((total, term) => nl.add(total, term)),
          terms,
          outputs: { v, u, W: warped },
        };
      }, parameters);

    const { value, terms, outputs, gradients } = await step();
    expect(Math.abs(value - record.total)).toBeLessThanOrEqual(VALUE_TOLERANCE * record.total);
    for (const name of ['ncc', 'dice', 'smooth', 'density', 'jacobian'] as const) {
      expect(Math.abs((terms[name] as number) - record[name]), name).toBeLessThanOrEqual(VALUE_TOLERANCE);
    }
    for (const [name, output] of Object.entries(outputs)) {
      const expected = await goldenVolume(`step_${flow}_${name}`);
      expect(relativeError(await nl.read(output), expected.values), name).toBeLessThanOrEqual(
        VALUE_TOLERANCE,
      );
    }
    for (const [i, name] of [...weights.keys()].entries()) {
      const gradient = await goldenWeights(`step_${flow}_g_${name}`);
      expect(
        relativeError(await nl.read(gradients[i] as nl.Tensor), gradient.values),
        name,
      ).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
    }
    const slopes = await goldenVolume(`step_${flow}_g_theta`);
    expect(relativeError(await nl.read(gradients.at(-1) as nl.Tensor), slopes.values)).toBeLessThanOrEqual(
      GRADIENT_TOLERANCE,
    );

    const optimizer = new nl.Adam({ lr: record.lr });
    optimizer.step(parameters, gradients);
    const firstWeight = await goldenWeights(`step_${flow}_enc0w_after`);
    expect(relativeError(await nl.read(parameters[0] as nl.Tensor), firstWeight.values)).toBeLessThanOrEqual(
      VALUE_TOLERANCE,
    );
    nl.dispose([subject, ...parameters, ...gradients, ...Object.values(outputs)]);
  });
});
