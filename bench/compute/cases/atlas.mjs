/**
 * One training step of the workflow: its network at default widths, all loss terms, gradient, Adam on weights and
 * template. The peer is peers/torch_atlas_step.py, the same terms in torch. --flow half|full.
 * Peak memory is that of the process: run each size in its own.
 */
import { emit, timed } from '../measure.mjs';

/** Ellipsoids, each subject moved along the first axis: the volumes of the peer. */
function subjects(size, count) {
  const axis = Array.from({ length: size }, (_, i) => -1 + (2 * i) / (size - 1));
  const volume = (shift) => {
    const values = new Float32Array(size ** 3);
    let at = 0;
    for (let i = 0; i < size; i++) {
      const x = axis[(i - shift + size) % size];
      for (const y of axis) {
        for (const z of axis) {
          const value = Math.exp(-(x * x) / 0.05 - (y * y) / 0.2 - (z * z) / 0.1);
          values[at++] = value < 0.02 ? 0 : value;
        }
      }
    }
    return values;
  };
  return Array.from({ length: count }, (_, index) => volume(2 * index));
}

/** A training on two of them, at the defaults of a network. @returns the data, and the training before its first step */
export async function atlasTraining(size, flow) {
  const { NetworkTraining } = await import('../../../dist/numerics/registration/network-training.js');
  const settings = await import('../../../dist/numerics/registration/settings.js');
  const volumes = subjects(size, 2);
  const data = {
    volumes,
    ids: ['1', '2'],
    shape: [size, size, size],
    unionSupport: Uint8Array.from(volumes[0], (value, at) => (value > 0 || volumes[1][at] > 0 ? 1 : 0)),
    settings: {
      model: settings.ModelSettings.parse({ flow_resolution: flow }),
      loss: settings.LossSettings.parse({}),
      optimizer: settings.OptimizerSettings.parse({ mode: 'network' }),
      densityInLog: false,
    },
  };
  const training = new NetworkTraining(data);
  training.startEpoch();
  return { data, training };
}

export async function run({ sizes, threads, reps, flow }) {
  const nl = await import('../../../dist/tensor/index.js');
  const { recomputesFinest } = await import('../../../dist/numerics/registration/memory-estimate.js');
  await nl.useDevice(await nl.resolveDevice('cpu'), threads);
  for (const size of sizes) {
    const { data, training } = await atlasTraining(size, flow);
    const losses = [];
    let at = 0;
    const result = await timed(() => training.step(at++ % 2).then(({ loss }) => losses.push(loss)), reps);
    emit('atlas_step', size, result, {
      flow,
      threads,
      recomputes: recomputesFinest(data),
      losses: losses.slice(0, 3),
    });
    training.dispose();
    nl.releaseMemory();
  }
}
