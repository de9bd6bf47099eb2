/**
 * A whole training of a synthetic cohort: five subjects on the full grid (no crop, padded to multiples of 16), three
 * epochs of the network with batch 1, all loss terms, as `train_template` runs it. --size 145 --flow half|full.
 * Peak memory is that of the process: run each case in its own.
 */
import { emit } from '../measure.mjs';

const SUBJECTS = 5;
const EPOCHS = 3;

/** Bent tubes of Gaussian profile, shifted from subject to subject, cut to exact zeros where they are thin. */
function subjects(size) {
  return Array.from({ length: SUBJECTS }, (_, subject) => {
    const values = new Float32Array(size ** 3);
    const shift = 0.04 * size * Math.sin(2.1 * subject + 0.4);
    const width = (0.09 * size) ** 2;
    let at = 0;
    for (let x = 0; x < size; x++) {
      for (let y = 0; y < size; y++) {
        for (let z = 0; z < size; z++) {
          const dx = x - size / 2 - shift;
          const dy = y - size / 2 - 0.2 * size * Math.sin((Math.PI * z) / size) + 0.5 * shift;
          const density = Math.exp(-(dx * dx + dy * dy) / width);
          values[at++] = density > 0.05 ? density : 0;
        }
      }
    }
    return values;
  });
}

export async function run({ sizes, threads, flow }) {
  const { trainTemplate } = await import('../../../dist/numerics/registration/train.js');
  const { prepareTrainingCohort } = await import('../../../dist/numerics/registration/train-units.js');
  const settings = await import('../../../dist/numerics/registration/settings.js');
  for (const size of sizes) {
    const shape = [size, size, size];
    const { grid, volumes, unionSupport } = prepareTrainingCohort(subjects(size), shape, {
      crop: false,
      margin: 0,
      levels: 4,
    });
    const started = process.cpuUsage();
    const wall = performance.now();
    let estimate = 0;
    const { history } = await trainTemplate({
      volumes,
      unionSupport,
      ids: volumes.map((_, i) => String(i + 1)),
      shape: grid.padded,
      settings: {
        model: settings.ModelSettings.parse({ flow_resolution: flow }),
        loss: settings.LossSettings.parse({}),
        optimizer: settings.OptimizerSettings.parse({ mode: 'network', epochs: EPOCHS }),
        densityInLog: false,
      },
      checkpointDir: null,
      device: 'cpu',
      threads,
      onMemoryEstimate: (megabytes) => (estimate = Math.round(megabytes)),
    });
    const { user, system } = process.cpuUsage(started);
    const steps = SUBJECTS * EPOCHS;
    const result = { wall_ms: (performance.now() - wall) / steps, cpu_ms: (user + system) / 1000 / steps };
    emit('atlas_cohort', size, result, {
      flow,
      threads,
      grid: grid.padded,
      epochs: EPOCHS,
      subjects: SUBJECTS,
      estimate_mb: estimate,
      losses: history.map(({ loss }) => loss),
    });
  }
}
