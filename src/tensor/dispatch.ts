import { DependencyError } from '../errors.js';
import { tf, type Tensor, type tfjs } from './tfjs.js';
import { openWorkspace, type Workspace } from './workspace.js';

/** Largest number of voxels that stock tfjs is asked to work on: convolutions there are hundreds of times slower. */
export const PORTABLE_VOXEL_LIMIT = 32 ** 3;

let portableDepth = 0;
let gridLimit: number | null = null;

/**
 * Runs a function with every op in its portable composition of tfjs ops, also where the device has a kernel
 * of its own for it. The compositions are the reference that kernels are tested against.
 */
export async function withPortableOps<T>(run: () => Promise<T>): Promise<T> {
  portableDepth += 1;
  try {
    return await run();
  } finally {
    portableDepth -= 1;
  }
}

/** Sets the largest grid that ops accept (null: no limit); the device decides it. */
export function limitGrid(voxels: number | null): void {
  gridLimit = voxels;
}

/** Refuses grids that the device could only work on for hours. */
export function requireAffordableGrid(voxels: number, operation: string): void {
  if (gridLimit === null || voxels <= gridLimit) return;
  throw new DependencyError(
    'ADDON_MISSING',
    `${operation} on ${voxels} voxels needs the native addon, which is not built; without it at most ${gridLimit} voxels are accepted`,
    { cure: 'install a C++17 compiler and run `npm rebuild neuroloom` (or `npm run build:addon`)' },
  );
}

/** Plain settings of a kernel. */
export type KernelSettings = Readonly<Record<string, number | boolean | string | readonly number[]>>;

/** What a kernel is called with: its settings, and a place to leave arrays for its gradient (null: none needed). */
export interface KernelAttributes {
  readonly settings: KernelSettings;
  readonly workspace: Workspace | null;
}

/** Name of a backend's own kernel: tfjs has one gradient for each name, and backends differ in what theirs need. */
export function kernelOf(kernel: string, backend: string): string {
  return `${kernel}@${backend}`;
}

/**
 * Calls the device's own kernel where it has one, else the portable composition.
 *
 * @param kernel - name under which backends register the op
 * @param portable - the same op made of tfjs ops, differentiable
 */
export function dispatch(
  kernel: string,
  inputs: Readonly<Record<string, Tensor>>,
  settings: KernelSettings,
  portable: () => Tensor,
): Tensor {
  const own = kernelOf(kernel, tf.getBackend());
  if (portableDepth > 0 || !tf.getKernel(own, tf.getBackend())) return tf.tidy(portable);
  const attributes: KernelAttributes = { settings, workspace: openWorkspace() };
  return tf.engine().runKernel(own, { ...inputs }, attributes as unknown as tfjs.NamedAttrMap);
}
