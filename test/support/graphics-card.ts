/**
 * Repeats golden tests on webgpu, with Mesa's software driver where there is no card. The packages come from the folder
 * that NEUROLOOM_GPU_PACKAGES names: where they stand beside neuroloom every training with `device: auto` would look for
 * a card.
 */
import Module from 'node:module';
import { beforeEach, test } from 'vitest';

const packages = process.env['NEUROLOOM_GPU_PACKAGES'];

/** Imports test files whose devices are then the graphics card; a visible skip where there is none. */
export async function onGraphicsCard(files: readonly (() => Promise<unknown>)[]): Promise<void> {
  process.env['NEUROLOOM_SOFTWARE_GPU'] = '1';
  process.env['NEUROLOOM_TEST_DEVICE'] = 'webgpu';
  if (packages !== undefined) {
    process.env['NODE_PATH'] = packages;
    // Node reads the variable when it starts.
    (Module as unknown as { _initPaths(): void })._initPaths();
  }
  const { gpuProblem } = (await import('../../dist/tensor/device.js')) as {
    gpuProblem(spec: string): Promise<Error | null>;
  };
  const problem = await gpuProblem('webgpu');
  if (problem === null) {
    const { resolveDevice, useDevice } = await import('../../src/tensor/index.js');
    const card = await resolveDevice('webgpu');
    // A test whose device was lost or refused work fails alone.
    beforeEach(async () => {
      await useDevice(card, 1);
    });
    for (const load of files) await load();
    return;
  }
  // What is there and does not compute rightly is a failure, not a reason to skip.
  if (!/not installed|no graphics adapter/.test(problem.message)) throw problem;
  test.skip(`golden arrays on webgpu: ${problem.message}`, () => undefined);
}
