/** Forty hippocampi from file to group comparison, one of them cut off in the middle. */
import { describe, expect, test } from 'vitest';

import { encodeGifti, formatTsv, readNpy, readSurface, readTsv } from '../../src/io/index.js';
import { seededRandom, surrogateSurfaces } from '../../src/numerics.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import { hasReference, reference } from '../support/reference.js';

const COUNT = 40;
const CORRUPT = 17;
const K = 100;
const nameOf = (i: number): string => `sub-${String(i + 1).padStart(2, '0')}`;

describe.skipIf(!hasReference)('a cohort (skipped without the reference data)', () => {
  test('a corrupt mesh among forty costs itself only', async () => {
    await using rig = await PipelineRig.create();
    const real = await readSurface(reference('spectral/meshes/hipp_open_sub03L.surf.gii'));
    const copies = surrogateSurfaces(
      real.vertices,
      real.faces,
      'group_discrimination',
      seededRandom(7, 'hippocampi'),
      { count: COUNT },
    );
    const pathOf = (i: number): string => `in/${nameOf(i)}_hipp.surf.gii`;
    const surface = (vertices: Float64Array): string =>
      encodeGifti({
        arrays: [
          { intent: 'POINTSET', shape: [vertices.length / 3, 3], data: Float32Array.from(vertices) },
          { intent: 'TRIANGLE', shape: [real.faces.length / 3, 3], data: real.faces },
        ],
      });
    for (const [i, { vertices }] of copies.entries()) {
      const text = surface(vertices);
      await rig.write(pathOf(i), i === CORRUPT ? text.slice(0, text.length >> 1) : text);
    }
    const groups = copies.map(({ label }, i) => [nameOf(i), label === 1 ? 'changed' : 'same']);
    await rig.write('in/participants.tsv', formatTsv(['participant_id', 'group'], groups));

    const run = await rig.run(['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', 'out']);
    expect(run.exitCode).toBe(0);
    expect(run.executed.filter((id) => id.startsWith('solve_eigenpairs['))).toHaveLength(COUNT - 1);

    const { columns, rows } = await readTsv(rig.path('out/surfaces.tsv'));
    expect(rows).toHaveLength(COUNT);
    const column = (name: string) => columns.indexOf(name);
    const failed = rows.filter((row) => row.at(-1) !== 'ok');
    expect(failed.map((row) => row[0])).toEqual([`${nameOf(CORRUPT)}_hipp`]);
    expect(failed[0]!.at(-1)).toMatch(/^skipped: sub-18_hipp.surf.gii/);
    for (const row of rows.filter((one) => one.at(-1) === 'ok')) {
      expect(Number(row[column('certificate_count')]), row[0]!).toBe(K);
      expect(Number(row[column('res_lambda')]), row[0]!).toBeLessThan(1e-10);
      expect(Number(row[column('res_back')]), row[0]!).toBeLessThan(1e-14);
      expect(Number(row[column('orthonormality')]), row[0]!).toBeLessThan(1e-13);
    }
    const corrupt = (await rig.list('out')).filter((name) => name.startsWith(nameOf(CORRUPT)));
    expect(corrupt).toEqual([]);
    for (const name of ['shapedna.tsv', 'distances_shapedna.tsv', 'distances_wesd.tsv'])
      expect((await readTsv(rig.path('out', name))).rows, name).toHaveLength(COUNT - 1);
    const n = real.vertices.length / 3;
    for (const name of ['hks', 'wks'])
      expect((await readNpy(rig.path(`out/sub-40_hipp_${name}.npy`))).shape).toEqual([n, 100]);

    // The change of half of them is found, by the 39 that are left.
    const compared = await readTsv(rig.path('out/group_comparison.tsv'));
    const smallest = Math.min(...compared.rows.map((row) => Number(row[compared.columns.indexOf('p_fdr')])));
    expect(smallest).toBeLessThan(0.05);
    expect(Number(compared.rows[0]![compared.columns.indexOf('n')])).toBe(COUNT - 1);

    // Mended, it is all that is computed anew beside what joins the cohort.
    await rig.write(pathOf(CORRUPT), surface(copies[CORRUPT]!.vertices));
    const mended = await rig.run(['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', 'out']);
    expect(mended.exitCode).toBe(0);
    expect(mended.executed.filter((id) => id.startsWith('solve_eigenpairs['))).toEqual([
      `solve_eigenpairs[${nameOf(CORRUPT)}_hipp]`,
    ]);
    const after = await readTsv(rig.path('out/surfaces.tsv'));
    expect(after.rows.map((row) => row.at(-1))).toEqual(Array.from({ length: COUNT }, () => 'ok'));
  });
});
