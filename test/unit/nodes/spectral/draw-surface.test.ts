import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { Skip } from '../../../../src/engine/node.js';
import type { InputFile } from '../../../../src/engine/port.js';
import { encodeNifti } from '../../../../src/io/index.js';
import { describeDrawing } from '../../../../src/nodes/spectral/describe-drawing.js';
import { drawSurface } from '../../../../src/nodes/spectral/draw-surface.js';
import { nodeContext } from '../../../support/node-context.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const input = (name: string): InputFile => ({
  path: join(directory, name),
  relPath: name,
  digest: 'a'.repeat(64),
  bytes: 1,
});
const { ctx } = nodeContext(directory);
const json = (name: string): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8'));

/** A cube of 4 x 4 x 4 voxels of label 17, one voxel of label 18. */
function volume(name: string, affine: number[]): InputFile {
  const data = Float32Array.from({ length: 1000 }, (_, at) => {
    const place = [at % 10, Math.floor(at / 10) % 10, Math.floor(at / 100)];
    if (place.every((index) => index >= 3 && index < 7)) return 17;
    return at === 0 ? 18 : 0;
  });
  writeFileSync(join(directory, name), encodeNifti({ shape: [10, 10, 10], data, affine }));
  return input(name);
}

test('the volume of the voxels is that of the affine, also where it shears; only the sidecar names the source', async () => {
  // Columns of lengths 2, sqrt(10), sqrt(27.25); the volume of a voxel is the product of the diagonal.
  const sheared = volume('sheared.nii', [-2, 1, 1, 0, 0, 3, 1, 0, 0, 0, 5, 0, 0, 0, 0, 1]);
  const settings = { labels: [17], smoothing: 1, cycles: 2 };
  const drawn = await drawSurface.run({ volume: sheared, ...settings }, ctx);
  expect(drawn).not.toBeInstanceOf(Skip);
  expect(json('drawing.json')).toMatchObject({ voxels: 64, voxel_volume_mm3: 64 * 2 * 3 * 5 });
  const source = 'bids:input:sub-01_dseg.nii';
  await describeDrawing.run({ drawing: input('drawing.json'), source }, ctx);
  expect(json('drawn.json')).toMatchObject({
    ...(json('drawing.json') as object),
    Sources: [source],
    GeneratedBy: [{ Name: 'neuroloom' }],
  });
});

test('a label that is too small for the smoothing is skipped with what to change', async () => {
  const small = volume('small.nii', [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(await drawSurface.run({ volume: small, labels: [18], smoothing: 1, cycles: 2 }, ctx)).toEqual(
    new Skip('the label 18 (1 voxel) vanishes under smoothing 1: lower segmentation.smoothing'),
  );
  expect(
    await drawSurface.run({ volume: small, labels: [18], smoothing: 0, cycles: 2 }, ctx),
  ).not.toBeInstanceOf(Skip);
});
