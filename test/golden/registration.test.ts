/** Network, losses and training steps against reference/atlas/golden (torch, float64); tolerances of spec/learned_atlas 11. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { NamedArray } from '../../src/numerics/registration/array-file.js';
import { meanLogDensity } from '../../src/numerics/registration/density-transform.js';
import { unionSupportOf, type Shape3 } from '../../src/numerics/registration/grid.js';
import { jacobianMinAndFolds } from '../../src/numerics/registration/jacobian.js';
import { nextMeanDisplacement } from '../../src/numerics/registration/losses.js';
import { NetworkTraining } from '../../src/numerics/registration/network-training.js';
import {
  displacementOf,
  registrationPass,
  toDensity,
  toLogDensity,
} from '../../src/numerics/registration/registration-pass.js';
import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  type TrainingSettings,
} from '../../src/numerics/registration/settings.js';
import { convolutions } from '../../src/numerics/registration/network-layout.js';
import { predictVelocity } from '../../src/numerics/registration/unet.js';
import * as nl from '../../src/tensor/index.js';
import { goldenArray, goldenNumbers } from '../support/golden-atlas.js';
import { goldenVolume, goldenWeights, relativeError } from '../support/golden-tensors.js';
import { hasReference } from '../support/reference.js';
import { COMPOSES, TENSOR_DEVICES, TRAINED_FLOWS, TRAINING_DEVICES } from '../support/tensor-devices.js';

/** Relative to the largest absolute value of the array. */
const VALUE_TOLERANCE = 2e-5;
const GRADIENT_TOLERANCE = 1e-4;

/** The small network of the golden arrays. */
const SMALL = { enc_features: [3, 4, 4, 4], dec_features: [4, 4, 4, 4, 4, 3, 3] };
const STEP_SHAPE: Shape3 = [16, 16, 32];

interface StepScalars {
  total: number;
  ncc: number;
  dice: number;
  smooth: number;
  density: number;
  jacobian: number;
  jac_min: number;
  loss_six_steps_same_subject: number[];
}
interface Scalars {
  step_half: StepScalars;
  step_full: StepScalars;
  mean_stream_cap3: number[];
}

function modelSettings(flow: 'half' | 'full', widths: object = SMALL): ModelSettings {
  return ModelSettings.parse({ ...widths, flow_resolution: flow });
}

function settingsFor(flow: 'half' | 'full', optimizer: object): TrainingSettings {
  return {
    model: modelSettings(flow),
    loss: LossSettings.parse({ mean_deformation_weight: 0 }),
    optimizer: OptimizerSettings.parse(optimizer),
    densityInLog: false,
  };
}

/**
 * The weights of the golden runs (golden.json, weight_rule), which counts through a filter as [out, in, 3, 3, 3].
 */
function goldenNetwork(model: ModelSettings, flowScale = 1): NamedArray[] {
  return convolutions(model).flatMap(({ name, inputs, outputs }, place) => {
    const factor = 1.5 / Math.sqrt(27 * inputs);
    const values = new Float32Array(27 * inputs * outputs);
    for (let out = 0; out < outputs; out++)
      for (let into = 0; into < inputs; into++)
        for (let tap = 0; tap < 27; tap++) {
          const k = (out * inputs + into) * 27 + tap;
          const weight = factor * Math.sin(0.7 * k + 0.3 * (2 * place));
          values[(tap * inputs + into) * outputs + out] = name === 'flow' ? weight * flowScale : weight;
        }
    const bias = Float32Array.from({ length: outputs }, (_, k) => 0.01 * Math.cos(k));
    return [
      { name: `${name}.weight`, shape: [3, 3, 3, inputs, outputs], values },
      { name: `${name}.bias`, shape: [outputs], values: bias },
    ];
  });
}

const onDevice = (weights: readonly NamedArray[]) =>
  weights.map(({ values, shape }) => nl.tensor(values as Float32Array, shape));

async function expectClose(
  actual: nl.Tensor | Float32Array,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
) {
  const values = actual instanceof Float32Array ? actual : await nl.read(actual);
  expect(relativeError(values, expected), what).toBeLessThanOrEqual(tolerance);
}

