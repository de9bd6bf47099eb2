import { expect, test } from 'vitest';
import { sourceName } from '../../../src/engine/source-name.js';

test.each([
  ['apart', '/data/in', '/data/out', '/data/in/101/a.nii', 'bids:input:101/a.nii'],
  ['apart, of the results', '/data/in', '/data/out', '/data/out/atlas/a.nii', 'bids::atlas/a.nii'],
  ['one folder', '/data', '/data', '/data/101/a.nii', 'bids::101/a.nii'],
  ['results among the data', '/data', '/data/derivatives/x', '/data/101/a.nii', 'bids:input:101/a.nii'],
  ['results among the data', '/data', '/data/derivatives/x', '/data/derivatives/x/a.nii', 'bids::a.nii'],
  ['data among the results', '/study/raw', '/study', '/study/raw/101/a.nii', 'bids:input:101/a.nii'],
  ['of neither', '/data/in', '/data/out', '/data/in-2/a.nii', '../in-2/a.nii'],
  ['input not known', null, '/data/out', '/data/in/a.nii', '../in/a.nii'],
])('%s', (_, inputDir, outputDir, path, name) => {
  expect(sourceName(path, { inputDir, outputDir })).toBe(name);
});
