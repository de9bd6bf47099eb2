import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { fortranToC, parseNiftiHeader, readNifti } from '../../src/io/index.js';
import { isSidecar } from '../../src/engine/sidecars.js';
import { decodeModelFile } from '../../src/numerics/registration/model-file.js';
import { ATLAS_STATISTIC_NAMES } from '../../src/numerics/registration/statistics.js';
import { PipelineRig, type CommandOptions, type RunOutcome } from '../support/pipeline-rig.js';
import { COHORT_SHAPE, tractDensity, tractVolume, writeTractCohort } from '../support/tract-cohort.js';

const IDS = ['12', '3', '101', '7', '20'];
const ORDERED = ['3', '7', '12', '20', '101'];

/** A network of a few hundred weights; odd sizes; every kind of term. */
const CONFIG = `
learned_atlas:
  model: {enc_features: [4, 4], dec_features: [4, 4, 4]}
  loss: {ncc_window: 5}
  optimizer: {mode: direct, epochs: 6, checkpoint_every: 1}
  instance_steps: 3
`;

async function learnedRig(ids = IDS): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  writeTractCohort(rig.path('in'), ids);
  await rig.write('neuroloom.yaml', CONFIG);
  return rig;
}

const RUN = ['run', '-w', 'learned_atlas', '-i', 'in', '-o', 'out', '-c', 'neuroloom.yaml'];
const set = (...settings: string[]): string[] =>
  settings.flatMap((setting) => ['--set', `learned_atlas.${setting}`]);

/** Every file below a directory, with the SHA-256 of its bytes. */
function contents(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[relative(directory, path)] = createHash('sha256').update(readFileSync(path)).digest('hex');
  }
  return found;
}

/** Epochs of a training that the JSON lines of a run tell of. */
function epochsOf(stderr: string, training = 'train_template'): number[] {
  const events = stderr.split('\n').filter((line) => line.includes('"node-progress"') && line.endsWith('}'));
  return events.flatMap((line) => {
    const { id, done } = JSON.parse(line) as { id: string; done: number };
    return id === training ? [done] : [];
  });
}

const json = async (rig: PipelineRig, path: string): Promise<Record<string, unknown>> =>
  JSON.parse(await rig.read(path)) as Record<string, unknown>;

