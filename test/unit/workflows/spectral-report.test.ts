import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ResultFiles } from '../../../src/engine/result-files.js';
import { describeSpectra } from '../../../src/workflows/spectral-descriptors/report.js';
import { temporaryDirectory } from '../../support/temporary.js';

test('surfaces, spectra and distances of spectral_descriptors become tables, lines and a matrix', async () => {
  const directory = temporaryDirectory();
  const published = Object.entries({
    'surfaces.tsv': 'surface\tvertices\na\t10\nb\tn/a\n',
    'a_eigenvalues.tsv': 'index\teigenvalue\n0\t0\n1\t2.5\n',
    'b_eigenvalues.tsv': 'index\teigenvalue\n0\t0\n',
    'distances_euclidean.tsv': 'surface\ta\tb\na\t0\t3\nb\t3\t0\n',
    'distances_odd.tsv': 'surface\ta\tb\na\t0\t3\n',
  }).map(([path, text]) => {
    writeFileSync(join(directory, path), text);
    const [, item] = /^(.)_eigenvalues/.exec(path) ?? [];
    return { path, id: item === undefined ? 'collect' : `solve[${item}]`, fresh: true };
  });
  const section = await describeSpectra(new ResultFiles(directory, published, {}));
  expect(section?.blocks.map(({ kind }) => kind)).toEqual(['table', 'lines', 'matrix']);
  const [table, lines, matrix] = section?.blocks ?? [];
  expect(table).toMatchObject({
    rows: [
      ['a', 10],
      ['b', null],
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
