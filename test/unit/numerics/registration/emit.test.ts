import { describe, expect, test } from 'vitest';
import { buildAtlasModel } from '../../../../src/numerics/registration/atlas-model.js';
import {
  densityOf,
  limitTemplateMass,
  logDensityOf,
  totalMass,
} from '../../../../src/numerics/registration/density-transform.js';
import { emitSubject, emitTemplate, type FoldPolicy } from '../../../../src/numerics/registration/emit.js';
import {
  evaluateSubject,
  evaluationMedians,
  groupOf,
  massRatio,
} from '../../../../src/numerics/registration/evaluate.js';
import { convertFieldSpace } from '../../../../src/numerics/registration/field-space.js';
import { pasteVolume, type Shape3, voxelCount } from '../../../../src/numerics/registration/grid.js';
import { jacobianMinAndFolds } from '../../../../src/numerics/registration/jacobian.js';
import {
  type AtlasModel,
  decodeModelFile,
  encodeModelFile,
} from '../../../../src/numerics/registration/model-file.js';
import {
  integrateSubjectVelocity,
  refineVelocity,
  warpVolume,
} from '../../../../src/numerics/registration/refine.js';
import { trainTemplate } from '../../../../src/numerics/registration/train.js';
import { prepareTrainingCohort } from '../../../../src/numerics/registration/train-units.js';
import { memoryCount } from '../../../../src/tensor/index.js';
import { tinySettings, tinyTracts } from '../../../support/tiny-cohort.js';

const compute = { device: 'cpu', threads: 1 } as const;
const shape: Shape3 = [14, 13, 15];
const affine = [-2, 0, 0, 10, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1];
const ids = ['1', '2', '3', '4'];
// Normalised units a tenth of the train units, in a corner of a larger grid.
const volumes = tinyTracts(4, [10, 10, 12]).map((volume) =>
  pasteVolume(
    volume.map((value) => value / 10),
    shape,
    { offset: [2, 1, 2], size: [10, 10, 12], padded: [10, 10, 12] },
  ),
);

async function trainedModel(mode: string, epochs = 2): Promise<AtlasModel> {
  const settings = tinySettings({ mode, epochs });
  const cohort = prepareTrainingCohort(volumes, shape, { crop: true, margin: 1, levels: 2 });
  const { padded } = cohort.grid;
  const trained = await trainTemplate({
    ...compute,
    volumes: cohort.volumes,
    ids,
    shape: padded,
    unionSupport: cohort.unionSupport,
    settings,
    checkpointDir: null,
  });
  return buildAtlasModel(trained, cohort, {
    softwareVersion: '1',
    settings,
    instanceSteps: 5,
    shape,
    affine,
    normalizationMethod: 'waytotal',
    trainingSpace: 'template_native',
    ids,
  });
}

const emit = (model: AtlasModel, id: string, foldPolicy: FoldPolicy = 'repair') =>
  emitSubject({ ...compute, model, id, volume: volumes[ids.indexOf(id)]!, foldPolicy });

/** A model whose velocity for subject 1 is so rough that it folds. */
async function foldingModel(): Promise<AtlasModel> {
  const model = await trainedModel('direct', 1);
  const rough = model.velocities[0]!.map((_, at) => 3 * Math.sin(1.9 * at * at));
  return { ...model, velocities: [rough, ...model.velocities.slice(1)] };
}

