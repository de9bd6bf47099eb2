import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';

import {
  encodeGifti,
  encodeNpy,
  formatTsv,
  parseGifti,
  readNifti,
  readNpy,
  readTsv,
} from '../../src/io/index.js';
import { GaussianPRF2DWithHRF } from '../../src/numerics/encoding/models.js';
import { SPMHRFModel } from '../../src/numerics/encoding/hrf-model.js';
import { ridge } from '../../src/numerics/linalg/ridge.js';
import { matrix } from '../../src/numerics/linalg/matrix.js';
import { seededRandom } from '../../src/numerics/random.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RUN = ['run', '-w', 'encoding_fit', '-i', 'in', '-o', 'out'];
const set = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--set', `encoding_fit.${pair}`]);

const PIXELS = 8;
const FRAMES = 40;

/** A bar that moves by one pixel, left to right and down, with rests. */
function bars(): { shape: [number, number, number]; values: Float64Array } {
  const values = new Float64Array(FRAMES * PIXELS * PIXELS);
  for (let t = 0; t < FRAMES; t++) {
    const step = t % 20;
    for (let q = 0; q < PIXELS && step >= 4 && step < 4 + PIXELS; q++) {
      const [i, j] = t < 20 ? [step - 4, q] : [q, step - 4];
      values[(t * PIXELS + i) * PIXELS + j] = 1;
    }
  }
  return { shape: [FRAMES, PIXELS, PIXELS], values };
}

/** Time x voxels of fields with known parameters x, y, sd, baseline, amplitude. */
function responses(fields: readonly (readonly number[])[]): Float64Array {
  const model = new GaussianPRF2DWithHRF({ hrfModel: new SPMHRFModel({ tr: 1.5 }), paradigm: bars() });
  const columns = ['x', 'y', 'sd', 'baseline', 'amplitude'];
  return model.predict(undefined, { columns, values: matrix(fields.length, 5, fields.flat()) }).values;
}

const FIELDS = [
  [0.2, -0.3, 0.3, 10, 2],
  [-0.5, 0.4, 0.2, 20, -1],
  [0.1, 0.6, 0.4, 0, 5],
];

async function arrays(rig: PipelineRig, extra: number[][] = []): Promise<void> {
  const known = responses(FIELDS);
  const voxels = FIELDS.length + extra.length;
  const data = new Float64Array(FRAMES * voxels);
  for (let t = 0; t < FRAMES; t++) {
    for (let v = 0; v < voxels; v++) {
      data[t * voxels + v] =
        v < FIELDS.length ? known[t * FIELDS.length + v]! : extra[v - FIELDS.length]![t % 2]!;
    }
  }
  await rig.write('in/sub-1_bold.npy', encodeNpy({ shape: [FRAMES, voxels], data }));
  const { shape, values } = bars();
  await rig.write('in/paradigm.npy', encodeNpy({ shape, data: values }));
}

async function columns(rig: PipelineRig, path: string): Promise<Record<string, (string | null)[]>> {
  const table = await readTsv(rig.path(path));
  return Object.fromEntries(table.columns.map((name, c) => [name, table.rows.map((row) => row[c]!)]));
}

