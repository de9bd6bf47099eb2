import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { commonGrid, gridMismatch } from '../../../src/nodes/atlas/cohort-grid.js';
import { readSubjectVolume } from '../../../src/nodes/atlas/subject-volume.js';
import type { NormalizationMethod } from '../../../src/numerics/registration/normalization.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { COHORT_SHAPE, tractDensity, tractVolume } from '../../support/tract-cohort.js';

const directory = temporaryDirectory();
let files = 0;

async function read(bytes: Uint8Array | null, method: NormalizationMethod = 'none') {
  const volume = join(directory, `${++files}.nii.gz`);
  if (bytes !== null) writeFileSync(volume, bytes);
  const waytotal = join(directory, 'waytotal');
  return readSubjectVolume({ id: '7', volume, waytotal, file: '7/x.nii.gz', method });
}

test('a sound volume comes in C order with its header, its constant and its grid', async () => {
  const counts = tractDensity(1);
  const subject = await read(tractVolume(counts), 'sum');
  if (subject.kind === 'skipped') throw new Error(subject.reason);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const [X, Y, Z] = COHORT_SHAPE;
  for (const [i, j, k] of [
    [3, 5, 4],
    [5, 6, 5],
    [0, 0, 0],
  ] as const) {
    expect(subject.density[(i * Y + j) * Z + k]).toBe(Math.fround(counts[i + X * (j + Y * k)]! / total));
  }
  expect(subject.info).toEqual({
    id: '7',
    file: '7/x.nii.gz',
    shape: [X, Y, Z],
    affine: [-2, 0, 0, 20, 0, 2.5, 0, -30, 0, 0, 3, 5, 0, 0, 0, 1],
    voxel_size_mm: [2, 2.5, 3],
    waytotal: null,
    normalization_constant: total,
  });
  expect(subject.headerBytes).toHaveLength(348);
});

test('a file that is missing, broken or unusable is a reason without any directory in it', async () => {
  const counts = tractDensity(1);
  const reason = async (bytes: Uint8Array | null): Promise<string> => {
    const subject = await read(bytes);
    return subject.kind === 'skipped' ? subject.reason : 'usable';
  };
  expect(await reason(null)).toBe('missing');
  expect(await reason(tractVolume(counts).subarray(0, 100))).toBe(
    'unreadable: the gzip stream of 7/x.nii.gz ends too early',
  );
  expect(await reason(Buffer.from('text'))).toBe(
    'unreadable: 7/x.nii.gz is not a NIfTI file: it is text that begins with "text"',
  );
  expect(await reason(tractVolume(counts.with(3, Infinity)))).toBe('non_finite: a voxel is NaN or infinite');
  expect(await reason(tractVolume(counts.with(3, -0.5)))).toBe(
    'negative: a voxel is below 0, which no count of streamlines is',
  );
  expect(await reason(tractVolume(counts.map(() => 0)))).toBe(
    'no_mass: every voxel is 0: no streamline was found, or the mask is empty',
  );
});

test('what does not fit the cohort is an error: axes, a singular matrix, a missing waytotal', async () => {
  await expect(read(tractVolume(tractDensity(1), { dim: [4, 11, 13, 5, 2] }))).rejects.toMatchObject({
    code: 'SHAPE_MISMATCH',
    message: '7/x.nii.gz has 4 axes (11x13x5x2), not 3',
  });
  const flat = { code: 1, rows: [1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0] };
  await expect(read(tractVolume(tractDensity(1), { sform: flat }))).rejects.toMatchObject({
    code: 'AFFINE_SINGULAR',
  });
  await expect(read(tractVolume(tractDensity(1)), 'waytotal')).rejects.toMatchObject({ code: 'WAYTOTAL' });
  mkdirSync(join(directory, 'waytotal'));
  await expect(read(tractVolume(tractDensity(1)), 'waytotal')).rejects.toMatchObject({ code: 'IO' });
});

test('grids are compared axis by axis and entry by entry', () => {
  const affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  const one = { file: 'a', shape: [2, 3, 4], affine };
  expect(gridMismatch(one, { ...one, affine: affine.with(3, 0.001) })).toBeNull();
  expect(gridMismatch(one, { ...one, file: 'b', affine: affine.with(3, 0.0011) })).toBe(
    'a (2x3x4) is not on the grid of b (2x3x4); largest affine difference 0.0011',
  );
  expect(() => commonGrid([one, { ...one, file: 'c', shape: [2, 3] }])).toThrow(
    'c (2x3) is not on the grid of a (2x3x4); largest affine difference 0',
  );
  expect(() => commonGrid([])).toThrow('the cohort has no volume');
});
