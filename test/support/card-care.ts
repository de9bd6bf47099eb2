/**
 * What a graphics device must keep besides numbers: memory, bits, transfers, limits, and its own loss. Imported by the
 * tests of graphics cards.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { asTensor, limitBindings, runProgram } from '../../src/tensor/backends/webgpu/program.js';
import { NetworkTraining } from '../../src/numerics/registration/network-training.js';
import { LossSettings, ModelSettings, OptimizerSettings } from '../../src/numerics/registration/settings.js';
import * as nl from '../../src/tensor/index.js';
import { tf } from '../../src/tensor/tfjs.js';
import { randomValues } from './random-values.js';
import { TRAINING_DEVICES } from './tensor-devices.js';

/** What the tests look into of the backend. */
interface Backend {
  readonly device: { destroy(): void };
  readonly tensorMap: { get(dataId: object): { readonly values: unknown } };
  read(dataId: object): Promise<unknown>;
  memory(): { readonly numBytesInGPU: number };
}
const backend = () => tf.backend() as unknown as Backend;

/** Bytes of arrays on the device, once what is queued has run. */
async function bytesHeld(): Promise<number> {
  const one = nl.tensor(Float32Array.of(1), [1]);
  // An own program: tfjs computes such small sums on the processor.
  const probe = nl.logDensity(one, 1);
  await nl.read(probe);
  nl.dispose([one, probe]);
  return backend().memory().numBytesInGPU;
}

/** A training of the sizes that the golden ones have: their programs are compiled already. */
function smallTraining(): NetworkTraining {
  const shape = [16, 16, 32] as const;
  const volumes = [1, 2].map((seed) => randomValues(16 * 16 * 32, seed).map((value) => Math.abs(value)));
  return new NetworkTraining({
    volumes,
    ids: ['a', 'b'],
    shape,
    unionSupport: new Uint8Array(16 * 16 * 32).fill(1),
    settings: {
      model: ModelSettings.parse({
        enc_features: [3, 4, 4, 4],
        dec_features: [4, 4, 4, 4, 4, 3, 3],
        flow_resolution: 'half',
      }),
      loss: LossSettings.parse({ mean_deformation_weight: 0 }),
      optimizer: OptimizerSettings.parse({ mode: 'network' }),
      densityInLog: false,
    },
  });
}

