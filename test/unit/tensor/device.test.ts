import { afterEach, describe, expect, test } from 'vitest';
import { PipelineError } from '../../../src/errors.js';
import { nativeStatus } from '../../../src/native/index.js';
import * as nl from '../../../src/tensor/index.js';

async function failure(run: () => unknown): Promise<PipelineError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const hasAddon = nativeStatus().available;

describe('devices', () => {
  afterEach(async () => {
    await nl.useDevice(await nl.resolveDevice('cpu'), 1);
  });

  test.runIf(hasAddon)('cpu and auto run on the addon and say with which instructions', async () => {
    for (const spec of ['cpu', 'auto']) {
      const info = await nl.resolveDevice(spec);
      const active = await nl.useDevice(info, 2);
      expect(active).toMatchObject({ device: 'cpu', backend: 'native', threads: 2, warning: null });
      expect(['avx512', 'avx2', 'baseline']).toContain(active.isa);
      expect(active.versions).toMatchObject({ tfjs: '4.22.0', node: process.versions.node });
    }
  });

  test.each(['gpu', 'cpu:1', 'CUDA', ''])("'%s' is no device", async (spec) => {
    const error = await failure(() => nl.resolveDevice(spec));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toBe(`unknown device '${spec}'`);
    expect(error.cure).toBe('give auto, cpu, webgpu, cuda or cuda:N');
  });

  test('no threads are refused', async () => {
    const error = await failure(async () => nl.useDevice(await nl.resolveDevice('cpu'), 0));
    expect(error.message).toBe('0 threads');
  });

  test('without the addon there is a warning, and grids above 32^3 voxels are refused with the cure', async () => {
    const info = nl.portableCpuDevice('it was not built when the package was installed');
    expect(info).toMatchObject({ backend: 'tfjs-cpu', isa: null, threads: 1 });
    expect(info.warning).toEqual({
      code: 'ADDON_MISSING',
      message:
        'the native addon is not usable (it was not built when the package was installed): tensors run in plain JavaScript, hundreds of times slower, and only on grids up to 32 x 32 x 32 voxels',
      cure: 'install a C++17 compiler and run `npm rebuild neuroloom` (or `npm run build:addon` in a clone); `pipeline doctor` shows the state',
    });
    const active = await nl.useDevice(info, 4);
    expect(active.threads).toBe(1);
    const w = nl.zeros([3, 3, 3, 1, 1]);
    const b = nl.zeros([1]);
    const convolve = (length: number) => {
      const x = nl.zeros([1, length, 32, 32, 1]);
      nl.dispose(nl.convBlock(x, w, b, 1));
      nl.dispose(x);
    };
    const before = nl.memoryCount();
    convolve(32);
    expect(nl.memoryCount()).toBe(before);
    const error = await failure(() => nl.tidy(() => convolve(33)));
    expect(error.code).toBe('ADDON_MISSING');
    expect(error.message).toBe(
      'convBlock on 33792 voxels needs the native addon, which is not built; without it at most 32768 voxels are accepted',
    );
    expect(error.cure).toBe(
      'install a C++17 compiler and run `npm rebuild neuroloom` (or `npm run build:addon`)',
    );
    nl.dispose([w, b]);
  });
});
