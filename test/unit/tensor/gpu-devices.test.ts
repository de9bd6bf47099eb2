/**
 * Which graphics devices are found, and what is said where they are not. Packages that stand for the real ones lie in a
 * folder that NODE_PATH names, as those of a user may.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../support/temporary.js';

const probe = fileURLToPath(new URL('../../../dist/tensor/backends/probe-main.js', import.meta.url));
const ownModules = dirname(
  dirname(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/package.json'))),
);

interface Answer {
  readonly reason?: string;
  readonly cure?: string;
}

/** Asks as a requirement check does: in a process of its own. */
async function ask(spec: string, env: Record<string, string>): Promise<Answer> {
  const { stdout } = await promisify(execFile)(process.execPath, [probe, spec], {
    env: { PATH: process.env['PATH'], ...env },
  });
  return JSON.parse(/^\{.*\}$/m.exec(stdout)?.[0] ?? 'null') as Answer;
}

const folders = temporaryDirectory();
let made = 0;

/** A folder with packages of these names and sources, and the own ones behind it, as NODE_PATH names them. */
async function packages(sources: Readonly<Record<string, string>>): Promise<string> {
  const root = join(folders, String((made += 1)));
  for (const [name, source] of Object.entries(sources)) {
    await mkdir(join(root, name), { recursive: true });
    await writeFile(
      join(root, name, 'package.json'),
      JSON.stringify({ name, version: '4.22.0', main: 'index.js' }),
    );
    await writeFile(join(root, name, 'index.js'), source);
  }
  return `${root}:${ownModules}`;
}

/** The interface of tfjs-node-gpu: a backend named tensorflow, and calls of what Node 23 removed from util. */
const tensorflow = (options: { gpu: boolean; sabotage?: string }) => `
  const tf = require('@tensorflow/tfjs-core');
  const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu');
  const util = require('util');
  if (!util.isNullOrUndefined(undefined) || util.isNullOrUndefined(0)) throw new Error('not reached');
  if (!util.isArray([]) || util.isArray({ length: 0 })) throw new Error('not reached');
  tf.registerBackend('tensorflow', () => new MathBackendCPU());
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
  ${options.sabotage ?? ''}
  exports.backend = () => ({ isUsingGpuDevice: ${options.gpu} });`;

describe('graphics devices', () => {
  test('without their packages the command that installs them is named', async () => {
    const install = 'npm install webgpu@0.6.2 @tensorflow/tfjs-backend-webgpu@4.22.0, or choose device cpu';
    const both = 'webgpu and @tensorflow/tfjs-backend-webgpu are not installed';
    expect(await ask('webgpu', {})).toEqual({
      reason: `device 'webgpu' is not available here: ${both}`,
      cure: install,
    });
    expect(await ask('cuda:1', {})).toEqual({
      reason: "device 'cuda:1' is not available here: @tensorflow/tfjs-node-gpu is not installed",
      cure: 'npm install @tensorflow/tfjs-node-gpu@4.22.0, or choose device cpu',
    });
  });

  test('cuda is what a package with the interface of tfjs-node-gpu computes rightly', async () => {
    const NODE_PATH = await packages({ '@tensorflow/tfjs-node-gpu': tensorflow({ gpu: true }) });
    expect(await ask('cuda', { NODE_PATH })).toEqual({});
    expect(await ask('cuda:1', { NODE_PATH })).toEqual({});
  });

  test('what Node 23 removed from util, and the package calls, is replaced', async () => {
    const NODE_PATH = await packages({ '@tensorflow/tfjs-node-gpu': tensorflow({ gpu: true }) });
    const preload = join(folders, 'as-node-23.cjs');
    await writeFile(
      preload,
      "const util = require('util');\nfor (const name of ['isNullOrUndefined', 'isArray']) delete util[name];\n",
    );
    expect(await ask('cuda', { NODE_PATH, NODE_OPTIONS: `--require ${preload}` })).toEqual({});
  });

  test('the packages are no part of an installation', async () => {
    const lock = new URL('../../../package-lock.json', import.meta.url);
    const { packages: installed } = JSON.parse(await readFile(lock, 'utf8')) as { packages: object };
    const optional = /^node_modules\/(webgpu|@tensorflow\/tfjs-(backend-webgpu|node|node-gpu))$/;
    expect(Object.keys(installed).filter((path) => optional.test(path))).toEqual([]);
  });

  test('cuda without a card, with wrong numbers, or that does not load is refused with the reason', async () => {
    const name = '@tensorflow/tfjs-node-gpu';
    const noCard = { NODE_PATH: await packages({ [name]: tensorflow({ gpu: false }) }) };
    expect(await ask('cuda', noCard)).toEqual({
      reason:
        "device 'cuda' is not available here: TensorFlow found no CUDA card that its version 2.9.1 can use",
      cure: 'check `nvidia-smi`; cards newer than Ampere need device webgpu',
    });
    const sabotage = `
      tf.unregisterKernel('Conv3D', 'tensorflow');
      tf.registerKernel({ kernelName: 'Conv3D', backendName: 'tensorflow', kernelFunc: ({ inputs, backend }) =>
        backend.makeTensorInfo(inputs.x.shape, 'float32', new Float32Array(64).fill(2)) });`;
    const wrong = { NODE_PATH: await packages({ [name]: tensorflow({ gpu: true, sabotage }) }) };
    expect(await ask('cuda', wrong)).toEqual({
      reason: 'a test convolution on tensorflow gives wrong numbers',
      cure: 'update the driver of the card, or choose device cpu',
    });
    const broken = {
      NODE_PATH: await packages({ [name]: `throw new Error('tfjs_binding.node can not be found')` }),
    };
    expect((await ask('cuda', broken)).reason).toBe(
      "device 'cuda' is not available here: @tensorflow/tfjs-node-gpu 4.22.0 is installed but does not load: tfjs_binding.node can not be found",
    );
  });

  test('webgpu without an adapter, or with one that is software, is refused; auto then computes on the processor', async () => {
    const adapter = (value: string) => ({
      webgpu: `exports.globals = {}; exports.create = () => ({ requestAdapter: async () => (${value}) });`,
      '@tensorflow/tfjs-backend-webgpu': 'throw new Error("not reached")',
    });
    const none = { NODE_PATH: await packages(adapter('null')) };
    expect((await ask('webgpu', none)).reason).toBe(
      "device 'webgpu' is not available here: no graphics adapter was found (Dawn needs a Vulkan, Metal or Direct3D 12 driver)",
    );
    const info =
      "{ vendor: 'mesa', architecture: '', device: '', description: 'llvmpipe', isFallbackAdapter: true }";
    const software = {
      NODE_PATH: await packages(adapter(`{ info: ${info}, limits: {}, features: new Set() }`)),
    };
    expect(await ask('webgpu', software)).toEqual({
      reason:
        "device 'webgpu' is not available here: the only adapter, llvmpipe, computes on the processor and is slower than device cpu",
      cure: 'choose device cpu; NEUROLOOM_SOFTWARE_GPU=1 accepts it for tests',
    });
    expect(await ask('auto', software)).toEqual({});
  });
});
