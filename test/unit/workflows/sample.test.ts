import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { discoverSubjects, readNifti, readWaytotal } from '../../../src/io/index.js';
import { writeSampleCohort } from '../../../src/workflows/learned-atlas/sample.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sample-'));
  for (const [name, seed] of [
    ['first', 3],
    ['again', 3],
    ['other', 4],
  ] as const) {
    await writeSampleCohort(join(root, name), { seed });
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

const volume = (cohort: string, id: string) => join(root, cohort, id, 'tractography', 'fdt_paths.nii.gz');

test('the same seed writes the same bytes, another seed other bytes', async () => {
  const bytes = await readFile(volume('first', '104'));
  expect(await readFile(volume('again', '104'))).toEqual(bytes);
  expect(await readFile(volume('other', '104'))).not.toEqual(bytes);
});

test('a place below a file is refused with the path', async () => {
  await expect(
    writeSampleCohort(join(root, 'first', '101', 'tractography', 'waytotal')),
  ).rejects.toMatchObject({
    name: 'StorageError',
    message: expect.stringContaining('waytotal') as string,
  });
});

test('the cohort is discovered in order and every subject has its own anatomy', async () => {
  const found = discoverSubjects(join(root, 'first'), { pattern: 'auto' });
  expect(found.map((subject) => subject.id)).toEqual(['101', '102', '103', '104', '105', '106']);
  const [a, b] = await Promise.all(['101', '102'].map((id) => readNifti(volume('first', id))));
  expect(a!.data).not.toEqual(b!.data);
});

test('counts are whole streamlines, never more than waytotal, and fill a bundle rather than the grid', async () => {
  const waytotal = readWaytotal(join(root, 'first', '101', 'tractography', 'waytotal'));
  const { data } = await readNifti(volume('first', '101'));
  let occupied = 0;
  let largest = 0;
  for (const count of data) {
    expect(Number.isInteger(count)).toBe(true);
    if (count > 0) occupied++;
    largest = Math.max(largest, count);
  }
  expect(largest).toBeLessThanOrEqual(waytotal);
  expect(largest).toBeGreaterThan(waytotal / 10);
  expect(occupied / data.length).toBeGreaterThan(0.02);
  expect(occupied / data.length).toBeLessThan(0.2);
});