describe('receptive fields', () => {
  test('the sample: fields are found, and the size of the parts changes no bit', async () => {
    await using rig = await PipelineRig.create();
    expect((await rig.run(['sample', 'encoding_fit', 'in'])).exitCode).toBe(0);
    const one = ['--participants', '01', '-c', 'in/neuroloom.yaml'];
    const first = await rig.run([...RUN, ...one]);
    expect(first.exitCode).toBe(0);
    expect(first.executed).toEqual([
      'collect_recordings',
      'fit_voxels[sub-01__sub-01.0]',
      'load_recording[sub-01__sub-01]',
      'plot_recording[sub-01__sub-01]',
      'write_recording[sub-01__sub-01]',
    ]);
    const found = await columns(rig, 'out/sub-01/sub-01_parameters.tsv');
    const truth = await columns(rig, 'in/sub-01/sub-01_truth.tsv');
    expect(found['voxel']).toEqual(truth['voxel']);
    const miss = found['x']!.map((x, v) =>
      Math.hypot(Number(x) - Number(truth['x']![v]), Number(found['y']![v]) - Number(truth['y']![v])),
    );
    const median = miss.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)[30]!;
    expect(median).toBeLessThan(0.3); // degrees; a pixel is 0.7
    expect(found['status']!.at(-1)).toBe('converged');
    expect(found['status']!.filter((status) => status === 'constant')).toHaveLength(1);
    const sidecar = JSON.parse(await rig.read('out/sub-01/sub-01_parameters.json')) as Record<
      string,
      unknown
    >;
    expect(sidecar).toMatchObject({
      Sources: [
        'sub-01/sub-01_bold.nii.gz',
        'sub-01/sub-01_mask.nii.gz',
        'paradigm.npy',
        'coordinates.npy',
      ].map((path) => `bids:input:${path}`),
      repetition_time: 2,
      conventions: { rf_norm: 'peer', hrf_mode: 'exact' },
      settings: { n_starts: 8, positive_amplitude: false, hrf: { delay: 6 } },
    });
    const map = await readNifti(rig.path('out/sub-01/sub-01_maps/x.nii.gz'));
    const [i, j, k] = ['i', 'j', 'k'].map((axis) => Number(found[axis]![5])) as [number, number, number];
    expect(map.data[i + 6 * (j + 6 * k)]).toBeCloseTo(Number(found['x']![5]), 5);
    expect(map.data[0]).toBeNaN();

    const charts = await rig.list('out/sub-01/sub-01_plots');
    expect(charts.filter((name) => name.endsWith('.svg'))).toEqual([
      'coverage.svg',
      'eccentricity.svg',
      'fits.svg',
      'polar_angle.svg',
      'r2.svg',
    ]);
    const r2 = found['r2']!.filter((value) => value !== null).map(Number);
    const best = Math.max(...r2).toFixed(3);
    expect(await rig.read('out/sub-01/sub-01_plots/fits.svg')).toContain(`r2 ${best}`);
    const bins = JSON.parse(await rig.read('out/sub-01/sub-01_plots/r2.vl.json')) as {
      data: { values: { from: number; to: number; voxels: number }[] };
    };
    for (const { from, to, voxels } of bins.data.values)
      expect(voxels).toBe(r2.filter((value) => value >= from && value < to).length);

    const before = await readNpy(rig.path('out/sub-01/sub-01_predictions.npy'));
    expect(before.shape).toEqual([86, 64]);
    const table = await rig.read('out/sub-01/sub-01_parameters.tsv');
    const parts = await rig.run([...RUN, ...one, ...set('chunk_voxels=23')]);
    expect(parts.executed.filter((id) => id.startsWith('fit'))).toHaveLength(3);
    expect(parts.reused).toContain('load_recording[sub-01__sub-01]');
    expect(await rig.read('out/sub-01/sub-01_parameters.tsv')).toBe(table);
    expect(await readNpy(rig.path('out/sub-01/sub-01_predictions.npy'))).toEqual(before);
  });

  test('arrays: noiseless fields are exact; what cannot be fitted is flagged or skipped, and harms nobody', async () => {
    await using rig = await PipelineRig.create();
    await arrays(rig, [
      [7, 7],
      [NaN, NaN],
      [NaN, 1],
    ]);
    await rig.write('in/sub-2_bold.npy', encodeNpy(await readNpy(rig.path('in/sub-1_bold.npy'))));
    const dark = { shape: [FRAMES, 8, 8], data: new Float64Array(FRAMES * 64) };
    await rig.write('in/sub-2_paradigm.npy', encodeNpy(dark));
    const run = await rig.run([...RUN, ...set('tr=1.5', 'residuals=true')]);
    expect(run.exitCode).toBe(0);
    const found = await columns(rig, 'out/sub-1_parameters.tsv');
    expect(Object.keys(found).slice(0, 8)).toEqual([
      'voxel',
      'x',
      'y',
      'sd',
      'baseline',
      'amplitude',
      'r2',
      'status',
    ]);
    expect(found['voxel']).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(found['status']!.slice(3)).toEqual(['constant', 'not_finite', 'not_finite']);
    expect(found['r2']!.slice(3)).toEqual([null, null, null]);
    FIELDS.forEach(([x, y, sd, baseline, amplitude], v) => {
      const row = ['x', 'y', 'sd', 'baseline', 'amplitude'].map((name) => Number(found[name]![v]));
      [x, y, sd, baseline, amplitude].forEach((value, at) => expect(row[at]).toBeCloseTo(value!, 3));
      expect(Number(found['r2']![v])).toBeGreaterThan(1 - 1e-9);
    });
    const residuals = await readNpy(rig.path('out/sub-1_residuals.npy'));
    expect(Math.abs(residuals.data[0]!)).toBeLessThan(1e-3);
    expect(residuals.data[3]).toBeNaN();
    expect(run.stderr).toContain('3 of 6 voxels are constant or hold values that are not numbers');
    const cohort = await columns(rig, 'out/encoding_fit.tsv');
    expect(cohort['recording']).toEqual(['sub-1', 'sub-2']);
    expect([cohort['constant']![0], cohort['not_finite']![0]]).toEqual(['1', '2']);
    const reason = 'sub-2_paradigm.npy: the stimulus is 0 everywhere, so nothing can be fitted';
    expect(cohort['status']![1]).toBe(`skipped: ${reason}`);
    const none = await rig.run([...RUN, ...set('tr=1.5', 'residuals=true', 'min_recordings=2')]);
    expect(none.exitCode).toBe(1);
    expect(none.executed.filter((id) => id.startsWith('fit'))).toEqual([]);
    expect(none.stderr).toContain(reason);
  });

  test('drifts and confounds are regressed out of data and predictions', async () => {
    await using rig = await PipelineRig.create();
    await arrays(rig);
    const clean = await readNpy(rig.path('in/sub-1_bold.npy'));
    const motion = Array.from({ length: FRAMES }, (_, t) => Math.sin(t * t));
    const spoilt = clean.data.map(
      (value, at) => value + 3 * motion[Math.floor(at / 3)]! + Math.floor(at / 3) / 5,
    );
    await rig.write('in/sub-1_bold.npy', encodeNpy({ shape: [FRAMES, 3], data: spoilt }));
    const rows = motion.map((value) => [value, 1]);
    await rig.write('in/sub-1_confounds.tsv', formatTsv(['motion', 'other'], rows));
    expect((await rig.run([...RUN, ...set('tr=1.5', 'detrend=1', 'confounds=[motion]')])).exitCode).toBe(0);
    const found = await columns(rig, 'out/sub-1_parameters.tsv');
    expect(Number(found['x']![0])).toBeCloseTo(0.2, 3);
    expect(Number(found['r2']![0])).toBeGreaterThan(1 - 1e-9);
    const wrong = await rig.run([...RUN, ...set('tr=1.5', 'confounds=[moton]')]);
    expect(wrong.exitCode).toBe(3);
    expect(wrong.stderr).toContain('sub-1_confounds.tsv has no column moton');
    expect(wrong.stderr).toContain('mend: choose from motion, other');
  });

  test('adam, one HRF per voxel, a grid of the user and fixed parameters', async () => {
    await using rig = await PipelineRig.create();
    await arrays(rig);
    const adam = await rig.run([
      ...RUN,
      ...set('tr=1.5', 'solver=adam', 'max_iterations=30', 'chunk_voxels=1'),
    ]);
    expect(adam.executed.filter((id) => id.startsWith('fit'))).toEqual(['fit_voxels[sub-1.0]']);
    expect(Number((await columns(rig, 'out/sub-1_parameters.tsv'))['r2']![0])).toBeGreaterThan(0.9);
    await rig.run([...RUN, ...set('tr=1.5', 'flexible_hrf=true')]);
    const flexible = await columns(rig, 'out/sub-1_parameters.tsv');
    expect(Number(flexible['hrf_delay']![0])).toBeCloseTo(6, 1);
    const fixed = await rig.run([
      ...RUN,
      ...set('tr=1.5', 'fixed={sd: 0.3}', 'grid={x: [-0.5, 0, 0.5], y: [-0.5, 0, 0.5]}'),
    ]);
    expect(fixed.exitCode).toBe(0);
    const held = await columns(rig, 'out/sub-1_parameters.tsv');
    expect(held['sd']).toEqual(['0.3', '0.3', '0.3']);
    expect(Number(held['x']![0])).toBeCloseTo(0.2, 3);
  });

  test('surfaces: GIfTI in, a value per vertex out, also with a mask', async () => {
    await using rig = await PipelineRig.create();
    await arrays(rig);
    const known = responses(FIELDS);
    const frame = (t: number): Float32Array => Float32Array.from([1, ...known.slice(3 * t, 3 * t + 3)]);
    const series = Array.from({ length: FRAMES }, (_, t) => ({
      intent: 'TIME_SERIES',
      shape: [4],
      data: frame(t),
      metadata: { TimeStep: '1500' },
    }));
    await rm(rig.path('in/sub-1_bold.npy'));
    await rig.write('in/lh_bold.func.gii', encodeGifti({ arrays: series }));
    const inside = { intent: 'NONE', shape: [4], data: Float32Array.of(0, 1, 0, 1) };
    await rig.write('in/lh_mask.shape.gii', encodeGifti({ arrays: [inside] }));
    const mesh = (count: number) => [
      {
        intent: 'POINTSET',
        shape: [count, 3],
        data: Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === Math.floor(i / 3) ? 1 : 0)),
      },
      { intent: 'TRIANGLE', shape: [2, 3], data: Int32Array.of(0, 1, 2, 0, 2, 3) },
    ];
    await rig.write('in/lh_surface.surf.gii', encodeGifti({ arrays: mesh(4) }));
    // A mesh of something else is told, not drawn.
    await rig.write('in/rh_bold.func.gii', encodeGifti({ arrays: series }));
    await rig.write('in/rh_surface.surf.gii', encodeGifti({ arrays: mesh(5) }));
    const run = await rig.run(RUN);
    expect(run.exitCode).toBe(0);
    const found = await columns(rig, 'out/lh_parameters.tsv');
    expect(found['voxel']).toEqual(['1', '3']);
    const page = (hemisphere: string): Promise<string> =>
      rig.read(`${/report: (\S+)report\.html/.exec(run.stderr)![1]!}participants/${hemisphere}.html`);
    expect(await page('lh')).toContain(
      'polar angle on 4 vertices, from left, right, above, below, front and back',
    );
    expect(await page('rh')).toContain(
      'rh_surface.surf.gii has 5 vertices, the data have 4: they are not drawn on it.',
    );
    const map = parseGifti(await rig.read('out/lh_maps/x.func.gii'), 'x');
    expect(map.arrays[0]!.data[0]).toBeNaN();
    expect(map.arrays[0]!.data[1]).toBeCloseTo(0.2, 3);
    expect(map.arrays[0]!.data[3]).toBeCloseTo(0.1, 3);
  });
});

