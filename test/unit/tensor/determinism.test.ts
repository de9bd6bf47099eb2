import { describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { randomValues } from '../../support/random-values.js';
import { NATIVE_DEVICES } from '../../support/tensor-devices.js';

/** Loss and all gradients of a small network with registration behind it, one array after another. */
async function trainingPass(): Promise<Float32Array> {
  const image = (seed: number) => randomValues(16 ** 3, seed).map((v) => v * v);
  const template = nl.parameter(image(1), [1, 16, 16, 16, 1]);
  const subject = nl.tensor(image(2), [1, 16, 16, 16, 1]);
  const layers = [
    [2, 8],
    [8, 8],
    [16, 3],
  ].map(([cin, cout], i) => ({
    w: nl.parameter(
      randomValues(27 * cin! * cout!, i + 3).map((v) => v / 5),
      [3, 3, 3, cin!, cout!],
    ),
    b: nl.parameter(randomValues(cout!, i + 9), [cout!]),
  }));
  const parameters = [...layers.flatMap(({ w, b }) => [w, b]), template];
  const block = (x: nl.Tensor, i: number, slope: number) =>
    nl.convBlock(x, layers[i]!.w, layers[i]!.b, slope);
  const { value, gradients } = await nl.valueAndGradients(() => {
    const first = block(nl.concatChannels([template, subject]), 0, 0.2);
    const low = block(nl.maxPool2(first), 1, 0.2);
    const velocity = block(nl.upConcat(low, first), 2, 1);
    const displacement = nl.integrateVelocity(velocity, 5);
    const warped = nl.warp(template, displacement, 'zeros');
    const logSubject = nl.logDensity(subject, 1e-3);
    const similarity = nl.localNccLoss(logSubject, nl.logDensity(warped, 1e-3), { window: 5, eps: 1e-5 });
    const regular = nl.add(nl.smoothnessLoss(velocity), nl.jacobianHingeLoss(displacement, 0.1));
    return nl.add(nl.add(similarity, nl.densityL1Loss(warped, subject, 1e-6)), regular);
  }, parameters);
  const slopes = await Promise.all(gradients.map((gradient) => nl.read(gradient)));
  const values = Float32Array.from([value, ...slopes.flatMap((one) => [...one])]);
  nl.dispose([subject, ...parameters, ...gradients]);
  return values;
}

describe.each(NATIVE_DEVICES)('a training pass on $name', ({ select }) => {
  test('gives the same bits again with the same threads, and the same numbers with others', async () => {
    const device = await select();
    const [first, second] = [await trainingPass(), await trainingPass()];
    expect(second).toEqual(first);
    await nl.useDevice(device, 1);
    expect(relativeError(await trainingPass(), first)).toBeLessThanOrEqual(1e-5);
  });
});