describe.skipIf(!hasReference).each(TENSOR_DEVICES)('golden network on $name', ({ select }) => {
  let scalars: Scalars;
  beforeAll(async () => {
    await select();
    scalars = (goldenNumbers() as unknown as { scalars: Scalars }).scalars;
  });

  // On software that acts as a card a long proof: steps of training run the same network.
  test.skipIf(!COMPOSES).each(TRAINED_FLOWS)(
    'network with %s flow: output and every gradient',
    async (flow) => {
      const before = nl.memoryCount();
      const model = modelSettings(flow);
      const layout = goldenNetwork(model);
      const weights = onDevice(layout);
      const { values, shape } = await goldenVolume('unet_x');
      const input = nl.tensor(values, shape);
      const { gradients, outputs } = await nl.valueAndGradients(() => {
        const y = predictVelocity(model, weights, input);
        return { loss: nl.sum(nl.square(y)), outputs: { y } };
      }, weights);
      const expected = await goldenVolume(`unet_${flow}_y`);
      expect(outputs['y']!.shape).toEqual(expected.shape);
      await expectClose(outputs['y']!, expected.values, VALUE_TOLERANCE, 'y');
      for (const [index, { name }] of layout.entries()) {
        const gradient = await goldenWeights(`unet_${flow}_g_${name}`);
        await expectClose(gradients[index]!, gradient.values, GRADIENT_TOLERANCE, name);
      }
      nl.dispose([...weights, input, ...gradients, outputs['y']!]);
      expect(nl.memoryCount()).toBe(before);
    },
  );

  test.skipIf(!COMPOSES)('network with the default widths', async () => {
    const model = modelSettings('half', {});
    const weights = onDevice(goldenNetwork(model));
    const { values, shape } = await goldenVolume('unet_x');
    const expected = await goldenVolume('unet_default_half_y');
    await nl.scoped(async () => {
      const y = predictVelocity(model, weights, nl.tensor(values, shape));
      await expectClose(y, expected.values, VALUE_TOLERANCE, 'y');
    });
    nl.dispose(weights);
  });

  test('running mean of the displacement', async () => {
    const stream = goldenArray('mean_stream_disps');
    const shape = [1, 4, 4, 4, 3];
    const size = 4 ** 3 * 3;
    const volume = await goldenVolume('mean_stream_disps');
    let mean: nl.Tensor | null = null;
    expect(stream.shape[0]).toBe(5);
    for (let t = 1; t <= 5; t++) {
      const u = nl.tensor(volume.values.slice((t - 1) * size, t * size), shape);
      const previous: nl.Tensor | null = mean;
      const next: nl.Tensor = nl.tidy(() => nextMeanDisplacement(previous, u, Math.min(t, 3)));
      const [loss] = await nl.scoped(() => nl.readScalars([nl.mean(nl.square(next))]));
      expect(Math.abs(loss! / scalars.mean_stream_cap3[t - 1]! - 1)).toBeLessThanOrEqual(VALUE_TOLERANCE);
      nl.dispose(u);
      if (previous !== null) nl.dispose(previous);
      mean = next;
    }
    await expectClose(mean!, (await goldenVolume('mean_stream_last')).values, VALUE_TOLERANCE, 'last mean');
    nl.dispose(mean!);
  });
});

