import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import {
  ATLAS_STATISTIC_NAMES,
  trainLearnedAtlas,
  type TrainLearnedAtlasOptions,
} from '../../../../src/numerics.js';
import { memoryCount } from '../../../../src/tensor/index.js';
import { temporaryDirectory } from '../../../support/temporary.js';
import { tractDensity, tractVolume, writeTractCohort } from '../../../support/tract-cohort.js';

const directory = temporaryDirectory();
const inputDir = join(directory, 'in');
writeTractCohort(inputDir, ['5', '40', '3']);

const small = {
  inputDir,
  threads: 1,
  trainConfig: {
    min_subjects: 3,
    model: { enc_features: [4, 4], dec_features: [4, 4, 4] },
    loss: { ncc_window: 5 },
    optimizer: { mode: 'direct', epochs: 3, direct_velocity_rounds: 1 },
  },
} satisfies Omit<TrainLearnedAtlasOptions, 'atlasDir'>;

const config = (change: object): object => ({ ...small.trainConfig, ...change });

describe('trainLearnedAtlas', () => {
  test('returns maps in the fixed order, fields in subject order, and the metadata last; keeps no tensor', async () => {
    const atlasDir = join(directory, 'whole');
    const epochs: number[] = [];
    const before = memoryCount();
    const paths = await trainLearnedAtlas({ ...small, atlasDir, onEpoch: ({ epoch }) => epochs.push(epoch) });
    expect(memoryCount()).toBe(before);
    expect(paths).toEqual(
      [
        ...ATLAS_STATISTIC_NAMES.map((name) => `atlas_${name}.nii.gz`),
        ...['3', '5', '40'].map((id) => `fields/${id}_field.nii.gz`),
        'learned_atlas_metadata.json',
      ].map((name) => join(atlasDir, name)),
    );
    for (const path of paths) expect(existsSync(path)).toBe(true);
    expect(epochs).toEqual([1, 2, 3]);
    expect(readdirSync(directory).filter((name) => name.includes('.part-'))).toEqual([]);
  });

  test('writes what the options ask for, and the evaluation too', async () => {
    const atlasDir = join(directory, 'some');
    const paths = await trainLearnedAtlas({
      ...small,
      atlasDir,
      emitBaselineMaps: ['prob_threshold', 'mean'],
      saveFields: false,
      normalizationMethod: 'max',
      trainConfig: config({ evaluate: 'loo' }),
    });
    expect(paths.map((path) => path.slice(atlasDir.length + 1))).toEqual([
      'atlas_mean.nii.gz',
      'atlas_prob_threshold.nii.gz',
      'learned_atlas_metadata.json',
    ]);
    expect(readdirSync(atlasDir)).toContain('evaluation.json');
    expect(readdirSync(atlasDir)).not.toContain('fields');
    const metadata = JSON.parse(readFileSync(paths.at(-1)!, 'utf8')) as { normalization: { method: string } };
    expect(metadata.normalization.method).toBe('max');
  });

  test('repairs folds also where nobody asked for their number', async () => {
    const optimizer = { ...small.trainConfig.optimizer, direct_lr: 3 };
    const loss = { ...small.trainConfig.loss, smoothness_weight: 0, jacobian_weight: 0 };
    const train = async (change: object): Promise<{ n_folds: number | null; velocity_scale: number }[]> => {
      const paths = await trainLearnedAtlas({
        ...small,
        atlasDir: join(directory, 'folds'),
        verifyJacobian: false,
        ddof: 1,
        trainConfig: config({ optimizer, loss, ...change }),
      });
      const metadata = JSON.parse(readFileSync(paths.at(-1)!, 'utf8')) as {
        config: { atlas: object };
        subjects: { n_folds: number | null; velocity_scale: number }[];
      };
      expect(metadata.config.atlas).toMatchObject({ ddof: 1 });
      return metadata.subjects;
    };
    for (const subject of await train({ fold_policy: 'repair' })) {
      expect(subject.n_folds).toBeNull();
      expect(subject.velocity_scale).toBeLessThan(1);
    }
    for (const subject of await train({ fold_policy: 'report' })) expect(subject.velocity_scale).toBe(1);
    await expect(train({ fold_policy: 'fail' })).rejects.toMatchObject({ code: 'FOLDS' });
  });

  test('a training that fails, or is cancelled, leaves no file and no tensor', async () => {
    const atlasDir = join(directory, 'failed');
    const before = memoryCount();
    const diverging = { optimizer: { ...small.trainConfig.optimizer, direct_template_lr: 1e30 } };
    await expect(
      trainLearnedAtlas({ ...small, atlasDir, trainConfig: config(diverging) }),
    ).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
    });
    const signal = AbortSignal.abort();
    await expect(trainLearnedAtlas({ ...small, atlasDir, signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(memoryCount()).toBe(before);
    expect(existsSync(atlasDir)).toBe(false);
    expect(readdirSync(directory).filter((name) => name.includes('.part-'))).toEqual([]);
  });

  test('settings, cohorts and devices that are not possible are refused with what to do', async () => {
    const atlasDir = join(directory, 'refused');
    const call = (change: object) => trainLearnedAtlas({ ...small, atlasDir, ...change });
    await expect(call({ saveFields: 'yes', trainConfig: config({ crop_margin: 99 }) })).rejects.toMatchObject(
      {
        name: 'ConfigError',
        message: expect.stringMatching(
          /^learned_atlas\.save_fields: .+; learned_atlas\.crop_margin: /,
        ) as string,
      },
    );
    await expect(call({ trainingSpace: 'affine_native' })).rejects.toThrow(
      "learned_atlas.affine_native_relpath is required when training_space='affine_native'",
    );
    await expect(call({ trainConfig: config({ dtype: 'float16' }) })).rejects.toMatchObject({
      name: 'DependencyError',
      code: 'DTYPE',
    });
    await expect(call({ trainConfig: config({ device: 'cuda' }) })).rejects.toMatchObject({
      name: 'DependencyError',
      code: 'BACKEND_MISSING',
    });
    await expect(call({ trainConfig: config({ min_subjects: 4 }) })).rejects.toMatchObject({
      name: 'ProcessingError',
      message: `found 3 usable subject(s) under ${inputDir}, need at least 4`,
    });
    const uneven = join(directory, 'uneven');
    writeTractCohort(uneven, ['1', '2', '3']);
    const smaller = [10, 13, 10];
    writeFileSync(
      join(uneven, '2', 'tractography', 'fdt_paths.nii.gz'),
      tractVolume(tractDensity(1, smaller), { dim: [3, ...smaller] }),
    );
    await expect(call({ inputDir: uneven })).rejects.toMatchObject({
      code: 'SHAPE_MISMATCH',
      message:
        '2/tractography/fdt_paths.nii.gz (10x13x10) is not on the grid of 1/tractography/fdt_paths.nii.gz ' +
        '(11x13x10); largest affine difference 0',
    });
    rmSync(uneven, { recursive: true });
    expect(existsSync(atlasDir)).toBe(false);
  });
});

test('importing neuroloom/numerics loads no tensor code and no addon', () => {
  const trace = fileURLToPath(new URL('../../../cli/fixtures/trace-imports.mjs', import.meta.url));
  const file = join(directory, 'trace');
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  execFileSync(process.execPath, ['--import', trace, '-e', "import('neuroloom/numerics')"], {
    cwd: root,
    env: { ...process.env, TRACE_IMPORTS: file, NODE_OPTIONS: '' },
  });
  const modules = readFileSync(file, 'utf8').trim().split('\n');
  expect(modules.some((url) => url.endsWith('/dist/numerics.js'))).toBe(true);
  expect(
    modules.filter((url) =>
      /@tensorflow|\.node$|\/tensor\/(?!device|expressions|backends\/(?:native-status|gpu-packages|peers))/.test(
        url,
      ),
    ),
  ).toEqual([]);
});