describe('emission', () => {
  test.each(['direct', 'network', 'hybrid'])(
    'mode %s: the warped volume is the template pulled by the field',
    async (mode) => {
      const before = memoryCount();
      const model = await trainedModel(mode);
      const subject = await emit(model, '2');
      const template = emitTemplate(model);
      expect(subject.warped).toEqual(await warpVolume(template, subject.displacement, shape, compute));
      const { min, folds } = jacobianMinAndFolds({ data: subject.displacement, shape });
      expect([subject.jac_min, subject.n_folds]).toEqual([min, folds]);
      expect(subject.velocity_scale).toBe(1);
      const mm = convertFieldSpace(subject.displacement, affine, 'ras_mm');
      const lengths = Array.from({ length: voxelCount(shape) }, (_, v) =>
        Math.hypot(mm[3 * v]!, mm[3 * v + 1]!, mm[3 * v + 2]!),
      );
      expect(subject.max_displacement_mm).toBeCloseTo(Math.max(...lengths), 6);
      expect(subject.mass_ratio).toBeGreaterThan(0.5);
      expect(subject.mass_ratio).toBeLessThan(2);
      expect(subject.ncc_after).toBeLessThanOrEqual(1);
      expect(memoryCount()).toBe(before);
    },
  );

  test('instance steps bring the template closer to the subject', async () => {
    const network = await emit(await trainedModel('network'), '2');
    const hybrid = await emit(await trainedModel('hybrid'), '2');
    expect(hybrid.ncc_after).toBeGreaterThan(network.ncc_after);
    expect(hybrid.ncc_before).toBe(network.ncc_before);
  });

  test('full-resolution steps bring it closer still, and the field is that of the finer velocity', async () => {
    const model = await trainedModel('hybrid');
    const coarse = await emit(model, '2');
    const finer = { ...model, metadata: { ...model.metadata, instance_full_steps: 5 } };
    const fine = await emit(finer, '2');
    expect([coarse.flow, fine.flow]).toEqual(['half', 'full']);
    expect(fine.velocity).toHaveLength(3 * voxelCount(model.metadata.grid.padded));
    expect(fine.ncc_after).toBeGreaterThan(coarse.ncc_after);
    expect(fine.n_folds).toBe(0);
    expect(fine.warped).toEqual(await warpVolume(emitTemplate(model), fine.displacement, shape, compute));
  });

  test('a model that went through its file emits the same bits', async () => {
    const model = await trainedModel('hybrid');
    const read = decodeModelFile(encodeModelFile(model), 'model.bin');
    expect(await emit(read, '3')).toEqual(await emit(model, '3'));
  });

  test('direct mode uses the trained velocity in the cohort and instance steps outside it', async () => {
    const model = await trainedModel('direct');
    const inside = await emit(model, '2');
    expect(inside.velocity).toEqual(model.velocities[1]);
    const outside = await emitSubject({
      ...compute,
      model,
      id: 'new',
      volume: volumes[1]!,
      foldPolicy: 'report',
    });
    expect(outside.velocity).not.toEqual(inside.velocity);
    expect(outside.ncc_after).toBeGreaterThan(outside.ncc_before);
  });

  test('the template is finite, not negative and empty off the support of the cohort', async () => {
    const template = emitTemplate(await trainedModel('network'));
    template.forEach((density, at) => {
      expect(Number.isFinite(density) && density >= 0).toBe(true);
      if (volumes.every((volume) => volume[at] === 0)) expect(density).toBe(0);
    });
    expect(Math.max(...template)).toBeLessThan(0.3);
  });
});

describe('folds', () => {
  test('are reported as they are', async () => {
    const subject = await emit(await foldingModel(), '1', 'report');
    expect(subject.n_folds).toBeGreaterThan(0);
    expect(subject.velocity_scale).toBe(1);
  });

  test('are repaired by 0.9 per step, with the smallest number of steps that helps', async () => {
    const model = await foldingModel();
    const subject = await emit(model, '1', 'repair');
    expect(subject.n_folds).toBe(0);
    expect(subject.jac_min).toBeGreaterThan(0);
    const steps = Math.log(subject.velocity_scale) / Math.log(0.9);
    expect(steps).toBeCloseTo(Math.round(steps), 9);
    expect(steps).toBeGreaterThan(0);
    const weaker = model.velocities[0]!.map((value) => value * 0.9 ** (Math.round(steps) - 1));
    const before = await emit(
      { ...model, velocities: [weaker, ...model.velocities.slice(1)] },
      '1',
      'report',
    );
    expect(before.n_folds).toBeGreaterThan(0);
  });

  test('fail the run where that is asked for', async () => {
    const failure = emit(await foldingModel(), '1', 'fail');
    await expect(failure).rejects.toMatchObject({ code: 'FOLDS' });
    await expect(emit(await foldingModel(), '1', 'fail')).rejects.toThrow(
      /^the field of 1 folds at \d+ voxel\(s\), smallest determinant -/,
    );
  });
});

