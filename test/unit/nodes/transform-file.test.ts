import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { writeNifti } from '../../../src/io/index.js';
import { writeField } from '../../../src/nodes/atlas/field-file.js';
import { parseMatrix, readTransformStep } from '../../../src/nodes/atlas/transform-file.js';
import { pullMap, voxelMap, type SpatialStep } from '../../../src/numerics/resample/index.js';
import { rawNifti } from '../../support/nifti-bytes.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { COHORT_AFFINE_ROWS, COHORT_SHAPE, tractDensity } from '../../support/tract-cohort.js';

const directory = temporaryDirectory();
const AFFINE = [...COHORT_AFFINE_ROWS, 0, 0, 0, 1];
const SHIFT = [2, -1, 3];

function shiftOf(): Float32Array {
  const voxels = COHORT_SHAPE[0] * COHORT_SHAPE[1] * COHORT_SHAPE[2];
  return Float32Array.from({ length: 3 * voxels }, (_, at) => SHIFT[at % 3]!);
}

async function fieldFile(space: 'voxel' | 'ras_mm' | 'ants'): Promise<string> {
  const path = join(directory, `${space}.nii.gz`);
  const header = rawNifti({
    dim: [3, ...COHORT_SHAPE],
    pixdim: [1, 2, 2.5, 3, 1, 1, 1, 1],
    sform: { code: 4, rows: COHORT_AFFINE_ROWS },
    voxels: new Uint8Array(0),
  }).subarray(0, 348);
  const options = { shape: COHORT_SHAPE, affine: AFFINE, headerBytes: header, space };
  await writeField(path, shiftOf(), options);
  return path;
}

function pulled(steps: SpatialStep[]): Float32Array {
  const map = Float32Array.from(tractDensity(3, [...COHORT_SHAPE].reverse()));
  const options = { map, mapShape: COHORT_SHAPE, shape: COHORT_SHAPE, modulate: false } as const;
  return pullMap({ ...options, voxels: voxelMap(AFFINE, steps, AFFINE), interpolation: 'trilinear' });
}

test('one shift as a matrix and as a field of every space gives equal maps', async () => {
  const world = [0, 1, 2].map((row) => SHIFT[row]! * AFFINE[5 * row]!);
  const path = join(directory, 'shift.txt');
  writeFileSync(
    path,
    `# patient to atlas\n1 0 0 ${world[0]}\n0, 1, 0, ${world[1]}\n0 0 1 ${world[2]}\n0 0 0 1\n`,
  );
  const expected = pulled([await readTransformStep(path, 'shift.txt')]);
  expect(expected.some((value) => value > 0)).toBe(true);
  for (const space of ['voxel', 'ras_mm', 'ants'] as const) {
    const step = await readTransformStep(await fieldFile(space), space);
    expect(pulled([step]), space).toEqual(expected);
  }
});

test('a field of ANTs is known by its intent code alone', async () => {
  const path = join(directory, 'from-ants.nii.gz');
  const shape = [...COHORT_SHAPE, 1, 3];
  const data = new Float32Array(shiftOf().length).fill(1);
  await writeNifti(path, { shape, data, affine: AFFINE, intent: { code: 1007, name: '' } });
  const step = await readTransformStep(path, 'it');
  if (step.kind !== 'field') throw new Error(step.kind);
  expect([...step.field.vectorsMm.subarray(0, 3)]).toEqual([-1, -1, 1]);
});

test('what is neither a matrix nor a field is refused with the reason', async () => {
  expect(() => parseMatrix('1 0 0\n0 1 0\n0 0 1\n', 'm.txt')).toThrow(
    'm.txt is not a 4x4 matrix: it does not hold four rows of four numbers',
  );
  expect(() => parseMatrix('1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 2\n', 'm.txt')).toThrow(
    'its last row is 0 0 0 2',
  );
  const path = join(directory, 'plain.nii.gz');
  await writeNifti(path, { shape: [2, 2, 2], data: new Float32Array(8), affine: AFFINE });
  await expect(readTransformStep(path, 'plain')).rejects.toThrow(
    'plain has shape 2x2x2, a field has X x Y x Z',
  );
  const shape = [2, 2, 2, 1, 3];
  await writeNifti(path, {
    shape,
    data: new Float32Array(24),
    affine: AFFINE,
    intent: { code: 1006, name: 'x' },
  });
  await expect(readTransformStep(path, 'plain')).rejects.toThrow(
    'does not say in which space its vectors are',
  );
  await expect(readTransformStep(join(directory, 'no.txt'), 'no')).rejects.toMatchObject({
    code: 'FILE_MISSING',
  });
});
