import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Shape3 } from '../../../../src/numerics/registration/grid.js';
import { unionSupportOf } from '../../../../src/numerics/registration/grid.js';
import type { TrainingSettings } from '../../../../src/numerics/registration/settings.js';
import { type TrainTemplateOptions, trainTemplate } from '../../../../src/numerics/registration/train.js';
import { memoryCount } from '../../../../src/tensor/index.js';
import { tinySettings, tinyTracts } from '../../../support/tiny-cohort.js';

const shape: Shape3 = [8, 8, 12];
const volumes = tinyTracts(4, shape);
const unionSupport = unionSupportOf(volumes);

type Extra = Partial<TrainTemplateOptions>;

function train(settings: TrainingSettings, extra: Extra = {}) {
  return trainTemplate({
    volumes,
    ids: ['101', '102', '103', '104'],
    shape,
    unionSupport,
    settings,
    checkpointDir: null,
    device: 'cpu',
    threads: 1,
    ...extra,
  });
}

const MODES = ['network', 'direct'] as const;

describe.each(MODES)('training in mode %s', (mode) => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'training-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('lowers the loss, keeps the template where the cohort has density, and frees its tensors', async () => {
    const before = memoryCount();
    const { history, template, theta, weights, velocities } = await train(tinySettings({ mode, epochs: 8 }));
    expect(history).toHaveLength(8);
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
    expect(template.every((density, at) => density >= 0 && (unionSupport[at] === 1 || density === 0))).toBe(
      true,
    );
    expect(theta.some((value) => value > 0.5)).toBe(true);
    expect(weights.length > 0).toBe(mode === 'network');
    expect(velocities).toHaveLength(mode === 'direct' ? 4 : 0);
    expect(memoryCount()).toBe(before);
  });

  test('equal runs give equal bits, and history holds no times', async () => {
    const first = await train(tinySettings({ mode }));
    const second = await train(tinySettings({ mode }));
    expect(second).toEqual(first);
    expect(Object.keys(first.history[0]!)).toEqual(['epoch', 'loss', 'terms', 'lr', 'grad_norm', 'jac_min']);
    expect(Object.keys(first.history[0]!.terms)).toEqual([
      'similarity',
      'presence',
      'density',
      'smoothness',
      'jacobian',
      'mean_deformation',
    ]);
  });

  test('a training that is cancelled anywhere and continued gives the bits of an undisturbed one', async () => {
    const settings = tinySettings({ mode, epochs: 3, augmentation: 0.5 });
    const undisturbed = await train(settings);
    const before = memoryCount();
    for (let turns = 1; ; turns += 3) {
      await rm(directory, { recursive: true });
      directory = await mkdtemp(join(tmpdir(), 'training-'));
      const cancelled = await cancelAfter(turns, (signal) =>
        train(settings, { checkpointDir: directory, signal }),
      );
      if (!cancelled) break;
      expect(memoryCount()).toBe(before);
      const { resumedAfter, ...rest } = await train(settings, { checkpointDir: directory });
      expect(resumedAfter).not.toBeNull();
      expect({ ...rest, resumedAfter: null }).toEqual(undisturbed);
    }
  });

  test('continues from a checkpoint between epochs, and a finished training is not repeated', async () => {
    const settings = tinySettings({ mode, epochs: 3, checkpoint_every: 1 });
    const undisturbed = await train(settings);
    const seen: number[] = [];
    await train(settings, { checkpointDir: directory, onEpoch: ({ epoch }) => seen.push(epoch) });
    expect(await readdir(directory)).toEqual(['training.ckpt']);
    const again = await train(settings, {
      checkpointDir: directory,
      onEpoch: ({ epoch }) => seen.push(epoch),
    });
    expect(seen).toEqual([1, 2, 3]);
    expect({ ...again, resumedAfter: null }).toEqual(undisturbed);
    expect(again.resumedAfter).toBe(3);
  });

  test('a checkpoint of other settings or another cohort is not continued', async () => {
    const settings = tinySettings({ mode, epochs: 1 });
    await train(settings, { checkpointDir: directory });
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const other = tinySettings({ mode, epochs: 1 }, { loss: { density_weight: 0.25 } });
    expect((await train(other, { checkpointDir: directory, onWarning })).resumedAfter).toBeNull();
    expect(warnings[0]).toMatch(/^training starts anew: the checkpoint belongs to another configuration/);
    const required = tinySettings({ mode, epochs: 1, resume: 'require' });
    await expect(train(required, { checkpointDir: directory, ids: ['1', '2', '3', '4'] })).rejects.toThrow(
      /^resume is required, but the checkpoint belongs to another/,
    );
  });

  test('augmentation is for the network: it changes its training and not that of direct mode', async () => {
    const plain = await train(tinySettings({ mode, epochs: 2 }));
    const augmented = await train(tinySettings({ mode, epochs: 2, augmentation: 1 }));
    const equal = plain.theta.every((value, at) => value === augmented.theta[at]);
    expect(equal).toBe(mode === 'direct');
  });

  test('stops early after patience epochs and restores the best one', async () => {
    // No epoch improves by 99 %, so the first stays the best and training ends 2 epochs later.
    const settings = tinySettings({ mode, epochs: 9, patience: 2, min_delta: 0.99 });
    const { history, bestEpoch, stoppedEarly, theta } = await train(settings, { checkpointDir: directory });
    expect([history.length, bestEpoch, stoppedEarly]).toEqual([3, 1, true]);
    const single = await train(tinySettings({ mode, epochs: 1 }));
    expect(theta).toEqual(single.theta);
    const resumed = await train(settings, { checkpointDir: directory });
    expect({ ...resumed, resumedAfter: null }).toEqual({ ...(await train(settings)), resumedAfter: null });
  });

  test('a loss that is not finite stops training with epoch, step, subject and terms, and frees its tensors', async () => {
    const before = memoryCount();
    // Three terms near 1 with these weights add up to more than float32 holds.
    const loss = { similarity_weight: 3e38, presence_weight: 3e38, density_weight: 3e38 };
    const failure = await train(tinySettings({ mode }, { loss })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TRAINING_DIVERGED' });
    expect((failure as Error).message).toMatch(
      /^training diverged: loss \S+, gradient norm \S+ \(similarity \S+, /,
    );
    expect((failure as { where: string }).where).toMatch(/^epoch 1, step 1, subject 10[1-4]$/);
    expect(memoryCount()).toBe(before);
  });

  test('an epoch event tells how far it is', async () => {
    const events: object[] = [];
    await train(tinySettings({ mode, epochs: 2 }), { onEpoch: (event) => events.push(event) });
    expect(events).toMatchObject([
      { epoch: 1, epochs: 2, lr: mode === 'direct' ? 0.1 : 0.001 },
      { epoch: 2, epochs: 2, eta_seconds: 0 },
    ]);
    for (const event of events as { seconds: number; grad_norm: number; jac_min: number }[]) {
      expect(event.seconds).toBeGreaterThan(0);
      expect(event.grad_norm).toBeGreaterThan(0);
      expect(event.jac_min).toBeLessThanOrEqual(1.01);
    }
  });
});

