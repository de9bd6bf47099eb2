/**
 * `@tensorflow/tfjs-node-gpu`: CUDA through libtensorflow 2.9.1 (CUDA 11.2, cuDNN 8.1), so cards up to the Ampere
 * generation. Its gradients and convolutions are TensorFlow's; everything else is the portable compositions.
 */
import util from 'node:util';
import { tf } from '../tfjs.js';
import { gpuVersions, missingPackages, unavailable } from './gpu-packages.js';
import { installedVersion, loadPeer } from './peers.js';

const PACKAGE = '@tensorflow/tfjs-node-gpu';

/** Functions that Node 23 removed from `util` and that version 4.22.0 of the package calls. */
const REMOVED: Readonly<Record<string, (value: unknown) => boolean>> = {
  isNullOrUndefined: (value) => value === null || value === undefined,
  isArray: (value) => Array.isArray(value),
};

/**
 * Loads the package into this process.
 *
 * @param spec - `cuda` or `cuda:N`; N counts the cards that CUDA_VISIBLE_DEVICES names
 * @returns versions for the metadata
 * @throws DependencyError BACKEND_MISSING with the reason
 */
export async function openTensorflow(spec: string): Promise<Readonly<Record<string, string>>> {
  const missing = missingPackages('cuda', spec);
  if (missing !== null) throw missing;
  const version = installedVersion(PACKAGE);
  const [, index] = spec.split(':');
  if (index !== undefined) {
    const visible = process.env['CUDA_VISIBLE_DEVICES']?.split(',') ?? null;
    process.env['CUDA_VISIBLE_DEVICES'] = visible?.[Number(index)] ?? index;
  }
  for (const [name, replacement] of Object.entries(REMOVED)) {
    const functions = util as unknown as Record<string, unknown>;
    functions[name] ??= replacement;
  }
  const loaded = (await loadPeer(PACKAGE).catch((error: unknown) => {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw unavailable(
      spec,
      `${PACKAGE} ${version} is installed but does not load: ${message}`,
      'its binary needs libtensorflow 2.9.1, CUDA 11.2 and cuDNN 8.1 (`npm rebuild @tensorflow/tfjs-node-gpu --build-addon-from-source`), or choose device webgpu',
    );
  })) as { backend?: () => { isUsingGpuDevice?: boolean } };
  if (!(await tf.setBackend('tensorflow')))
    throw unavailable(spec, `${PACKAGE} ${version} brings no backend`, 'reinstall it');
  if (loaded.backend?.().isUsingGpuDevice === false) {
    throw unavailable(
      spec,
      `TensorFlow found no CUDA card that its version 2.9.1 can use`,
      'check `nvidia-smi`; cards newer than Ampere need device webgpu',
    );
  }
  return gpuVersions('cuda');
}
