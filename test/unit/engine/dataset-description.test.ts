import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeDataset } from '../../../src/engine/dataset-description.js';

let directory = '';
let file = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'neuroloom-dataset-'));
  file = join(directory, 'dataset_description.json');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('a folder of derivatives says so, and who made it; the same release leaves the file alone', () => {
  describeDataset(directory, '1.2.3', join(directory, '../data'));
  const json = JSON.parse(readFileSync(file, 'utf8')) as object;
  expect(json).toMatchObject({
    DatasetType: 'derivative',
    GeneratedBy: [{ Name: 'neuroloom', Version: '1.2.3' }],
    DatasetLinks: { input: '../data' },
  });
  expect(Object.keys(json)).toEqual(['Name', 'BIDSVersion', 'DatasetType', 'GeneratedBy', 'DatasetLinks']);
  const { ino } = statSync(file);
  describeDataset(directory, '1.2.3', join(directory, '../data'));
  expect(statSync(file).ino).toBe(ino);
  describeDataset(directory, '1.3.0', join(directory, '../data'));
  expect(readFileSync(file, 'utf8')).toContain('"1.3.0"');
});

test.each([
  '{"Name": "Our cohort", "BIDSVersion": "1.8.0"}',
  'not JSON',
  '{"GeneratedBy": [{"Name": "fmriprep"}]}',
])('a description of somebody else stays: %s', (text) => {
  writeFileSync(file, text);
  describeDataset(directory, '1.2.3', join(directory, '../data'));
  expect(readFileSync(file, 'utf8')).toBe(text);
});
