import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { generateStatisticalAtlas } from '../../../../src/numerics.js';
import { temporaryDirectory } from '../../../support/temporary.js';
import { tractDensity, tractVolume, writeTractCohort } from '../../../support/tract-cohort.js';

const directory = temporaryDirectory();
const volumeOf = (root: string, id: string): string => join(root, id, 'tractography', 'fdt_paths.nii.gz');

describe('generateStatisticalAtlas', () => {
  test('goes without a subject that cannot be used, and says so', async () => {
    const inputDir = join(directory, 'skips');
    writeTractCohort(inputDir, ['1', '2', '3']);
    writeFileSync(volumeOf(inputDir, '1'), tractVolume(tractDensity(0).map(() => 0)));
    const warnings: string[] = [];
    const paths = await generateStatisticalAtlas({
      inputDir,
      atlasDir: join(directory, 'skips-atlas'),
      onWarning: (message) => warnings.push(message),
    });
    const detail = 'every voxel is 0: no streamline was found, or the mask is empty';
    expect(warnings).toEqual([`1 skipped: no_mass: ${detail}`]);
    const metadata = JSON.parse(readFileSync(paths.at(-1)!, 'utf8')) as Record<string, unknown>;
    expect(metadata['skipped']).toEqual([{ id: '1', reason: 'no_mass', detail }]);
    expect(metadata['n_subjects']).toBe(2);
  });

  test('an uneven cohort, too few subjects and wrong settings leave no file', async () => {
    const inputDir = join(directory, 'uneven');
    writeTractCohort(inputDir, ['1', '2']);
    const smaller = [10, 13, 10];
    writeFileSync(volumeOf(inputDir, '2'), tractVolume(tractDensity(1, smaller), { dim: [3, ...smaller] }));
    const atlasDir = join(directory, 'refused');
    const call = (change: object) => generateStatisticalAtlas({ inputDir, atlasDir, ...change });
    await expect(call({})).rejects.toMatchObject({
      code: 'SHAPE_MISMATCH',
      message:
        '2/tractography/fdt_paths.nii.gz (10x13x10) is not on the grid of 1/tractography/fdt_paths.nii.gz ' +
        '(11x13x10); largest affine difference 0',
    });
    await expect(call({ tractographyRelpath: 'none.nii' })).rejects.toThrow(
      `found 0 usable subject(s) under ${inputDir}, need at least 2; skipped: 1 (missing), 2 (missing)`,
    );
    await expect(call({ covMeanThresholdPct: 1 })).rejects.toMatchObject({ name: 'ConfigError' });
    expect(existsSync(atlasDir)).toBe(false);
    expect(readdirSync(directory).filter((name) => name.includes('.part-'))).toEqual([]);
  });
});
