import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildAtlasModel } from '../../../../src/numerics/registration/atlas-model.js';
import { useComputeDevice } from '../../../../src/numerics/registration/compute-device.js';
import { DirectTraining } from '../../../../src/numerics/registration/direct-training.js';
import { emitSubject } from '../../../../src/numerics/registration/emit.js';
import {
  emitAtlasMean,
  emitAtlasSubject,
  emitTemplates,
  templateModel,
} from '../../../../src/numerics/registration/emit-mixture.js';
import { type Shape3, unionSupportOf } from '../../../../src/numerics/registration/grid.js';
import { assignToMedoids, mixtureValue, nextShares } from '../../../../src/numerics/registration/mixture.js';
import { MixtureDirectTraining } from '../../../../src/numerics/registration/mixture-direct-training.js';
import { MixtureNetworkTraining } from '../../../../src/numerics/registration/mixture-network-training.js';
import { decodeModelFile, encodeModelFile } from '../../../../src/numerics/registration/model-file.js';
import { NetworkTraining } from '../../../../src/numerics/registration/network-training.js';
import type { TrainingSettings } from '../../../../src/numerics/registration/settings.js';
import { type TrainTemplateOptions, trainTemplate } from '../../../../src/numerics/registration/train.js';
import type { TrainingData } from '../../../../src/numerics/registration/training-data.js';
import { runTraining, type Training } from '../../../../src/numerics/registration/training-loop.js';
import { prepareTrainingCohort } from '../../../../src/numerics/registration/train-units.js';
import { unusedTemplates, unusedWarning } from '../../../../src/nodes/atlas/training-record.js';
import { memoryCount } from '../../../../src/tensor/index.js';
import { tinySettings, tinyTracts } from '../../../support/tiny-cohort.js';

const shape: Shape3 = [12, 12, 12];
const ids = ['1', '2', '3', '4', '5', '6'];

/** Three tracts along the last axis and three along the first: two anatomies. */
const volumes = tinyTracts(6, shape).map((volume, subject) =>
  subject % 2 === 0 ? volume : volume.map((_, v) => volume[turned(v)]!),
);

/** Index of the voxel with first and last axis exchanged. */
function turned(v: number): number {
  const [x, y, z] = [Math.floor(v / 144), Math.floor(v / 12) % 12, v % 12];
  return (z * 12 + y) * 12 + x;
}

const data = (settings: TrainingSettings): TrainingData => ({
  volumes,
  ids,
  shape,
  unionSupport: unionSupportOf(volumes),
  settings,
});

function train(settings: TrainingSettings, extra: Partial<TrainTemplateOptions> = {}) {
  return trainTemplate({ ...data(settings), checkpointDir: null, device: 'cpu', threads: 1, ...extra });
}

const two = { n_templates: 2, mixture_sharpness: 20 };

describe('the soft minimum', () => {
  test('with one template is the loss itself, bit for bit, and its responsibility 1', () => {
    for (const loss of [0.1, 0.7345678912345, 3]) {
      expect(mixtureValue([loss], [1], 20)).toEqual({ objective: loss, responsibilities: [1] });
    }
  });

  test('its derivative by a loss is the responsibility', () => {
    const [losses, pi, step] = [[0.41, 0.4, 0.52], [0.5, 0.3, 0.2], 1e-6];
    const { responsibilities } = mixtureValue(losses, pi, 20);
    responsibilities.forEach((responsibility, k) => {
      const moved = (by: number) =>
        mixtureValue(
          losses.map((loss, at) => (at === k ? loss + by : loss)),
          pi,
          20,
        ).objective;
      expect((moved(step) - moved(-step)) / (2 * step)).toBeCloseTo(responsibility, 6);
    });
    expect(responsibilities.reduce((sum, r) => sum + r, 0)).toBeCloseTo(1, 14);
  });

  test('is there where every part underflows', () => {
    expect(mixtureValue([900, 1000], [0.5, 0.5], 20).responsibilities).toEqual([1, 0]);
  });

  test('shares have a floor of 0.1 / K and sum 1', () => {
    const { pi, atFloor } = nextShares([
      [1, 0],
      [1, 0],
    ]);
    expect(pi).toEqual([1 / 1.05, 0.05 / 1.05]);
    expect(atFloor).toEqual([false, true]);
  });
});

test('medoids divide two anatomies, whatever the order of the subjects', () => {
  const assigned = assignToMedoids(volumes, shape, 2, 0.001);
  expect(assigned.map((template) => template === assigned[0])).toEqual([
    true,
    false,
    true,
    false,
    true,
    false,
  ]);
  const reversed = assignToMedoids([...volumes].reverse(), shape, 2, 0.001);
  expect(reversed.map((template) => template === reversed[0])).toEqual([
    true,
    false,
    true,
    false,
    true,
    false,
  ]);
  // Copies: every template still has a subject.
  const copies = assignToMedoids([volumes[0]!, volumes[0]!, volumes[0]!], shape, 2, 0.001);
  expect(new Set(copies).size).toBe(2);
});

describe('a mixture of one template', () => {
  const loop = (training: Training, settings: TrainingSettings) =>
    runTraining(training, {
      epochs: 3,
      optimizer: settings.optimizer,
      checkpointDir: null,
      identity: { configHash: '', cohortHash: '' },
    });

  test.each([
    ['network', NetworkTraining, MixtureNetworkTraining],
    ['direct', DirectTraining, MixtureDirectTraining],
  ] as const)('equals the single template bit for bit in mode %s', async (mode, Single, Mixture) => {
    await useComputeDevice({ device: 'cpu', threads: 1 });
    const settings = tinySettings({ mode });
    const [single, mixture] = [new Single(data(settings)), new Mixture(data(settings))];
    try {
      expect(await loop(mixture, settings)).toEqual(await loop(single, settings));
      const arrays = (await mixture.exportModel()).filter(({ name }) => !name.startsWith('mixture/'));
      expect(arrays).toEqual(await single.exportModel());
    } finally {
      single.dispose();
      mixture.dispose();
    }
  });
});

