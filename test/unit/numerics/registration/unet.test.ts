import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/numerics/random.js';
import { ModelSettings } from '../../../../src/numerics/registration/settings.js';
import { convolutions, initialWeights } from '../../../../src/numerics/registration/network-layout.js';
import { predictVelocity } from '../../../../src/numerics/registration/unet.js';
import {
  dispose,
  read,
  square,
  sum,
  tensor,
  scoped,
  valueAndGradients,
} from '../../../../src/tensor/index.js';

/** Multiply-adds of the network per input voxel, from the grids on which its convolutions run. */
function multiplyAdds(model: ModelSettings): number {
  return convolutions(model).reduce(
    (sum, { inputs, outputs, level }) => sum + (27 * inputs * outputs) / 8 ** level,
    0,
  );
}

describe('registration network', () => {
  test('the defaults cost what the specification says', () => {
    expect(Math.round(multiplyAdds(ModelSettings.parse({})))).toBe(17179);
    expect(Math.round(multiplyAdds(ModelSettings.parse({ flow_resolution: 'full' })))).toBe(74473);
  });

  test('decoder levels join the skip of their grid, and with half flow the last does not', () => {
    const shape = { enc_features: [2, 3], dec_features: [4, 5, 6], flow_resolution: 'full' as const };
    const inputs = (flow: 'half' | 'full') =>
      convolutions({ ...shape, flow_resolution: flow }).map(
        ({ name, inputs: n, outputs }) => `${name} ${n}>${outputs}`,
      );
    expect(inputs('full')).toEqual([
      'enc.0 2>2',
      'enc.1 2>3',
      'dec.0 3>4',
      'dec.1 7>5',
      'rem.0 7>6',
      'flow 6>3',
    ]);
    expect(inputs('half')).toEqual([
      'enc.0 2>2',
      'enc.1 2>3',
      'dec.0 3>4',
      'dec.1 7>5',
      'rem.0 5>6',
      'flow 6>3',
    ]);
  });

  test('weights start uniform within 1 / sqrt(fan in), the flow normal and small, its bias 0', () => {
    const model = ModelSettings.parse({ flow_init_std: 1e-3 });
    const weights = new Map(initialWeights(model, seededRandom(1, 'x')).map((array) => [array.name, array]));
    const values = (name: string) => [...weights.get(name)!.values];
    const enc1 = values('enc.1.weight');
    const bound = 1 / Math.sqrt(27 * 16);
    expect(weights.get('enc.1.weight')!.shape).toEqual([3, 3, 3, 16, 32]);
    expect(Math.max(...enc1.map(Math.abs))).toBeLessThanOrEqual(bound);
    // Variance of the uniform distribution, 13824 draws: standard error below 1 %.
    const variance = enc1.reduce((sum, value) => sum + value * value, 0) / enc1.length;
    expect(variance / (bound * bound)).toBeCloseTo(1 / 3, 1);
    expect(Math.max(...values('enc.1.bias').map(Math.abs))).toBeGreaterThan(0);
    const flow = values('flow.weight');
    const deviation = Math.sqrt(flow.reduce((sum, value) => sum + value * value, 0) / flow.length);
    expect(deviation / 1e-3).toBeGreaterThan(0.9);
    expect(deviation / 1e-3).toBeLessThan(1.1);
    expect(values('flow.bias')).toEqual([0, 0, 0]);
  });

  test('he widens the uniform draws to variance 2 / (1.04 fan in), leaves biases at 0 and the flow as it is', () => {
    const start = (conv_init: string) => {
      const model = ModelSettings.parse({ conv_init });
      const drawn = initialWeights(model, seededRandom(1, 'x'));
      return (name: string) => [...drawn.find((array) => array.name === name)!.values];
    };
    const [uniform, he] = [start('uniform'), start('he')];
    const enc1 = he('enc.1.weight');
    const variance = enc1.reduce((sum, value) => sum + value * value, 0) / enc1.length;
    expect(variance * 27 * 16).toBeCloseTo(2 / 1.04, 1);
    // The first draws of the stream: the same numbers, wider.
    expect(he('enc.0.weight')[0]! / uniform('enc.0.weight')[0]!).toBeCloseTo(Math.sqrt(6 / 1.04), 5);
    expect(new Set(he('enc.1.bias'))).toEqual(new Set([0]));
    expect(Math.max(...he('flow.weight').map(Math.abs))).toBeLessThan(1e-4);
  });

  test.each([
    ['half', 2, [1, 4, 4, 8, 3]],
    ['full', 2, [1, 8, 8, 16, 3]],
    ['half', 3, [1, 4, 4, 8, 3]],
  ] as const)('%s flow with %d levels gives a velocity on its grid', async (flow, levels, expected) => {
    const model = ModelSettings.parse({
      enc_features: Array.from({ length: levels }, () => 2),
      dec_features: Array.from({ length: levels + 1 }, () => 2),
      flow_resolution: flow,
    });
    await scoped(async () => {
      const input = tensor(new Float32Array(8 * 8 * 16 * 2).fill(0.5), [1, 8, 8, 16, 2]);
      const weights = initialWeights(model, seededRandom(0, 'initialisation'));
      const parameters = weights.map(({ values, shape }) => tensor(values as Float32Array, shape));
      const velocity = predictVelocity(model, parameters, input);
      expect(velocity.shape).toEqual(expected);
      // Near the identity: flow weights of 1e-5.
      expect(Math.max(...(await read(velocity)).map(Math.abs))).toBeLessThan(1e-3);
    });
  });

  test.each(['half', 'full'] as const)(
    '%s flow: finest activations that are computed again give the same bits',
    async (flow) => {
      const model = ModelSettings.parse({
        enc_features: [3, 4],
        dec_features: [4, 3, 2],
        flow_resolution: flow,
        flow_init_std: 0.1,
      });
      const values = Float32Array.from({ length: 8 * 8 * 16 * 2 }, (_, i) => Math.sin(i));
      const input = tensor(values, [1, 8, 8, 16, 2]);
      const weights = initialWeights(model, seededRandom(0, 'initialisation'));
      const parameters = weights.map((weight) => tensor(weight.values as Float32Array, weight.shape));
      const pass = async (recompute: boolean) => {
        const loss = () => sum(square(predictVelocity(model, parameters, input, recompute)));
        const { value, gradients } = await valueAndGradients(loss, [input, ...parameters]);
        const slopes = await Promise.all(gradients.map((gradient) => read(gradient)));
        const bytes = slopes.map((one) => Buffer.from(one.buffer).toString('hex'));
        dispose([...gradients]);
        return { value, bytes };
      };
      const kept = await pass(false);
      expect(await pass(true)).toEqual(kept);
      expect(kept.value).toBeGreaterThan(0);
      dispose([input, ...parameters]);
    },
  );
});
