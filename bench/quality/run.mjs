/**
 * Quality of the learned atlas on the reference cohort, leave-source-out: the subject and the one that shares its
 * streamlines are both left out (reference/atlas/RESULTS.md). One JSON line per result; the last one sums up.
 *
 *   node bench/quality/run.mjs --case direct|network|hybrid|mean_warp|control|step [--subjects 101,103]
 *     [--cohort DIR] [--epochs N] [--threads 2] [--steps 30] [--full-steps 30] [--checkpoints DIR]
 *     [--set '{"model":{"flow_init_std":1e-3}}']
 *
 * --steps 0 is the network alone, --full-steps 0 the registration on the half grid only. With --checkpoints the trainings
 * stay in DIR, one folder per subject, and a second run with other steps does not train again.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { discoverSubjects, fortranToC, readNifti, readWaytotal } from '../../dist/io/index.js';
import { buildAtlasModel } from '../../dist/numerics/registration/atlas-model.js';
import { densityOf, meanLogDensity } from '../../dist/numerics/registration/density-transform.js';
import { emitSubject } from '../../dist/numerics/registration/emit.js';
import {
  compareWithMean,
  evaluateSubject,
  evaluationMedians,
} from '../../dist/numerics/registration/evaluate.js';
import { normalizeDensity } from '../../dist/numerics/registration/normalization.js';
import { LossSettings, ModelSettings, OptimizerSettings } from '../../dist/numerics/registration/settings.js';
import { trainTemplate } from '../../dist/numerics/registration/train.js';
import { prepareTrainingCohort } from '../../dist/numerics/registration/train-units.js';
import { initialWeights } from '../../dist/numerics/registration/network-layout.js';
import { seededRandom } from '../../dist/numerics/random.js';

const { values: options } = parseArgs({
  options: {
    case: { type: 'string', default: 'direct' },
    subjects: { type: 'string', default: '101,102,103,104,105' },
    cohort: { type: 'string' },
    epochs: { type: 'string' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '30' },
    'full-steps': { type: 'string', default: '30' },
    set: { type: 'string', default: '{}' },
    checkpoints: { type: 'string' },
    progress: { type: 'boolean', default: false },
  },
});

const shared = process.env.NEUROLOOM_SHARED ?? new URL('../../../shared', import.meta.url).pathname;
const root = options.cohort ?? join(shared, 'reference/atlas/cohort');
const compute = { device: 'cpu', threads: Number(options.threads) };
/** The same registration for the learned template and for the mean that it is compared with. */
const refinement = { instanceSteps: Number(options.steps), instanceFullSteps: Number(options['full-steps']) };

const print = (record) => console.log(JSON.stringify(record));

async function loadCohort() {
  const subjects = discoverSubjects(root);
  const loaded = await Promise.all(
    subjects.map(async ({ id, directory }) => {
      const volume = await readNifti(join(directory, 'tractography/fdt_paths.nii.gz'));
      const waytotal = readWaytotal(join(directory, 'tractography/waytotal'));
      const counts = fortranToC(volume.data, volume.shape);
      return { id, volume, data: normalizeDensity(counts, 'waytotal', await waytotal).data };
    }),
  );
  const [first] = loaded;
  return {
    ids: loaded.map(({ id }) => id),
    volumes: loaded.map(({ data }) => data),
    shape: first.volume.shape,
    affine: first.volume.affine,
  };
}

/** 106-110 are made from 101-105 in this order. */
const groupBy = Object.fromEntries(
  [1, 2, 3, 4, 5].map((person) => [String(105 + person), String(100 + person)]),
);

function settingsFor(mode) {
  const overrides = JSON.parse(options.set);
  const epochs = options.epochs === undefined ? {} : { epochs: Number(options.epochs) };
  return {
    model: ModelSettings.parse(overrides.model ?? {}),
    loss: LossSettings.parse(overrides.loss ?? {}),
    optimizer: OptimizerSettings.parse({ ...overrides.optimizer, ...epochs, mode }),
    densityInLog: false,
  };
}

function onEpoch(id) {
  return ({ epoch, loss, terms, jac_min, seconds }) => {
    if (options.progress) console.error(JSON.stringify({ id, epoch, loss, terms, jac_min, seconds }));
  };
}

