import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeGifti } from '../../../src/io/index.js';
import { icosphere } from '../../support/analytic-meshes.js';
import { ResultFiles } from '../../../src/engine/result-files.js';
import { describeSpectra } from '../../../src/workflows/spectral-descriptors/report.js';
import { temporaryDirectory } from '../../support/temporary.js';

test('surfaces, spectra and distances of spectral_descriptors become tables, lines and a matrix', async () => {
  const directory = temporaryDirectory();
  const published = Object.entries({
    'surfaces.tsv': 'surface\tvertices\tstatus\na\t12\tok\nb\tn/a\topen edge\n',
    'a_eigenvalues.tsv': 'index\teigenvalue\n0\t0\n1\t2.5\n',
    'b_eigenvalues.tsv': 'index\teigenvalue\n0\t0\n',
    'distances_euclidean.tsv': 'surface\ta\tb\na\t0\t3\nb\t3\t0\n',
    'distances_odd.tsv': 'surface\ta\tb\na\t0\t3\n',
  }).map(([path, text]) => {
    writeFileSync(join(directory, path), text);
    const [, item] = /^(.)_eigenvalues/.exec(path) ?? [];
    return { path, id: item === undefined ? 'collect' : `solve[${item}]`, fresh: true };
  });
  const overlay = { path: 'a_hks.func.gii', id: 'hks[a]', fresh: true };
  const { vertices, faces } = icosphere(0);
  await writeGifti(join(directory, 'a.surf.gii'), {
    arrays: [
      { intent: 'POINTSET', shape: [12, 3], data: Float32Array.from(vertices), metadata: {} },
      { intent: 'TRIANGLE', shape: [20, 3], data: Int32Array.from(faces), metadata: {} },
    ],
  });
  const column = (Name: string) => ({
    ...{ intent: 'NONE', shape: [12], metadata: { Name, Unit: '1' } },
    data: new Float32Array(12).fill(Name.length),
  });
  await writeGifti(join(directory, overlay.path), {
    arrays: [column('hks 1'), column('hks 22'), column('hks 333')],
  });
  const section = await describeSpectra(new ResultFiles(directory, [...published, overlay], {}, directory));
  expect(section?.blocks.map(({ kind }) => kind)).toEqual(['notice', 'surfaces', 'table', 'lines', 'matrix']);
  const [verdict, viewer, table, lines, matrix] = section?.blocks ?? [];
  expect(verdict).toMatchObject({ tone: 'warning', text: '1 of 2 surfaces have no result: b (open edge).' });
  expect(viewer).toMatchObject({
    surfaces: [
      { label: 'a', mesh: join(directory, 'a.surf.gii'), overlays: [join(directory, overlay.path)] },
    ],
  });
  const [picture] = (await section?.participants?.[0]?.blocks()) ?? [];
  expect(picture).toMatchObject({ kind: 'surface', title: 'hks 22', unit: '' });
  const gone = await describeSpectra(new ResultFiles(directory, published, {}, join(directory, 'gone')));
  expect(gone?.blocks[1]).toMatchObject({ kind: 'notice', tone: 'warning' });
  expect(table).toMatchObject({
    rows: [
      ['a', 12, 'ok'],
      ['b', null, 'open edge'],
    ],
  });
  expect(lines).toMatchObject({
    series: [
      { name: 'a', values: [0, 2.5] },
      { name: 'b', values: [0, null] },
    ],
  });
  expect(matrix).toMatchObject({ labels: ['a', 'b'], values: [0, 3, 3, 0] });
  expect(section?.participants?.map(({ label }) => label)).toEqual(['a', 'b']);
});