describe('instance steps', () => {
  const settings = tinySettings({ mode: 'hybrid' });
  const grid: Shape3 = [8, 8, 12];
  const [template, subject] = tinyTracts(2, grid) as [Float32Array, Float32Array];
  const options = { ...compute, template, subject, shape: grid, settings, start: null, id: '7' };

  test('lower the loss from rest', async () => {
    const before = memoryCount();
    const { velocity, losses } = await refineVelocity({ ...options, steps: 12 });
    expect(losses).toHaveLength(12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(velocity).toHaveLength(3 * 4 * 4 * 6);
    expect(memoryCount()).toBe(before);
  });

  test('none of them gives the start back', async () => {
    const start = new Float32Array(288).fill(0.25);
    expect((await refineVelocity({ ...options, start, steps: 0 })).velocity).toEqual(start);
  });

  test('go on at full resolution, from the same field, to a lower loss', async () => {
    const before = memoryCount();
    const wide: Shape3 = [16, 16, 24];
    const [still, moving] = tinyTracts(2, wide) as [Float32Array, Float32Array];
    const pair = { ...options, template: still, subject: moving, shape: wide };
    const coarse = await refineVelocity({ ...pair, steps: 20 });
    const fine = await refineVelocity({ ...pair, steps: 12, fullSteps: 8 });
    expect([coarse.flow, fine.flow]).toEqual(['half', 'full']);
    expect(fine.velocity).toHaveLength(3 * 16 * 16 * 24);
    expect(fine.losses.slice(0, 12)).toEqual(coarse.losses.slice(0, 12));
    // What the half grid reached is the start on the full grid, up to the interpolation between its voxels.
    expect(Math.abs(fine.losses[12]! - coarse.losses[12]!)).toBeLessThan(0.03 * coarse.losses[12]!);
    expect(fine.losses.at(-1)!).toBeLessThan(coarse.losses.at(-1)!);
    expect(memoryCount()).toBe(before);
  });

  test('a constant velocity moves by the same voxels on either grid', async () => {
    const onHalf = { velocity: new Float32Array(288).fill(0.25), flow: 'half' } as const;
    const onFull = { velocity: new Float32Array(2304).fill(0.5), flow: 'full' } as const;
    const moved = await integrateSubjectVelocity(onHalf, grid, settings, compute);
    expect(moved).toEqual(await integrateSubjectVelocity(onFull, grid, settings, compute));
    expect(moved.every((value) => value === 0.5)).toBe(true);
  });

  test('take no step at full resolution without steps before it, and none twice', async () => {
    const atRest = await refineVelocity({ ...options, steps: 0, fullSteps: 5 });
    expect([atRest.flow, atRest.losses]).toEqual(['half', []]);
    const full = { ...settings, model: { ...settings.model, flow_resolution: 'full' as const } };
    const once = await refineVelocity({ ...options, settings: full, steps: 3, fullSteps: 5 });
    expect([once.flow, once.losses.length]).toEqual(['full', 3]);
  });

  test('can be cancelled, and free their tensors', async () => {
    const before = memoryCount();
    const signal = AbortSignal.abort();
    await expect(refineVelocity({ ...options, steps: 3, signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(memoryCount()).toBe(before);
  });

  test('a loss that is not finite stops them', async () => {
    const start = new Float32Array(288).fill(NaN);
    await expect(refineVelocity({ ...options, start, steps: 3 })).rejects.toThrow(
      /^registration diverged: loss NaN/,
    );
  });
});

describe('leave-one-out evaluation', () => {
  test('subjects of one group are left out together, one without an entry is its own group', () => {
    const all = ['101', '102', '106', '107'];
    const groupBy = { 106: 101, 107: '102' };
    expect(groupOf('101', all, groupBy)).toEqual(['101', '106']);
    expect(groupOf('107', all, groupBy)).toEqual(['102', '107']);
    expect(groupOf('106', all, null)).toEqual(['106']);
  });

  const evaluation = {
    ...compute,
    ids,
    volumes,
    shape,
    affine,
    settings: tinySettings({ mode: 'direct', epochs: 8 }),
    crop: true,
    margin: 1,
    instanceSteps: 15,
    foldPolicy: 'repair' as const,
    checkpointDir: null,
  };

  test('reports both metrics of a subject that training never saw', async () => {
    const result = await evaluateSubject({ ...evaluation, id: '2', groupBy: { 4: 2 } });
    expect(result).toMatchObject({ id: '2', left_out: ['2', '4'], n_training: 2, n_folds: 0 });
    expect(Math.abs(result.template_mass_ratio - 1)).toBeLessThan(0.5);
    expect(result.relative_reduction).toBeGreaterThan(0);
    expect(result.departure_pearson).toBeGreaterThan(0);
    // Changing the subjects that were left out changes the truth, but not the template that predicts it.
    const other = volumes.map((volume, index) => (index === 3 ? volume.map((value) => value * 2) : volume));
    expect(await evaluateSubject({ ...evaluation, volumes: other, id: '2', groupBy: { 4: 2 } })).toEqual(
      result,
    );
  });

  test('nobody to train on and a subject that is not there are refused', async () => {
    const groupBy = { 1: 'a', 2: 'a', 3: 'a', 4: 'a' };
    await expect(evaluateSubject({ ...evaluation, id: '1', groupBy })).rejects.toThrow(
      'leaving out the group of 1 (1, 2, 3, 4) leaves nobody to train on',
    );
    await expect(evaluateSubject({ ...evaluation, id: '9', groupBy: null })).rejects.toThrow(
      'subject 9 is not in the cohort',
    );
  });

  test('the mass ratio of the mean is 1, of an empty template 0, and follows the scale', () => {
    const mean = volumes[0]!.map((_, at) => volumes.reduce((sum, volume) => sum + volume[at]! / 4, 0));
    expect(massRatio(mean, volumes)).toBeCloseTo(1, 6);
    expect(massRatio(new Float32Array(mean.length), volumes)).toBe(0);
    expect(
      massRatio(
        volumes[0]!.map((density) => 2 * density),
        [volumes[0]!],
      ),
    ).toBeCloseTo(2, 6);
  });

  test('medians leave out what is not a number', () => {
    const rows = [0.1, NaN, 0.5, 0.4].map((value) => ({
      relative_reduction: value,
      departure_pearson: -value,
    }));
    expect(evaluationMedians(rows)).toEqual({ relative_reduction: 0.4, departure_pearson: -0.4 });
    expect(evaluationMedians(rows.slice(0, 3)).relative_reduction).toBeCloseTo(0.3, 12);
    expect(evaluationMedians([])).toEqual({ relative_reduction: NaN, departure_pearson: NaN });
  });
});

describe('log density', () => {
  test('is 0 at 0, 1 at 1, and undone by its inverse; identity where densities are logarithmic already', () => {
    const density = Float32Array.of(0, 1e-4, 0.01, 1, 2);
    const log = logDensityOf(density, 1e-3);
    expect(log[0]).toBe(0);
    expect(log[3]).toBe(1);
    densityOf(log, 1e-3).forEach((value, at) => expect(value).toBeCloseTo(density[at]!, 5));
    expect(logDensityOf(density, null)).toEqual(density);
    expect(densityOf(density, null)).toEqual(density);
  });
});

describe('mass of the template', () => {
  const density = Float32Array.of(0, 0.2, 0.3, 0.5);
  const limited = (offset: number | null, meanMass: number, limit: number) => {
    const theta = logDensityOf(density, offset);
    limitTemplateMass(theta, offset, { meanMass, limit });
    return densityOf(theta, offset);
  };

  test.each([1e-3, null])(
    'is brought to the nearer end of its range by one factor, log offset %s',
    (offset) => {
      const light = limited(offset, 2, 0.1);
      expect(totalMass(light)).toBeCloseTo(1.8, 5);
      light.forEach((value, at) => expect(value).toBeCloseTo(1.8 * density[at]!, 5));
      expect(totalMass(limited(offset, 0.5, 0.1))).toBeCloseTo(0.55, 5);
    },
  );

  test('within its range not a bit changes, and an empty template stays empty', () => {
    const theta = logDensityOf(density, 1e-3);
    limitTemplateMass(theta, 1e-3, { meanMass: 0.95, limit: 0.1 });
    expect(theta).toEqual(logDensityOf(density, 1e-3));
    const empty = new Float32Array(4);
    limitTemplateMass(empty, 1e-3, { meanMass: 1, limit: 0.1 });
    expect(empty).toEqual(new Float32Array(4));
  });

  test('is held by training, and drifts without the limit', async () => {
    const shifted = (limit: number | null) =>
      tinySettings({ mode: 'network', epochs: 4, template_lr: 0.05, template_mass_limit: limit });
    const cohort = prepareTrainingCohort(volumes, shape, { crop: true, margin: 1, levels: 2 });
    const ratio = async (limit: number | null) => {
      const { unionSupport, grid } = cohort;
      const data = {
        ids,
        volumes: cohort.volumes,
        shape: grid.padded,
        unionSupport,
        settings: shifted(limit),
      };
      const { template } = await trainTemplate({ ...compute, ...data, checkpointDir: null });
      return massRatio(template, cohort.volumes);
    };
    expect(Math.abs((await ratio(0.02)) - 1)).toBeLessThanOrEqual(0.02 + 1e-5);
    expect(Math.abs((await ratio(null)) - 1)).toBeGreaterThan(0.03);
  });
});
