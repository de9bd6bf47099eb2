import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  hashTrainingCohort,
  hashTrainingSettings,
  readCheckpoint,
  writeCheckpoint,
} from '../../../../src/numerics/registration/checkpoint.js';
import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
} from '../../../../src/numerics/registration/settings.js';

const identity = { configHash: 'c', cohortHash: 'd' };
const state = {
  scalars: { epoch: 3, streams: { shuffling: [1, 2, 3, 4] } },
  arrays: [{ name: 'theta', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }],
};

describe('checkpoint', () => {
  let directory = '';
  let warnings: string[] = [];
  const read = (resume: 'auto' | 'never' | 'require', wanted = identity) =>
    readCheckpoint(directory, wanted, resume, (message) => warnings.push(message));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('a written state is read back and no temporary file stays', async () => {
    await writeCheckpoint(directory, identity, state);
    expect(await read('auto')).toEqual(state);
    expect(await read('require')).toEqual(state);
    expect(await readdir(directory)).toEqual(['training.ckpt']);
    expect(warnings).toEqual([]);
  });

  test('a second checkpoint replaces the first', async () => {
    await writeCheckpoint(directory, identity, state);
    await writeCheckpoint(directory, identity, { ...state, scalars: { epoch: 4 } });
    expect((await read('auto'))?.scalars).toEqual({ epoch: 4 });
  });

  test('resume never does not look', async () => {
    await writeCheckpoint(directory, identity, state);
    expect(await read('never')).toBeNull();
  });

  test('without a checkpoint auto starts anew silently and require fails', async () => {
    expect(await read('auto')).toBeNull();
    expect(warnings).toEqual([]);
    await expect(read('require')).rejects.toThrow('resume is required, but there is no checkpoint');
  });

  test.each([
    [{ configHash: 'x', cohortHash: 'd' }, 'the checkpoint belongs to another configuration'],
    [{ configHash: 'c', cohortHash: 'x' }, 'the checkpoint belongs to another cohort'],
  ])('a checkpoint of something else is not continued (%j)', async (wanted, reason) => {
    await writeCheckpoint(directory, identity, state);
    expect(await read('auto', wanted)).toBeNull();
    expect(warnings).toEqual([`training starts anew: ${reason} (${join(directory, 'training.ckpt')})`]);
    await expect(read('require', wanted)).rejects.toThrow(`resume is required, but ${reason}`);
  });

  test('a damaged checkpoint is not continued', async () => {
    await writeCheckpoint(directory, identity, state);
    const path = join(directory, 'training.ckpt');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 40));
    expect(await read('auto')).toBeNull();
    expect(warnings[0]).toMatch(/training starts anew: the checkpoint cannot be read: the digest at its end/);
  });
});

describe('identity of a training', () => {
  const settings = {
    model: ModelSettings.parse({}),
    loss: LossSettings.parse({}),
    optimizer: OptimizerSettings.parse({}),
    densityInLog: false,
  };

  test('what only steers checkpointing does not count, everything else does', () => {
    const hash = hashTrainingSettings(settings);
    const steered = {
      ...settings,
      optimizer: { ...settings.optimizer, checkpoint_every: 3, resume: 'require' as const },
    };
    expect(hashTrainingSettings(steered)).toBe(hash);
    expect(hashTrainingSettings({ ...settings, optimizer: { ...settings.optimizer, seed: 1 } })).not.toBe(
      hash,
    );
    expect(hashTrainingSettings({ ...settings, loss: { ...settings.loss, ncc_window: 7 } })).not.toBe(hash);
  });

  test('ids, grid and every value of the cohort count', () => {
    const volume = Float32Array.of(1, 2, 3, 4);
    const hash = hashTrainingCohort(['a'], [1, 2, 2], [volume]);
    expect(hashTrainingCohort(['a'], [1, 2, 2], [volume.slice()])).toBe(hash);
    expect(hashTrainingCohort(['b'], [1, 2, 2], [volume])).not.toBe(hash);
    expect(hashTrainingCohort(['a'], [2, 2, 1], [volume])).not.toBe(hash);
    expect(hashTrainingCohort(['a'], [1, 2, 2], [Float32Array.of(1, 2, 3, 5)])).not.toBe(hash);
  });
});