describe('training', () => {
  test('another seed gives another network; direct mode has no random numbers', async () => {
    const seeds = (mode: string) =>
      Promise.all([0, 1].map((seed) => train(tinySettings({ mode, seed, epochs: 2 })))).then((runs) =>
        runs.map(({ theta }) => theta),
      );
    const [networkA, networkB] = await seeds('network');
    expect(networkA).not.toEqual(networkB);
    const [directA, directB] = await seeds('direct');
    expect(directA).toEqual(directB);
  });

  test('after the rounds the velocities of the cohort have mean 0', async () => {
    const { velocities } = await train(tinySettings({ mode: 'direct' }));
    const largest = Math.max(...velocities.flatMap((velocity) => [...velocity].map(Math.abs)));
    expect(largest).toBeGreaterThan(0.05);
    for (let at = 0; at < velocities[0]!.length; at++) {
      const mean = velocities.reduce((sum, velocity) => sum + velocity[at]!, 0) / velocities.length;
      expect(Math.abs(mean)).toBeLessThan(1e-6 * largest);
    }
  });

  test('the template rests in the first rounds of direct mode', async () => {
    const rest = await train(tinySettings({ mode: 'direct', epochs: 2, direct_velocity_rounds: 2 }));
    const moved = await train(tinySettings({ mode: 'direct', epochs: 3, direct_velocity_rounds: 2 }));
    const start = await train(tinySettings({ mode: 'direct', epochs: 1, direct_velocity_rounds: 1 }));
    expect(rest.theta).toEqual(start.theta);
    expect(moved.theta).not.toEqual(start.theta);
  });

  test('batches cover the cohort, the last one short', async () => {
    const { history } = await train(tinySettings({ mode: 'network', epochs: 4, batch_size: 3 }));
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
  });

  test('a term of weight 0 is not computed', async () => {
    const loss = { mean_deformation_weight: 0, jacobian_weight: 0, presence_weight: 0 };
    const { history } = await train(tinySettings({ mode: 'network', epochs: 1 }, { loss }));
    expect(Object.keys(history[0]!.terms)).toEqual(['similarity', 'density', 'smoothness']);
  });

  test('the loss is the weighted sum of its terms', async () => {
    const loss = {
      similarity_weight: 0.7,
      presence_weight: 1.3,
      density_weight: 0.4,
      smoothness_weight: 2,
      jacobian_weight: 3,
      mean_deformation_weight: 5,
    };
    const { history } = await train(tinySettings({ mode: 'direct', epochs: 3 }, { loss }));
    const { loss: total, terms } = history[2]!;
    const weighted = Object.entries(terms).map(
      ([name, value]) => value * loss[`${name}_weight` as keyof typeof loss],
    );
    // Float32 sums of terms near 1.
    expect(total).toBeCloseTo(
      weighted.reduce((sum, value) => sum + value),
      5,
    );
    expect(terms.mean_deformation).toBeGreaterThan(0);
  });

  test('the number of threads changes one step by rounding only', async () => {
    const settings = tinySettings({ mode: 'network', epochs: 1, batch_size: 4 });
    const [one, two] = [await train(settings, { threads: 1 }), await train(settings, { threads: 2 })];
    const largest = Math.max(...one.theta);
    one.theta.forEach((value, at) =>
      expect(Math.abs(value - two.theta[at]!)).toBeLessThanOrEqual(1e-5 * largest),
    );
  });

  test('densities that are logarithmic already are taken as they are', async () => {
    const settings = {
      ...tinySettings({ mode: 'direct', epochs: 2, direct_velocity_rounds: 2 }),
      densityInLog: true,
    };
    const { theta, template } = await train(settings);
    expect(template).toEqual(theta);
  });

  test.each([2, 3, 4])('%d levels, half and full flow', async (levels) => {
    const size = 2 ** levels;
    const grid: Shape3 = [size, size, 2 * size];
    const data = tinyTracts(2, grid);
    for (const flow of ['half', 'full']) {
      const model = {
        enc_features: Array.from({ length: levels }, () => 2),
        dec_features: Array.from({ length: levels }, () => 2),
        flow_resolution: flow,
      };
      const settings = tinySettings({ mode: 'network', epochs: 1 }, { model, loss: { ncc_window: 3 } });
      const { history } = await train(settings, {
        volumes: data,
        ids: ['1', '2'],
        shape: grid,
        unionSupport: unionSupportOf(data),
      });
      expect(Number.isFinite(history[0]!.loss)).toBe(true);
    }
  });

  test.each([
    [{ shape: [8, 8, 10] as Shape3 }, 'training grid 8 x 8 x 10 is not made of multiples of 4'],
    [{ ids: ['1'] }, '4 volumes and 1 ids were given'],
    [
      { unionSupport: new Uint8Array(5) },
      'union support has 5 values, the training grid 8 x 8 x 12 needs 768',
    ],
    [{ volumes: [...volumes.slice(1), new Float32Array(5)] }, 'volume of 104 has 5 values'],
    [
      { volumes: [...volumes.slice(1), new Float32Array(768).fill(NaN)] },
      'volume of 104 holds a value that is negative or not finite',
    ],
    [
      { settings: tinySettings({}, { loss: { ncc_window: 9 } }) },
      'ncc_window 9 is larger than the training grid 8 x 8 x 12',
    ],
    [{ settings: tinySettings({ batch_size: 5 }) }, 'batch_size 5 exceeds the 4 subjects'],
    [
      { settings: tinySettings({ resume: 'require' }) },
      'resume is required, but no checkpoint directory is given',
    ],
  ])('refuses data it cannot train on (case %#)', async (extra: Extra, message) => {
    await expect(train(tinySettings({ mode: 'network' }), extra)).rejects.toThrow(message);
  });

  test('an explicit device that is not there is an error', async () => {
    await expect(train(tinySettings({}), { device: 'cuda' })).rejects.toMatchObject({
      code: 'BACKEND_MISSING',
    });
  });
});

/** Cancels a run after some turns of the event loop; false when the run ended before. */
async function cancelAfter(turns: number, run: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
  const controller = new AbortController();
  let checks = 0;
  // Training looks at the signal once before each step: count the looks.
  const signal = new Proxy(controller.signal, {
    get(target, property) {
      if (property === 'aborted' && ++checks >= turns) controller.abort();
      const value: unknown = Reflect.get(target, property, target);
      return value;
    },
  });
  const outcome = await run(signal).then(
    () => false,
    (error: unknown) => error,
  );
  if (outcome === false) return false;
  expect(outcome).toMatchObject({ code: 'CANCELLED' });
  return true;
}