describe('weights', () => {
  test('ridge of a table of features, more features than time points, and events at the repetition times', async () => {
    await using rig = await PipelineRig.create();
    const random = seededRandom(3, 'weights');
    const features = matrix(
      20,
      3,
      Array.from({ length: 60 }, () => random.normal()),
    );
    const data = matrix(
      20,
      2,
      Array.from({ length: 40 }, () => random.normal()),
    );
    const rows = (m: typeof data): number[][] =>
      Array.from({ length: m.rows }, (_, t) => [...m.values.subarray(t * m.columns, (t + 1) * m.columns)]);
    await rig.write('in/a_bold.tsv', formatTsv(['v1', 'v2'], rows(data)));
    await rig.write('in/a_paradigm.csv', formatTsv(['f', 'g', 'h'], rows(features)).replaceAll('\t', ','));
    expect((await rig.run([...RUN, ...set('model=linear', 'alpha=2')])).exitCode).toBe(0);
    const weights = await readNpy(rig.path('out/a_weights.npy'));
    expect(weights.shape).toEqual([3, 2]);
    const expected = ridge(features, data, [2])[0]!;
    weights.data.forEach((value, at) => expect(value).toBeCloseTo(expected.values[at]!, 12));
    const found = await columns(rig, 'out/a_parameters.tsv');
    expect(found['voxel']).toEqual(['v1', 'v2']);

    const wide = matrix(
      20,
      30,
      Array.from({ length: 600 }, () => random.normal()),
    );
    await rig.write('in/a_paradigm.npy', encodeNpy({ shape: [20, 30], data: wide.values }));
    const events = [
      [2, 4, 'left'],
      [10, 2, 'right'],
      [17, 2, 'left'],
    ];
    await rig.write('in/b_events.tsv', formatTsv(['onset', 'duration', 'trial_type'], events));
    const left = [0, 1, 1, 0, 0, 0, 0, 0, 0.5, 0.5];
    const right = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    await rig.write(
      'in/b_bold.tsv',
      formatTsv(
        ['v'],
        left.map((value, t) => [3 + 2 * value - right[t]!]),
      ),
    );
    const full = await rig.run([...RUN, ...set('model=linear_baseline', 'tr=2')]);
    expect(full.exitCode).toBe(0);
    expect(full.stderr).toContain('30 features for 20 time points without a penalty reproduce any data');
    const fitted = await columns(rig, 'out/a_parameters.tsv');
    expect(Number(fitted['r2']![0])).toBeGreaterThan(1 - 1e-9);
    const ofEvents = await readNpy(rig.path('out/b_weights.npy'));
    expect([...ofEvents.data].map((value) => Number(value.toFixed(9)))).toEqual([2, -1]);
    const { baseline } = await columns(rig, 'out/b_parameters.tsv');
    expect(Number(baseline![0])).toBeCloseTo(3, 9);
  });
});