describe.skipIf(!hasReference).each(TRAINING_DEVICES)('golden training steps on $name', ({ select }) => {
  let scalars: Scalars;
  let flowScale: { half: number; full: number };
  let volumes: Float32Array[];
  beforeAll(async () => {
    await select();
    const golden = goldenNumbers() as unknown as {
      scalars: Scalars;
      step_flow_scale: { half: number; full: number };
    };
    scalars = golden.scalars;
    flowScale = golden.step_flow_scale;
    const stack = goldenArray('step_stack');
    const voxels = STEP_SHAPE[0] * STEP_SHAPE[1] * STEP_SHAPE[2];
    volumes = [0, 1, 2].map((i) =>
      Float32Array.from(stack.data.slice(i * voxels, (i + 1) * voxels) as Float32Array),
    );
  });

  test.each(TRAINED_FLOWS)('one step with %s flow: fields, terms and gradients', async (flow) => {
    const golden = scalars[`step_${flow}`];
    const settings = settingsFor(flow, { mode: 'network' });
    const layout = goldenNetwork(settings.model, flowScale[flow]);
    const weights = onDevice(layout);
    const theta = nl.tensor((await goldenVolume('step_theta_before')).values, [1, ...STEP_SHAPE, 1]);
    const subject = nl.tensor(volumes[1]!, [1, ...STEP_SHAPE, 1]);
    const { value, gradients, terms, outputs } = await nl.valueAndGradients(() => {
      const input = nl.concatChannels([theta, toLogDensity(subject, 1e-3)]);
      const velocity = predictVelocity(settings.model, weights, input);
      const template = toDensity(theta, 1e-3);
      const pass = registrationPass(template, subject, velocity, settings, null);
      const warped = nl.warp(template, displacementOf(velocity, settings.model), 'zeros');
      return { ...pass, outputs: { ...pass.outputs, velocity, warped } };
    }, [theta, ...weights]);
    expect(Math.abs(value / golden.total - 1)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    expect(Object.keys(terms)).toEqual(['similarity', 'presence', 'density', 'smoothness', 'jacobian']);
    const reported = [terms['similarity']!, terms['presence']!, terms['density']!, terms['smoothness']!];
    await expectClose(
      Float32Array.from(reported),
      [golden.ncc, golden.dice, golden.density, golden.smooth],
      VALUE_TOLERANCE,
      'terms',
    );
    // The hinge of the golden full step is 6e-6, of terms near 1: absolute to the float32 of the loss.
    expect(Math.abs(terms['jacobian']! - golden.jacobian)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    for (const [name, output] of [
      ['v', 'velocity'],
      ['u', 'displacement'],
      ['W', 'warped'],
    ] as const) {
      await expectClose(
        outputs[output]!,
        (await goldenVolume(`step_${flow}_${name}`)).values,
        VALUE_TOLERANCE,
        name,
      );
    }
    const { min } = jacobianMinAndFolds({ data: await nl.read(outputs['displacement']!), shape: STEP_SHAPE });
    expect(min).toBeCloseTo(golden.jac_min, 4);
    const gTheta = await goldenVolume(`step_${flow}_g_theta`);
    await expectClose(gradients[0]!, gTheta.values, GRADIENT_TOLERANCE, 'theta');
    for (const [index, { name }] of layout.entries()) {
      const gradient = await goldenWeights(`step_${flow}_g_${name}`);
      await expectClose(gradients[index + 1]!, gradient.values, GRADIENT_TOLERANCE, name);
    }
    nl.dispose([...weights, theta, subject, ...gradients, ...Object.values(outputs)]);
  });

  test.each(TRAINED_FLOWS)('six training steps in a row with %s flow', async (flow) => {
    const before = nl.memoryCount();
    const settings = settingsFor(flow, { mode: 'network', lr: 1e-4, template_lr: 1e-4 });
    const training = new NetworkTraining({
      volumes,
      ids: ['a', 'b', 'c'],
      shape: STEP_SHAPE,
      unionSupport: unionSupportOf(volumes),
      settings,
    });
    const thetaBefore = (await goldenVolume('step_theta_before')).values;
    await expectClose(meanLogDensity(volumes, 1e-3), thetaBefore, VALUE_TOLERANCE, 'start of theta');
    const state = await training.exportState();
    const weights = goldenNetwork(settings.model, flowScale[flow]);
    training.importState({
      // Only the second subject, over and over.
      scalars: { ...state.scalars, order: [1, 1, 1, 1, 1, 1] },
      arrays: state.arrays.map((array) => {
        const given = weights.find(({ name }) => array.name === `weight/${name}`);
        return given === undefined ? array : { ...array, values: given.values };
      }),
    });
    const losses: number[] = [];
    for (let step = 0; step < 6; step++) {
      losses.push((await training.step(step)).loss);
      if (step > 0) continue;
      const model = await training.exportModel();
      const after = (name: string) => model.find((array) => array.name === name)!.values as Float32Array;
      await expectClose(
        after('theta'),
        (await goldenVolume(`step_${flow}_theta_after`)).values,
        VALUE_TOLERANCE,
        'theta',
      );
      const enc0 = await goldenWeights(`step_${flow}_enc0w_after`);
      await expectClose(after('weight/enc.0.weight'), enc0.values, VALUE_TOLERANCE, 'enc.0.weight');
    }
    expect(relativeError(losses, scalars[`step_${flow}`].loss_six_steps_same_subject)).toBeLessThanOrEqual(
      VALUE_TOLERANCE,
    );
    training.dispose();
    expect(nl.memoryCount()).toBe(before);
  });
});