describe.each(TRAINING_DEVICES)('care of $name', ({ select }) => {
  let card: nl.DeviceInfo;
  beforeAll(async () => {
    card = await select();
  });

  test('a training step reads three small arrays back, and its memory is free afterwards, also after an error', async () => {
    const training = smallTraining();
    training.startEpoch();
    await training.step(0);
    const [tensors, bytes] = [nl.memoryCount(), await bytesHeld()];
    const own = backend();
    const read = own.read.bind(own);
    const sizes: number[] = [];
    own.read = async (dataId) => {
      // What was read before, or never left this process, is no transfer.
      const isTransfer = own.tensorMap.get(dataId).values == null;
      const values = await read(dataId);
      if (isTransfer) sizes.push((values as Float32Array).length);
      return values;
    };
    await training.step(1);
    own.read = read;
    // Loss with its terms; squared norms of the gradients; the smallest determinant.
    expect(sizes).toHaveLength(3);
    expect(Math.max(...sizes)).toBeLessThan(64);
    expect(nl.memoryCount()).toBe(tensors);
    expect(await bytesHeld()).toBe(bytes);

    const x = nl.tensor(randomValues(4096, 3), [1, 16, 16, 16, 1]);
    const failing = () =>
      nl.valueAndGradients(() => {
        nl.logDensity(nl.square(x), 1e-3);
        throw new Error('in the middle');
      }, [x]);
    // The first one brings x to the device.
    await expect(failing()).rejects.toThrow('in the middle');
    const held = await bytesHeld();
    await expect(failing()).rejects.toThrow('in the middle');
    expect(await bytesHeld()).toBe(held);
    nl.dispose(x);
    training.dispose();
  });

  test('sums that many voxels add to have the same bits every time', async () => {
    const shape = [1, 12, 12, 12, 2];
    const volume = nl.tensor(randomValues(12 ** 3 * 2, 1), shape);
    // All but a few voxels sample the same border.
    const field = nl.tensor(
      randomValues(12 ** 3 * 3, 2).map((value) => 40 * value),
      [1, 12, 12, 12, 3],
    );
    const weights = nl.tensor(
      randomValues(12 ** 3 * 2, 3).map((value) => value ** 9),
      shape,
    );
    const gradient = async () => {
      const { gradients } = await nl.valueAndGradients(
        () => nl.sum(nl.mul(nl.warp(volume, field, 'border'), weights)),
        [volume],
      );
      const values = await nl.read(gradients[0]!);
      nl.dispose([...gradients]);
      return values;
    };
    const first = await gradient();
    for (let again = 0; again < 5; again++) expect(await gradient()).toEqual(first);
    nl.dispose([volume, field, weights]);
  });

  test('arrays of more workgroups than one dimension takes are computed whole', async () => {
    const values = randomValues(165 ** 3, 4).map((value) => Math.abs(value));
    const x = nl.tensor(values, [1, 165, 165, 165, 1]);
    const logs = nl.logDensity(x, 1e-3);
    const found = await nl.read(logs);
    let worst = 0;
    for (let i = 0; i < values.length; i += 1009) {
      worst = Math.max(worst, Math.abs(found[i]! - Math.log1p(values[i]! / 1e-3) / Math.log1p(1e3)));
    }
    expect(worst).toBeLessThan(2e-6);
    expect(found.at(-1)).toBeCloseTo(Math.log1p(values.at(-1)! / 1e-3) / Math.log1p(1e3), 5);
    nl.dispose([x, logs]);
  });

  test('an array that the device cannot bind is refused with its size, by own programs and by those of tfjs', async () => {
    const before = nl.memoryCount();
    const x = nl.tensor(new Float32Array(2 ** 19), [2 ** 19]);
    limitBindings(2 ** 20);
    try {
      for (const op of [() => nl.logDensity(x, 1), () => nl.square(x)]) {
        const refused = nl.valueAndGradients(() => nl.sum(op()), [x]);
        await expect(refused).rejects.toMatchObject({
          code: 'MEMORY_LIMIT',
          message: expect.stringMatching(
            /needs an array of 2 MB, the graphics device takes 1 MB$/,
          ) as unknown as string,
          cure: 'set device cpu',
        });
      }
    } finally {
      limitBindings(Infinity);
    }
    nl.dispose(x);
    expect(nl.memoryCount()).toBe(before);
  });

  test('a read that fails on a sound device says what it failed by', async () => {
    const x = nl.tensor(Float32Array.of(1), [1]);
    nl.dispose(x);
    await expect(nl.read(x)).rejects.toThrow('Tensor is disposed.');
  });

  /** Computes with a device that was chosen anew. */
  async function expectUsable(): Promise<void> {
    await nl.useDevice(card, 1);
    const x = nl.tensor(Float32Array.of(0, 1), [2]);
    const logs = nl.logDensity(x, 1e-3);
    const [zero, one] = await nl.read(logs);
    expect(zero).toBe(0);
    expect(one).toBeCloseTo(1, 6);
    nl.dispose([x, logs]);
  }

  test('a program that the device does not take is told by its name; chosen anew, the device works', async () => {
    const before = nl.memoryCount();
    const x = nl.tensor(randomValues(4096, 6), [4096]);
    const broken = () =>
      asTensor(
        runProgram(tf.backend() as never, {
          key: 'without_end',
          inputs: { x },
          shape: [4096],
          code: 'fn compute(index : i32) { result[index] = nowhere; }',
        }),
      );
    const refused = {
      code: 'DEVICE_REFUSED',
      message: expect.stringMatching(
        /^the graphics device does not take the program without_end for arrays \(4096\), \(4096\): .*unresolved value 'nowhere'$/,
      ) as unknown as string,
      cure: 'set device cpu; update the driver of the card, and report this bug with the message if it stays',
    };
    await expect(nl.valueAndGradients(() => nl.sum(nl.add(broken(), x)), [x])).rejects.toMatchObject(refused);
    // What was computed beside it is lost with it.
    await expect(nl.valueAndGradients(() => nl.sum(nl.square(x)), [x])).rejects.toMatchObject(refused);
    nl.dispose(x);
    expect(nl.memoryCount()).toBe(before);
    await expectUsable();
  });

  test('a device that is lost in the middle of a pass is told with its cure, and nothing stays', async () => {
    const before = nl.memoryCount();
    const x = nl.tensor(randomValues(4096, 5), [1, 16, 16, 16, 1]);
    const lost = {
      code: 'DEVICE_LOST',
      cure: 'run again; set device cpu when it happens often',
    };
    const pass = nl.valueAndGradients(() => {
      const logs = nl.logDensity(nl.square(x), 1e-3);
      backend().device.destroy();
      return nl.sum(logs);
    }, [x]);
    await expect(pass).rejects.toMatchObject(lost);
    // Later work is refused at once, and by the same error.
    await expect(
      nl.valueAndGradients(() => nl.sum(nl.logDensity(nl.square(x), 1e-3)), [x]),
    ).rejects.toMatchObject(lost);
    nl.dispose(x);
    expect(nl.memoryCount()).toBe(before);
    await expectUsable();
  });
});