/** Mean template, warped like a learned one (30 direct steps), or left alone behind an untrained network. */
async function evaluateMeanTemplate(cohort, id, mode) {
  const settings = settingsFor(mode);
  const source = groupBy[id] ?? id;
  const kept = cohort.ids.flatMap((other, index) => ((groupBy[other] ?? other) === source ? [] : [index]));
  const volumes = kept.map((index) => cohort.volumes[index]);
  const levels = settings.model.enc_features.length;
  const prepared = prepareTrainingCohort(volumes, cohort.shape, { crop: true, margin: 4, levels });
  const theta = meanLogDensity(prepared.volumes, settings.loss.log_offset);
  const trained = {
    mode,
    theta,
    template: densityOf(theta, settings.loss.log_offset),
    weights: initialWeights(settings.model, seededRandom(0, 'initialisation')),
    velocities: [],
  };
  const context = { ...cohort, ids: [], settings, ...refinement };
  const model = buildAtlasModel(trained, prepared, {
    ...context,
    softwareVersion: '',
    normalizationMethod: 'waytotal',
    trainingSpace: 'template_native',
  });
  const volume = cohort.volumes[cohort.ids.indexOf(id)];
  const emitted = await emitSubject({ ...compute, model, id, volume, foldPolicy: 'report' });
  const { jac_min, n_folds, ncc_before, ncc_after } = emitted;
  return { id, ...compareWithMean(emitted.warped, volume, volumes), jac_min, n_folds, ncc_before, ncc_after };
}

async function checkpointDirectory(id) {
  if (options.checkpoints === undefined) return null;
  const directory = join(options.checkpoints, id);
  await mkdir(directory, { recursive: true });
  return directory;
}

async function evaluateMode(cohort, id, mode) {
  const begin = process.cpuUsage();
  const result = await evaluateSubject({
    ...cohort,
    ...compute,
    id,
    groupBy,
    settings: settingsFor(mode),
    crop: true,
    margin: 4,
    ...refinement,
    foldPolicy: 'report',
    checkpointDir: await checkpointDirectory(id),
    onEpoch: onEpoch(id),
  });
  const { user, system } = process.cpuUsage(begin);
  return { ...result, cpu_s: (user + system) / 1e6 };
}

/** Seconds of one network step with half flow on the grid of the cohort. */
async function timeSteps(cohort) {
  const settings = settingsFor('network');
  const levels = settings.model.enc_features.length;
  const prepared = prepareTrainingCohort(cohort.volumes, cohort.shape, { crop: false, margin: 4, levels });
  let previous = { wall: performance.now(), cpu: process.cpuUsage() };
  const epochs = [];
  await trainTemplate({
    ...compute,
    ids: cohort.ids,
    volumes: prepared.volumes,
    shape: prepared.grid.padded,
    unionSupport: prepared.unionSupport,
    settings: { ...settings, optimizer: { ...settings.optimizer, epochs: Number(options.epochs ?? 4) } },
    checkpointDir: null,
    onEpoch: () => {
      const spent = process.cpuUsage(previous.cpu);
      const steps = cohort.ids.length;
      const wall = (performance.now() - previous.wall) / 1000 / steps;
      epochs.push({ wall_s: wall, cpu_s: (spent.user + spent.system) / 1e6 / steps });
      previous = { wall: performance.now(), cpu: process.cpuUsage() };
    },
  });
  // The first epoch holds the set-up.
  const steady = epochs.slice(1);
  const best = (key) => Math.min(...steady.map((epoch) => epoch[key]));
  return {
    grid: prepared.grid.padded,
    steps: steady.length * cohort.ids.length,
    wall_s: best('wall_s'),
    cpu_s: best('cpu_s'),
  };
}

const cohort = await loadCohort();
const name = options.case;
if (name === 'step') {
  print({ case: name, threads: compute.threads, ...(await timeSteps(cohort)) });
} else {
  const results = [];
  for (const id of options.subjects.split(',')) {
    const result =
      name === 'mean_warp'
        ? await evaluateMeanTemplate(cohort, id, 'direct')
        : name === 'control'
          ? await evaluateMeanTemplate(cohort, id, 'network')
          : await evaluateMode(cohort, id, name);
    results.push(result);
    print({ case: name, ...result });
  }
  const worst = (key) => Math.max(...results.map((result) => result[key]));
  print({
    case: name,
    subjects: results.length,
    median: evaluationMedians(results),
    most_folds: worst('n_folds'),
  });
}
