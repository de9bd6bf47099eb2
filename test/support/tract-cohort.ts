import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { floatBytes, rawNifti, type RawNifti } from './nifti-bytes.js';

/** Odd sizes, and a first axis that runs from right to left. */
export const COHORT_SHAPE = [11, 13, 10] as const;
export const COHORT_AFFINE_ROWS = [-2, 0, 0, 20, 0, 2.5, 0, -30, 0, 0, 3, 5] as const;

/** Density of one made-up person, first axis fastest: a short bundle along the second axis, shifted by the seed. */
export function tractDensity(seed: number, shape: readonly number[] = COHORT_SHAPE): number[] {
  const [X = 1, Y = 1, Z = 1] = shape;
  const centre = [X / 2 + Math.sin(seed), Z / 2 + Math.cos(2 * seed)];
  const values: number[] = [];
  for (let k = 0; k < Z; k++) {
    for (let j = 0; j < Y; j++) {
      for (let i = 0; i < X; i++) {
        const bend = 0.6 * Math.sin((Math.PI * j) / Y + seed);
        const r2 = (i - centre[0]! - bend) ** 2 + (k - centre[1]!) ** 2;
        const isInside = j >= 2 && j < Y - 2 && r2 < 5;
        values.push(isInside ? Math.round((100 + 10 * (seed % 3)) * Math.exp(-r2 / 3)) : 0);
      }
    }
  }
  return values;
}

/** Bytes of a gzipped volume with the geometry of the cohort; single fields can be replaced. */
export function tractVolume(values: readonly number[], change: Partial<RawNifti> = {}): Uint8Array {
  return gzipSync(
    rawNifti({
      dim: [3, ...COHORT_SHAPE],
      pixdim: [1, 2, 2.5, 3, 1, 1, 1, 1],
      sform: { code: 4, rows: COHORT_AFFINE_ROWS },
      description: 'made-up tract',
      voxels: floatBytes(values),
      ...change,
    }),
  );
}

/** Writes `<root>/<id>/tractography/{fdt_paths.nii.gz,waytotal}` for every id, seeded by its place in the list. */
export function writeTractCohort(root: string, ids: readonly string[], relpath = 'tractography'): void {
  ids.forEach((id, i) => {
    const volume = join(root, id, relpath, 'fdt_paths.nii.gz');
    mkdirSync(dirname(volume), { recursive: true });
    writeFileSync(volume, tractVolume(tractDensity(i)));
    writeFileSync(join(dirname(volume), 'waytotal'), '1000\n');
  });
}