describe('what cannot be fitted', () => {
  test('names and options that are wrong end before anything runs', async () => {
    await using rig = await PipelineRig.create();
    await arrays(rig);
    const refusals: [string[], string[]][] = [
      [
        ['model=gaussian2_hrf', 'n_start=3', 'bounds={sd: [2, 1]}'],
        ['did you mean gaussian2d_hrf', 'did you mean n_starts', 'the first must be below the second'],
      ],
      [
        [
          'grid={x: [0], z: [1]}',
          'bounds={sz: [0, 1]}',
          'standard_errors=true',
          'hrf_oversampling=4',
          'alpha=1',
          'adam={shared: [sd]}',
        ],
        [
          'CONFIG_VALUE  encoding_fit.grid.z: gaussian2d_hrf has no parameter z',
          'the grid has no values for y, sd',
          'did you mean sd?',
          'NOT_AVAILABLE_YET  encoding_fit.standard_errors',
          'oversampling of the HRF is not available yet',
          'gaussian2d_hrf has no ridge weights',
          'the exact solver has no shared parameters yet',
        ],
      ],
      [['model=css2d'], ['NOT_AVAILABLE_YET', 'the model css2d is not available in this workflow yet']],
    ];
    for (const [options, texts] of refusals) {
      const result = await rig.command([...RUN, ...set(...options)]);
      expect(result.exitCode).toBe(2);
      for (const text of texts) expect(result.stderr).toContain(text);
    }
  });

  test('data, paradigm and mask that do not fit', async () => {
    await using rig = await PipelineRig.create();
    await rig.write('in/readme.txt', 'nothing');
    const refused = async (text: string, ...options: string[]): Promise<void> => {
      const result = await rig.command([...RUN, ...set('tr=1.5', ...options)]);
      expect(result.stderr).toContain(text);
      expect(result.exitCode).toBe(3);
    };
    await refused('no data under DIR/in: no file <stem>_bold.npy');
    await arrays(rig);
    expect((await rig.command(RUN)).stderr).toContain(
      'the repetition time is not known, and gaussian2d_hrf needs it',
    );
    // Of each kind one: a paradigm of another length, a mask of another shape, data of three axes, one without fault.
    const data = encodeNpy(await readNpy(rig.path('in/sub-1_bold.npy')));
    for (const name of ['sub-2', 'sub-4']) await rig.write(`in/${name}_bold.npy`, data);
    const short = bars().values.slice(0, 39 * 64);
    await rig.write('in/sub-1_paradigm.npy', encodeNpy({ shape: [39, 8, 8], data: short }));
    await rig.write('in/sub-2_mask.npy', encodeNpy({ shape: [4], data: new Uint8Array(4).fill(1) }));
    await rig.write('in/sub-3_bold.npy', encodeNpy({ shape: [3, 2, 2], data: new Float64Array(12) }));
    const few = await rig.command([...RUN, ...set('tr=1.5', 'min_recordings=2')]);
    expect(few.exitCode).toBe(3);
    expect(few.stderr).toBe(
      [
        '4 requirements of encoding_fit are not met; nothing was run',
        '  INPUT_MISSING   sub-1: the paradigm DIR/in/sub-1_paradigm.npy has 39 time points, the data have 40',
        '                  mend: give both the same time points; leave out frames that were dropped from the data',
        '  INPUT_MISSING   sub-2: the mask DIR/in/sub-2_mask.npy is 4, the data are 3',
        '                  mend: give a mask on the grid of the data',
        '  INPUT_MISSING   sub-3: DIR/in/sub-3_bold.npy cannot be read as data of voxels: its shape is (3, 2, 2)',
        '                  mend: save time x voxels: two axes',
        '  INPUT_MISSING   1 of 4 recordings can be used, need at least 2',
        '                  mend: mend them, or lower encoding_fit.min_recordings',
        '',
      ].join('\n'),
    );
    const mixed = await rig.command([...RUN, ...set('tr=1.5'), '--dry-run']);
    expect(mixed.stderr.match(/\(this recording will be left out\)/g)).toHaveLength(3);
    expect(mixed.exitCode).toBe(0);
  });
});
