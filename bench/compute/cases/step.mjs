/**
 * One training step of the network of the torch script (`step --size N --init FILE`): U-Net 2-16-32-32-32, seven
 * squarings at full resolution, warp of the template with border clamp, local NCC 9^3 of log(x + 1e-3) over all voxels,
 * plus 0.1 times the mean squared gradient of the velocity; Adam 1e-3 (epsilon 1e-7) on weights and template.
 * --init reads the start values in the order of that script; a file that is not there is written with seeded values, so
 * that the script can read it. Losses of the first four steps are printed for comparison.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { emit, timed, uniform } from '../measure.mjs';

const CONVOLUTIONS = [
  [2, 16], [16, 32], [32, 32], [32, 32], [32, 32], [64, 32], [64, 32], [48, 16], [16, 16], [16, 3],
]; // prettier-ignore
const FLOW = CONVOLUTIONS.length - 1;

function seededStart(size) {
  const parts = CONVOLUTIONS.flatMap(([cin, cout], layer) => {
    const spread = layer === FLOW ? 1e-3 : Math.sqrt(3 / (27 * cin));
    return [
      uniform(27 * cin * cout, layer + 1).map((v) => v * spread),
      uniform(cout, layer + 50).map((v) => v * 0.005),
    ];
  });
  const image = (seed) => uniform(size ** 3, seed).map((v) => (v + 1) / 2);
  return Float32Array.from([...parts, image(101), image(102)].flatMap((part) => [...part]));
}

function startValues(size, file) {
  if (file === undefined) return seededStart(size);
  if (!existsSync(file)) writeFileSync(file, Buffer.from(seededStart(size).buffer));
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

export async function run({ sizes, threads, reps, init }) {
  const nl = await import('../../../dist/tensor/index.js');
  await nl.useDevice(await nl.resolveDevice('cpu'), threads);
  for (const size of sizes) {
    const values = startValues(size, init);
    let offset = 0;
    const take = (shape) => {
      const length = shape.reduce((product, n) => product * n, 1);
      offset += length;
      return nl.parameter(values.subarray(offset - length, offset), shape);
    };
    const layers = CONVOLUTIONS.map(([cin, cout]) => ({ w: take([3, 3, 3, cin, cout]), b: take([cout]) }));
    const template = take([1, size, size, size, 1]);
    const subject = take([1, size, size, size, 1]);
    const parameters = [...layers.flatMap(({ w, b }) => [w, b]), template];
    const optimizer = new nl.Adam({ lr: 1e-3, epsilon: 1e-7 });

    const block = (x, layer, slope = 0.2) => nl.convBlock(x, layers[layer].w, layers[layer].b, slope);
    const joined = (x, skip, layer) => nl.upConvBlock(x, skip, layers[layer].w, layers[layer].b, 0.2);
    const logOf = (x) => nl.log(nl.addNumber(x, 1e-3));
    const lossOf = () => {
      const e1 = block(nl.concatChannels([template, subject]), 0);
      const e2 = block(nl.maxPool2(e1), 1);
      const e3 = block(nl.maxPool2(e2), 2);
      let y = block(block(nl.maxPool2(e3), 3), 4);
      y = joined(y, e3, 5);
      y = joined(y, e2, 6);
      y = block(joined(y, e1, 7), 8);
      const velocity = block(y, FLOW, 1);
      const displacement = nl.integrateVelocity(velocity, 7);
      const warped = nl.warp(template, displacement, 'border');
      const similarity = nl.localNccLoss(logOf(subject), logOf(warped), {
        window: 9,
        eps: 1e-5,
        activeOnly: false,
      });
      return nl.add(similarity, nl.scale(nl.smoothnessLoss(velocity), 0.1));
    };
    const losses = [];
    const step = async () => {
      const { value, gradients } = await nl.valueAndGradients(lossOf, parameters);
      optimizer.step(parameters, gradients);
      nl.dispose(gradients);
      losses.push(value);
    };
    const result = await timed(step, reps);
    emit('unet_step', size, result, {
      threads,
      losses: losses.slice(0, 4).map((v) => Math.round(v * 1e6) / 1e6),
    });
    nl.dispose([...parameters, subject]);
    nl.releaseMemory();
  }
}
