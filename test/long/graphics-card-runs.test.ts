/**
 * The command on a graphics card, or on software that acts as one: what runs there, what the outputs say of it, and what is
 * refused. The packages come from the folder that NEUROLOOM_GPU_PACKAGES names.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GaussianPRF2DWithHRF } from '../../src/numerics/encoding/models.js';
import { SPMHRFModel } from '../../src/numerics/encoding/hrf-model.js';
import { matrix } from '../../src/numerics/linalg/matrix.js';
import { encodeNpy, readTsv } from '../../src/io/index.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import { writeTractCohort } from '../support/tract-cohort.js';

const packages = process.env['NEUROLOOM_GPU_PACKAGES'];
/** The packages without the consent to software. */
const installed: Record<string, string> = packages === undefined ? {} : { NODE_PATH: packages };
const consented = { ...installed, NEUROLOOM_SOFTWARE_GPU: '1' };

/** Whether a card, or software for it, is here; and whether it is software. */
async function cardState(): Promise<{ missing: string | null; isSoftware: boolean }> {
  await using rig = await PipelineRig.create();
  const lineOf = async (env: Record<string, string>) =>
    /^.*webgpu.*$/m.exec((await rig.command(['doctor'], { env })).stdout)?.[0] ?? '';
  const line = await lineOf(consented);
  if (/not installed|no graphics adapter/.test(line)) return { missing: line.trim(), isSoftware: false };
  return { missing: null, isSoftware: /computes on the processor/.test(await lineOf(installed)) };
}

const { missing, isSoftware } = await cardState();

const FRAMES = 40;
const PIXELS = 8;

/** Three fields that a bar crosses, over time x voxels. */
async function writeFields(rig: PipelineRig): Promise<void> {
  const values = new Float64Array(FRAMES * PIXELS * PIXELS);
  for (let t = 0; t < FRAMES; t++) {
    const step = (t % 20) - 4;
    for (let q = 0; q < PIXELS && step >= 0 && step < PIXELS; q++) {
      const [i, j] = t < 20 ? [step, q] : [q, step];
      values[(t * PIXELS + i) * PIXELS + j] = 1;
    }
  }
  const shape: [number, number, number] = [FRAMES, PIXELS, PIXELS];
  const model = new GaussianPRF2DWithHRF({
    hrfModel: new SPMHRFModel({ tr: 1.5 }),
    paradigm: { shape, values },
  });
  const known = [0.2, -0.3, 0.3, 10, 2, -0.5, 0.4, 0.2, 10, 2, 0.1, 0.6, 0.4, 10, 2];
  const columns = ['x', 'y', 'sd', 'baseline', 'amplitude'];
  const data = model.predict(undefined, { columns, values: matrix(3, 5, known) }).values;
  await rig.write('in/sub-1_bold.npy', encodeNpy({ shape: [FRAMES, 3], data }));
  await rig.write('in/paradigm.npy', encodeNpy({ shape, data: values }));
}

const SETTINGS = [
  ...['solver=adam', 'max_iterations=5', 'tr=1.5', 'plots=false'],
  'fixed={amplitude: 1.5, baseline: 10}',
];

const json = async (rig: PipelineRig, path: string) =>
  JSON.parse(await rig.read(path)) as Record<string, unknown>;

describe.skipIf(missing !== null)(`runs on a graphics card${missing === null ? '' : `: ${missing}`}`, () => {
  let rig: PipelineRig;
  beforeAll(async () => {
    rig = await PipelineRig.create();
    await writeFields(rig);
    writeTractCohort(rig.path('cohort'), ['1', '2', '3', '4', '5']);
    await rig.write(
      'neuroloom.yaml',
      'learned_atlas:\n  model: {enc_features: [4, 4], dec_features: [4, 4, 4]}\n  loss: {ncc_window: 5}\n' +
        '  optimizer: {epochs: 2, checkpoint_every: 1}\n',
    );
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  // Amplitude and baseline are held beside the truth: started at their optimum, rounding would decide where Adam goes first.
  const fit = (device: string, out: string, env: Record<string, string>) =>
    rig.run(
      [
        ...['run', '-w', 'encoding_fit', '-i', 'in', '-o', out, '--no-report'],
        ...SETTINGS.concat(`device=${device}`).flatMap((pair) => ['--set', `encoding_fit.${pair}`]),
      ],
      { env, output: out },
    );

  const train = (device: string, out: string, env: Record<string, string>) =>
    rig.run(
      [
        ...['run', '-w', 'learned_atlas', '-i', 'cohort', '-o', out, '--no-report', '-c', 'neuroloom.yaml'],
        ...['--set', `learned_atlas.device=${device}`],
      ],
      { env, output: out },
    );

  test('an encoding fit gives what the processor gives, and says what computed it', async () => {
    const onCard = await fit('webgpu', 'card', consented);
    expect(onCard.stderr).not.toContain('error');
    expect(onCard.exitCode).toBe(0);
    expect((await fit('cpu', 'processor', {})).exitCode).toBe(0);
    const [found, wanted] = await Promise.all(
      ['card', 'processor'].map((out) => readTsv(rig.path(out, 'sub-1_parameters.tsv'))),
    );
    expect(found!.columns).toEqual(wanted!.columns);
    for (const name of ['x', 'y', 'sd', 'amplitude', 'baseline', 'r2']) {
      const c = found!.columns.indexOf(name);
      found!.rows.forEach((row, v) => {
        const away = Math.abs(Number(row[c]) - Number(wanted!.rows[v]![c]));
        expect(away, `${name} of voxel ${v}`).toBeLessThan(1e-3);
      });
    }
    expect(found!.rows).toHaveLength(3);
    expect(await json(rig, 'card/sub-1_parameters.json')).toMatchObject({
      settings: { device: 'webgpu' },
      computed_on: {
        device: 'webgpu',
        backend: 'webgpu',
        versions: { webgpu: '0.6.2' },
        adapter: { software: isSoftware },
        what: expect.stringMatching(
          /^correlation grid, .* in float32; the step of Adam on the processor$/,
        ) as unknown,
      },
    });
    expect(await json(rig, 'processor/sub-1_parameters.json')).not.toHaveProperty('computed_on');
  });

  test('a learned atlas is trained on it, and says so', async () => {
    const run = await train('webgpu', 'atlas', consented);
    expect(run.stderr).not.toContain('error');
    expect(run.exitCode).toBe(0);
    expect(await json(rig, 'atlas/atlas_learned/learned_atlas_metadata.json')).toMatchObject({
      device: 'webgpu',
      adapter: { software: isSoftware },
    });
  });

  test.skipIf(!isSoftware)(
    'software is never taken without consent: auto trains on the processor',
    async () => {
      const refused = await fit('webgpu', 'refused', installed);
      expect(refused.exitCode).toBe(3);
      expect(refused.executed).toEqual([]);
      expect(refused.stderr).toMatch(
        /device 'webgpu' is not available here: the only adapter, .*, computes on the processor and is slower than device cpu/,
      );
      const trained = await train('auto', 'auto', installed);
      expect(trained.exitCode).toBe(0);
      expect(await json(rig, 'auto/atlas_learned/learned_atlas_metadata.json')).toMatchObject({
        device: 'cpu',
      });
    },
  );
});