describe.each(['network', 'direct'] as const)('two templates in mode %s', (mode) => {
  const settings = tinySettings({ mode, epochs: 4 }, { model: two });

  test('find the two anatomies, and free their tensors', async () => {
    const before = memoryCount();
    const { mixture, furtherThetas, history, velocities } = await train(settings);
    expect(memoryCount()).toBe(before);
    expect(furtherThetas).toHaveLength(1);
    expect(velocities).toHaveLength(mode === 'direct' ? 12 : 0);
    const { pi, responsibilities } = mixture!;
    const first = responsibilities[0]![0]! > 0.5 ? 0 : 1;
    responsibilities.forEach((row, i) => {
      expect(row[i % 2 === 0 ? first : 1 - first]!, `subject ${i}`).toBeGreaterThan(0.99);
    });
    expect(pi[0]! + pi[1]!).toBeCloseTo(1, 6);
    expect(pi[0]).toBeCloseTo(0.5, 2);
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
  });

  test('continue after a cancellation with the bits of an undisturbed training', async () => {
    const undisturbed = await train(settings);
    for (const steps of [3, 9, 14]) {
      const directory = await mkdtemp(join(tmpdir(), 'mixture-'));
      const abort = new AbortController();
      let seen = 0;
      const signal = new Proxy(abort.signal, {
        get: (target, name) => (name === 'aborted' ? ++seen > steps : Reflect.get(target, name)),
      });
      await expect(train(settings, { checkpointDir: directory, signal })).rejects.toMatchObject({
        code: 'CANCELLED',
      });
      const { resumedAfter, ...rest } = await train(settings, { checkpointDir: directory });
      expect(resumedAfter).not.toBeNull();
      expect({ ...rest, resumedAfter: null }).toEqual(undisturbed);
      await rm(directory, { recursive: true });
    }
  });

  test('are written, read and emitted: the mean is the sum by shares, a subject the sum by responsibilities', async () => {
    const cohort = prepareTrainingCohort(volumes, shape, { crop: false, margin: 0, levels: 2 });
    const trained = await train(settings, { volumes: cohort.volumes, shape: cohort.grid.padded });
    const affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    const built = buildAtlasModel(trained, cohort, {
      softwareVersion: '1',
      settings,
      instanceSteps: 2,
      shape,
      affine,
      normalizationMethod: 'none',
      trainingSpace: 'template_native',
      ids,
    });
    const model = decodeModelFile(encodeModelFile(built), 'it');
    expect(model).toEqual(
      JSON.parse(JSON.stringify(built.metadata)) && { ...built, metadata: model.metadata },
    );
    const [first, second] = emitTemplates(model);
    const { pi } = trained.mixture!;
    emitAtlasMean(model).forEach((value, v) => {
      expect(value).toBeCloseTo(pi[0]! * first![v]! + pi[1]! * second![v]!, 6);
    });
    const options = {
      model,
      id: '2',
      volume: volumes[1]!,
      foldPolicy: 'repair',
      device: 'cpu',
      threads: 1,
    } as const;
    const emitted = await emitAtlasSubject(options);
    const [r1, r2] = emitted.responsibilities!;
    expect(Math.max(r1!, r2!)).toBeGreaterThan(0.99);
    expect(r1! + r2!).toBeCloseTo(1, 12);
    expect(emitted.n_folds).toBe(0);
    const each = await Promise.all(
      [0, 1].map((k) => emitSubject({ ...options, model: templateModel(model, k) })),
    );
    emitted.warped.forEach((value, v) => {
      expect(value).toBeCloseTo(r1! * each[0]!.warped[v]! + r2! * each[1]!.warped[v]!, 6);
    });
    expect(emitted.displacement).toEqual(each[r1! > r2! ? 0 : 1]!.displacement);
  });
});

test('more templates than subjects are refused, one that nobody needs is named', async () => {
  const settings = tinySettings({ mode: 'direct' }, { model: { n_templates: 7 } });
  await expect(train(settings)).rejects.toThrow('7 templates exceed the 6 subjects');
  const mixture = { pi: [], responsibilities: [], floorEpochs: [0, 3] };
  const history = Array.from({ length: 30 }, () => ({}) as never);
  expect(unusedTemplates({ mixture, history })).toEqual([2]);
  expect(unusedTemplates({ mixture: { ...mixture, floorEpochs: [0, 2] }, history })).toEqual([]);
  expect(unusedWarning([2])).toBe('template 2 explains hardly any subject: fewer templates would do');
});

test('a single template is emitted as before', async () => {
  const settings = tinySettings({ mode: 'direct' });
  const cohort = prepareTrainingCohort(volumes, shape, { crop: false, margin: 0, levels: 2 });
  const trained = await train(settings, { volumes: cohort.volumes });
  const model = buildAtlasModel(trained, cohort, {
    softwareVersion: '1',
    settings,
    instanceSteps: 2,
    shape,
    affine: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
    normalizationMethod: 'none',
    trainingSpace: 'template_native',
    ids,
  });
  const options = {
    model,
    id: '2',
    volume: volumes[1]!,
    foldPolicy: 'report',
    device: 'cpu',
    threads: 1,
  } as const;
  expect(await emitAtlasSubject(options)).toEqual({
    ...(await emitSubject(options)),
    responsibilities: null,
  });
});
