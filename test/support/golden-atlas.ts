import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { discoverSubjects, fortranToC, parseNpy, readNifti, type NpyArray } from '../../src/io/index.js';
import { reference } from './reference.js';

/** A golden array of reference/atlas/golden, C order. */
export function goldenArray(name: string): NpyArray {
  return parseNpy(readFileSync(reference(`atlas/golden/${name}.npy`)), name);
}

/** golden.json; `null` stands for NaN. */
export function goldenNumbers(): Record<string, never> & { scalars: never; diagnostics: never } {
  return JSON.parse(readFileSync(reference('atlas/golden/golden.json'), 'utf8')) as never;
}

/** One volume in C order. */
export async function readVolume(
  path: string,
): Promise<{ data: Float32Array | Float64Array; shape: number[] }> {
  const volume = await readNifti(path);
  return { data: fortranToC(volume.data, volume.shape), shape: [...volume.shape] };
}

/** Raw counts of a reference cohort, C order, in discovery order. */
export async function readCohort(
  name: 'cohort' | 'cohort_cst',
  space: 'tractography' | 'affine_native' = 'tractography',
): Promise<{ ids: string[]; volumes: (Float32Array | Float64Array)[]; shape: [number, number, number] }> {
  const subjects = discoverSubjects(reference(`atlas/${name}`));
  const read = await Promise.all(
    subjects.map((subject) => readVolume(join(subject.directory, space, 'fdt_paths.nii.gz'))),
  );
  return {
    ids: subjects.map((subject) => subject.id),
    volumes: read.map((volume) => volume.data),
    shape: (read[0]?.shape ?? []) as [number, number, number],
  };
}

/** Distance between two float32 values in units of the last place of the second. */
export function ulps(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const order = (x: number): number => {
    const bits = new Int32Array(Float32Array.of(x).buffer)[0] ?? 0;
    return bits < 0 ? -(bits & 0x7fffffff) : bits;
  };
  return Math.abs(order(a) - order(b));
}

/** Mean of float32 volumes, accumulated in float32 and in order: numpy.mean over the first axis of a float32 stack. */
export function float32Mean(volumes: readonly ArrayLike<number>[]): Float32Array {
  const sum = new Float32Array(volumes[0]?.length ?? 0);
  for (const volume of volumes) sum.forEach((x, v) => (sum[v] = x + (volume[v] ?? NaN)));
  return sum.map((x) => x / volumes.length);
}

/** Mean of volumes, accumulated in float64. */
export function float64Mean(volumes: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(volumes[0]?.length ?? 0);
  for (const volume of volumes) sum.forEach((x, v) => (sum[v] = x + (volume[v] ?? NaN)));
  return sum.map((x) => x / volumes.length);
}