describe('a run', () => {
  let rig: PipelineRig;
  let run: RunOutcome;
  beforeAll(async () => {
    rig = await learnedRig();
    run = await rig.run(RUN);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test('writes maps, fields, model, diagnostics and metadata that agree with each other', async () => {
    expect(run.stderr.split('\n').filter((line) => line.includes('error'))).toEqual([]);
    expect(run.exitCode).toBe(0);
    const atlas = rig.path('out/atlas_learned');
    const files = contents(atlas);
    const isOurs = (name: string): boolean =>
      !name.endsWith('.json') || !isSidecar(readFileSync(join(atlas, name), 'utf8'));
    expect(Object.keys(files).filter(isOurs).sort()).toEqual(
      [
        ...ATLAS_STATISTIC_NAMES.map((name) => `atlas_${name}.nii.gz`),
        ...ORDERED.map((id) => `fields/${id}_field.nii.gz`),
        'learned_atlas_model.bin',
        'learned_atlas_metadata.json',
        'diagnostics.json',
      ].sort(),
    );

    const metadata = (await json(rig, 'out/atlas_learned/learned_atlas_metadata.json')) as unknown as {
      files: { name: string; sha256: string }[];
      subjects: Record<string, number | string>[];
      history: { loss: number }[];
      train_scale: number;
      config_digest: string;
    };
    expect(metadata.files.map(({ name }) => name)).toEqual([
      ...ATLAS_STATISTIC_NAMES.map((name) => `atlas_${name}.nii.gz`),
      ...ORDERED.map((id) => `fields/${id}_field.nii.gz`),
      'learned_atlas_model.bin',
      'diagnostics.json',
    ]);
    for (const { name, sha256 } of metadata.files) expect(files[name], name).toBe(sha256);
    expect(metadata.subjects.map(({ id }) => id)).toEqual(ORDERED);
    for (const subject of metadata.subjects) {
      expect(Object.keys(subject)).toEqual([
        'id',
        'jac_min',
        'n_folds',
        'velocity_scale',
        'max_displacement_mm',
        'mean_displacement_mm',
        'ncc_before',
        'ncc_after',
        'mass_ratio',
      ]);
      expect(subject['n_folds']).toBe(0);
      for (const name of ['ncc_before', 'ncc_after']) {
        expect(subject[name]).toBeGreaterThan(0.3);
        expect(subject[name]).toBeLessThanOrEqual(1);
      }
    }
    expect(metadata.history).toHaveLength(6);
    expect(metadata.history.at(-1)?.loss).toBeLessThan(metadata.history[0]!.loss);

    const model = decodeModelFile(readFileSync(join(atlas, 'learned_atlas_model.bin')), 'model');
    expect(model.metadata).toMatchObject({
      mode: 'direct',
      instance_steps: 3,
      training_space: 'template_native',
      subjects: ORDERED,
      config_digest: metadata.config_digest,
      train_scale: metadata.train_scale,
    });
  });

  test('gives the header of the first subject to every map and field, and no mass where no subject has any', async () => {
    // subject 3 is the second of the list
    const source = gunzipSync(readFileSync(rig.path('in/3/tractography/fdt_paths.nii.gz'))).subarray(0, 348);
    for (const name of ATLAS_STATISTIC_NAMES) {
      const bytes = gunzipSync(readFileSync(rig.path(`out/atlas_learned/atlas_${name}.nii.gz`)));
      const changed = [...source.keys()].filter((i) => bytes[i] !== source[i]);
      expect(changed.filter((i) => !(i >= 112 && i < 116) && !(i >= 124 && i < 128))).toEqual([]);
    }
    const field = gunzipSync(readFileSync(rig.path('out/atlas_learned/fields/12_field.nii.gz')));
    expect(parseNiftiHeader(field, 'field')).toMatchObject({
      dims: [...COHORT_SHAPE, 1, 3],
      intentCode: 1006,
      intentName: 'voxel_pull',
      affine: parseNiftiHeader(source, 'source').affine,
    });

    const mean = await readNifti(rig.path('out/atlas_learned/atlas_mean.nii.gz'));
    const union = IDS.map((_, seed) => tractDensity(seed));
    const outside = Array.from(mean.data).filter((_, v) => union.every((density) => density[v] === 0));
    expect(outside.length).toBeGreaterThan(0);
    expect(outside.every((value) => value === 0)).toBe(true);
    expect(Math.min(...mean.data)).toBe(0);
    expect(Math.max(...mean.data)).toBeGreaterThan(0);
  });

  test('values of the template are density: their order of magnitude is that of the cohort mean', async () => {
    await rig.run(['run', '-w', 'atlas', '-i', 'in', '-o', 'out', '-c', 'neuroloom.yaml']);
    const learned = await readNifti(rig.path('out/atlas_learned/atlas_mean.nii.gz'));
    const averaged = await readNifti(rig.path('out/atlas/atlas_mean.nii.gz'));
    expect(parseShape(learned.headerBytes)).toEqual(parseShape(averaged.headerBytes));
    const mass = (values: ArrayLike<number>): number =>
      Array.from(values).reduce((sum, value) => sum + value, 0);
    const ratio = mass(fortranToC(learned.data, learned.shape)) / mass(averaged.data);
    // six rounds of direct mode on a made-up cohort; 1 would be the mean itself
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.5);
  });

  test('reruns nothing when nothing changed, and exactly the dependants when a volume did', async () => {
    expect(run.executed).toHaveLength(13);
    const second = await rig.run(RUN);
    expect([second.executed, second.reused.length]).toEqual([[], 13]);

    await rig.write('in/7/tractography/fdt_paths.nii.gz', tractVolume(tractDensity(9)));
    const third = await rig.run([...RUN, '--explain']);
    expect(third.executed).toEqual(
      [
        'diagnose_cohort',
        ...ORDERED.map((id) => `emit_subject[${id}]`),
        'read_subject[7]',
        'train_template',
        'write_maps',
      ].sort(),
    );
    expect(third.stdout).toMatch(/^run +read_subject\[7\] +input volume changed: /m);
    expect(third.stdout).toMatch(
      /^may-run +train_template +input densities comes from read_subject\[7\], which runs$/m,
    );

    const fields = await rig.run([...RUN, ...set('field_space=ants', 'optimizer.checkpoint_every=2')]);
    expect(fields.executed).toEqual([...ORDERED.map((id) => `emit_subject[${id}]`), 'write_maps'].sort());
  });
});

describe('a run with evaluation', () => {
  const command = [
    ...RUN,
    ...set('evaluate=loo', 'group_by={3: a, 7: a}', 'save_fields=false', 'emit_baseline_maps=[cov, mean]'),
    ...set('output_subdir=nested/atlas', 'verify_jacobian=false', 'optimizer.epochs=4'),
  ];
  let rig: PipelineRig;
  let run: RunOutcome;
  beforeAll(async () => {
    rig = await learnedRig();
    run = await rig.run(command);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test('publishes only what was asked for, and figures by leaving groups out', async () => {
    expect(run.exitCode).toBe(0);
    expect(await rig.list('out/nested/atlas')).toEqual([
      'atlas_cov.nii.gz',
      'atlas_mean.nii.gz',
      'diagnostics.json',
      'evaluation.json',
      'learned_atlas_metadata.json',
      'learned_atlas_model.bin',
    ]);
    const evaluation = (await json(rig, 'out/nested/atlas/evaluation.json')) as unknown as {
      subjects: { id: string; left_out: string[]; n_training: number; relative_reduction: number }[];
      median: { relative_reduction: number };
    };
    expect(evaluation.subjects.map(({ id, left_out, n_training }) => [id, left_out, n_training])).toEqual([
      ['3', ['3', '7'], 3],
      ['7', ['3', '7'], 3],
      ['12', ['12'], 4],
      ['20', ['20'], 4],
      ['101', ['101'], 4],
    ]);
    const sorted = evaluation.subjects.map((subject) => subject.relative_reduction).sort((a, b) => a - b);
    expect(evaluation.median.relative_reduction).toBe(sorted[2]);
    const metadata = await json(rig, 'out/nested/atlas/learned_atlas_metadata.json');
    expect(metadata['subjects']).toContainEqual(expect.objectContaining({ jac_min: null, n_folds: null }));
    expect(metadata['field_space']).toBeNull();
  });

  test('a changed volume trains anew where it is trained on, and nowhere else', async () => {
    const folds = ORDERED.map((id) => `train_fold[${id}]`);
    // 3 and 7 are left out together: whoever of the two trains, the other has the same result
    const trainings = run.executed.filter((id) => id.startsWith('train_fold'));
    expect(trainings.length + run.reused.filter((id) => id.startsWith('train_fold')).length).toBe(5);

    await rig.write('in/7/tractography/fdt_paths.nii.gz', tractVolume(tractDensity(9)));
    const second = await rig.run(command);
    const evaluation = (name: string): string[] => second.executed.filter((id) => id.startsWith(`${name}[`));
    expect(evaluation('leave_out').sort()).toEqual(ORDERED.map((id) => `leave_out[${id}]`).sort());
    expect(evaluation('train_fold').sort()).toEqual(folds.slice(2).sort());
    expect(evaluation('evaluate_subject').sort()).toEqual(
      ['7', '12', '20', '101'].map((id) => `evaluate_subject[${id}]`).sort(),
    );
  });
});

describe('other runs', () => {
  test('with two templates writes each of them and who belongs where', async () => {
    await using rig = await learnedRig();
    const run = await rig.run([
      ...RUN,
      ...set('model.n_templates=2', 'optimizer.epochs=3', 'save_fields=false'),
    ]);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain(
      'model.n_templates 2 leaves fewer than three of the 5 subjects for a template',
    );
    expect(await rig.list('out/atlas_learned/templates')).toEqual([
      'template-1_mean.nii.gz',
      'template-2_mean.nii.gz',
    ]);
    const metadata = await json(rig, 'out/atlas_learned/learned_atlas_metadata.json');
    const { n_templates, pi, responsibilities } = metadata as unknown as {
      n_templates: number;
      pi: number[];
      responsibilities: Record<string, number[]>;
    };
    expect([n_templates, pi.length, Object.keys(responsibilities).length]).toEqual([2, 2, 5]);
    for (const row of Object.values(responsibilities)) expect(row[0]! + row[1]!).toBeCloseTo(1, 12);
    const volumes = await Promise.all(
      ['templates/template-1_mean', 'templates/template-2_mean', 'atlas_mean'].map((name) =>
        readNifti(rig.path(`out/atlas_learned/${name}.nii.gz`)),
      ),
    );
    const [first, second, mean] = volumes.map(({ data }) => data);
    const off = Array.from(mean!, (value, v) =>
      Math.abs(value - (pi[0]! * first![v]! + pi[1]! * second![v]!)),
    );
    expect(Math.max(...off)).toBeLessThan(5e-7);
  });

  test.for([
    ['hybrid', 'none', 'train_template', IDS],
    ['direct', 'loo', 'train_fold[20]', ['3', '12', '20']],
  ] as const)(
    'in mode %s with evaluate %s, killed in %s, goes on from its checkpoint to the same bytes',
    async ([mode, evaluate, training, ids]) => {
      await using rig = await learnedRig([...ids]);
      const command = (output: string): string[] => [
        ...RUN.map((word) => (word === 'out' ? output : word)),
        ...set(
          `optimizer.mode=${mode}`,
          'optimizer.epochs=20',
          'instance_steps=1',
          `evaluate=${evaluate}`,
          'min_subjects=3',
        ),
        ...['--log-format', 'json'],
      ];
      const whole = await rig.run(command('whole'), { output: 'whole' });
      expect(whole.exitCode).toBe(0);

      const interrupted = await rig.run(command('out'), {
        watch: (child, stderr) => {
          if (epochsOf(stderr, training).some((epoch) => epoch >= 3)) child.kill('SIGKILL');
        },
      });
      expect(interrupted.signal).toBe('SIGKILL');
      expect(await rig.list('out/atlas_learned')).toEqual([]);

      const resumed = await rig.run(command('out'));
      expect(resumed.exitCode).toBe(0);
      expect(resumed.executed).toContain(training);
      expect(Math.min(...epochsOf(resumed.stderr, training))).toBeGreaterThan(2);
      expect(contents(rig.path('out/atlas_learned'))).toEqual(contents(rig.path('whole/atlas_learned')));
    },
  );

  test('goes without a subject that cannot be used; others stand in natural order, also where keys sort otherwise', async () => {
    await using rig = await learnedRig(['sub-10', 'sub-9', 'sub-2', 'sub-a2', 'sub-a10', 'sub-1']);
    await rig.write('in/sub-2/tractography/fdt_paths.nii.gz', tractVolume(tractDensity(3).with(7, NaN)));
    const run = await rig.run([...RUN, ...set('evaluate=loo', 'optimizer.epochs=3', 'instance_steps=1')]);
    expect(run.exitCode).toBe(0);
    const metadata = await json(rig, 'out/atlas_learned/learned_atlas_metadata.json');
    expect(metadata['skipped']).toEqual([
      { id: 'sub-2', reason: 'non_finite', detail: 'a voxel is NaN or infinite' },
    ]);
    const used = ['sub-1', 'sub-9', 'sub-10', 'sub-a2', 'sub-a10'];
    expect((metadata['subjects'] as { id: string }[]).map(({ id }) => id)).toEqual(used);
    expect(await rig.list('out/atlas_learned/fields')).toEqual(used.map((id) => `${id}_field.nii.gz`).sort());
    const evaluation = await json(rig, 'out/atlas_learned/evaluation.json');
    expect((evaluation['subjects'] as { id: string }[]).map(({ id }) => id)).toEqual(used);
  });

  test('trains on native volumes when asked, with a warning', async () => {
    await using rig = await learnedRig();
    rmSync(rig.path('in'), { recursive: true });
    writeTractCohort(rig.path('in'), IDS, 'affine_native');
    const run = await rig.run([
      ...RUN,
      ...set(
        'training_space=affine_native',
        'affine_native_relpath=[native/own.nii.gz, affine_native/fdt_paths.nii.gz]',
        'optimizer.epochs=3',
      ),
    ]);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain(
      "training_space='affine_native': the maps are not in template space and must not feed atlas_to_patient jobs",
    );
    const metadata = await json(rig, 'out/atlas_learned/learned_atlas_metadata.json');
    expect(metadata).toMatchObject({
      training_space: 'affine_native',
      volume_relpath: 'affine_native/fdt_paths.nii.gz',
      passed_over_relpaths: ['native/own.nii.gz'],
    });
  });
});

describe('what stands in the way', () => {
  const refused = async (rig: PipelineRig, args: string[], options: CommandOptions = {}) => {
    const run = await rig.command(args, options);
    expect(await rig.list('out')).toEqual([]);
    return { exitCode: run.exitCode, lines: run.stderr.trimEnd().split('\n') };
  };

  test('a device and a type that are not there, and too few subjects, all at once', async () => {
    await using rig = await learnedRig(['1', '2', '3']);
    const run = await refused(rig, [...RUN, ...set('device=cuda', 'dtype=bfloat16')]);
    expect(run.exitCode).toBe(3);
    expect(run.lines).toEqual([
      '3 requirements of learned_atlas are not met; nothing was run',
      "  DEVICE         device 'cuda' is not available here: @tensorflow/tfjs-node-gpu is not installed",
      '                 mend: npm install @tensorflow/tfjs-node-gpu@4.22.0, or choose device cpu',
      "  DTYPE          dtype 'bfloat16' is not available here (available: float32)",
      '                 mend: set learned_atlas.dtype to float32',
      '  MIN_SUBJECTS   found 3 subject(s) with a readable tractography/fdt_paths.nii.gz under in, need at least 5',
      '                 mend: add subjects, or set learned_atlas.min_subjects to 3',
    ]);
  });

  test('augmentation with several templates is refused by name', async () => {
    await using rig = await learnedRig();
    const run = await refused(rig, [...RUN, ...set('model.n_templates=2', 'optimizer.augmentation=0.5')]);
    expect(run.exitCode).toBe(3);
    expect(run.lines.slice(-2)).toEqual([
      '  REQUIREMENT   several templates are trained without optimizer.augmentation',
      '                mend: set learned_atlas.optimizer.augmentation to 0, or learned_atlas.model.n_templates to 1',
    ]);
  });

  test('disabled: a warning, no node, exit 0', async () => {
    await using rig = await learnedRig();
    const run = await rig.command([...RUN, ...set('enabled=false')]);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain('DISABLED   disabled by learned_atlas.enabled: false; no node is built');
    expect(await rig.list('out/atlas_learned')).toEqual([]);
  });
});

/** "Byte-compatible": the 348 header bytes of both atlases are the same. */
function parseShape(headerBytes: Uint8Array): string {
  return Buffer.from(headerBytes).toString('hex');
}
