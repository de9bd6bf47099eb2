/** Nodes that take the first modes of a surface, where those cut a group of equal eigenvalues. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { Skip } from '../../../../src/engine/node.js';
import type { InputFile } from '../../../../src/engine/port.js';
import { readNpy, writeNpy, writeTsv } from '../../../../src/io/index.js';
import { alignModes } from '../../../../src/nodes/spectral/align-modes.js';
import { connectRegions } from '../../../../src/nodes/spectral/connect-regions.js';
import { signDifferences } from '../../../../src/nodes/spectral/sign-differences.js';
import { solveEigenpairs } from '../../../../src/nodes/spectral/solve-eigenpairs.js';
import { commonModes, wholeModes } from '../../../../src/numerics/descriptors/signatures.js';
import { describeSurface } from '../../../../src/numerics/descriptors/describe.js';
import { DescriptorSettings } from '../../../../src/numerics/descriptors/settings.js';
import { laplaceBeltrami } from '../../../../src/numerics/spectral/laplace-beltrami.js';
import { icosphere } from '../../../support/analytic-meshes.js';
import { nodeContext } from '../../../support/node-context.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const operator = {
  operator: 'cotangent',
  mass: 'lumped',
  boundary: 'neumann',
  degenerate_triangles: 'drop',
  solver: 'auto',
} as const;
/** Of the sphere: groups end at 1, 4 and 9; 7 modes cut the third. */
const K = 7;
const ball = icosphere(2, 5);
const n = ball.vertices.length / 3;
const other = ball.vertices.map((value, at) => [1.3, 0.9, 1][at % 3]! * value);

const file = (path: string): InputFile => ({ path, relPath: path, digest: 'a'.repeat(64), bytes: 1 });

async function solved(name: string, vertices: Float64Array) {
  const folder = join(directory, name);
  mkdirSync(folder, { recursive: true });
  await writeNpy(join(folder, 'vertices.npy'), { shape: [n, 3], data: vertices });
  await writeNpy(join(folder, 'faces.npy'), { shape: [ball.faces.length / 3, 3], data: ball.faces });
  const mesh = {
    vertices: file(join(folder, 'vertices.npy')),
    faces: file(join(folder, 'faces.npy')),
    vertex_map: null,
  };
  const { ctx } = nodeContext(folder);
  const found = await solveEigenpairs.run({ ...mesh, k: K, settings: operator, neighbours: 12 }, ctx);
  expect(found).not.toBeInstanceOf(Skip);
  return {
    ...mesh,
    eigenvalues: file(join(folder, 'eigenvalues.tsv')),
    eigenvectors: file(join(folder, 'eigenvectors.npy')),
    eigen: file(join(folder, 'eigen.json')),
  };
}

/** The vectors of the sphere as another solver might return them: each whole group turned, of the cut one other members. */
async function turnedVectors(): Promise<InputFile> {
  const all = laplaceBeltrami(ball.vertices, ball.faces, { k: 9 });
  const data = new Float64Array(n * K);
  const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
  for (let x = 0; x < n; x++) {
    const at = (mode: number): number => all.eigenvectors[9 * x + mode]!;
    const row = [at(0), c * at(1) + s * at(3), at(2), s * at(1) - c * at(3)];
    row.push(c * at(8) + s * at(4), at(7), at(6));
    data.set(row, K * x);
  }
  const path = join(directory, 'turned.npy');
  await writeNpy(path, { shape: [n, K], data });
  return file(path);
}

const reference = await solved('ball', ball.vertices);
const subject = await solved('other', other);
const turned = { ...reference, eigenvectors: await turnedVectors() };

test('modes are counted to the end of the last whole group', () => {
  const eigenvalues = [0, 2, 2, 2, 6, 6, 6];
  expect(wholeModes({ eigenvalues })).toBe(7);
  expect(wholeModes({ eigenvalues, certificate: { count: 9 } })).toBe(4);
  expect(wholeModes({ eigenvalues }, 6)).toBe(4);
  expect(wholeModes({ eigenvalues }, 3)).toBe(1);
  expect(wholeModes({ eigenvalues: [0, 0, 0] }, 2)).toBe(2);
  // Four modes are whole of the one and cut the pair of the other, three are whole of the other alone.
  const pairs = { eigenvalues: [0, 1, 2, 3, 3, 4, 5] };
  expect(commonModes({ eigenvalues, certificate: { count: 9 } }, pairs)).toBe(1);
  expect(commonModes(pairs, pairs, 4)).toBe(3);
});

test('the eigenpairs say which modes are left out, and a descriptor that needs more says what to ask for', () => {
  const { warnings } = JSON.parse(readFileSync(reference.eigen.path, 'utf8')) as { warnings: string[] };
  expect(warnings).toContain(
    'k = 7 cuts a group of equal eigenvalues: modes 5 to 7 are left out of descriptors and alignment; ask for k = 9 or fewer than 5',
  );
  const { vertices, faces } = ball;
  for (const id of ['gps', 'hks'] as const) {
    const spectrum = laplaceBeltrami(vertices, faces, { k: 3 });
    const describe = () =>
      describeSurface(
        id,
        { vertices, faces, spectrum, areas: null },
        { settings: DescriptorSettings.parse({}), range: null },
      );
    expect(describe).toThrow('k = 3 cuts the first group of equal eigenvalues');
    try {
      describe();
    } catch (error) {
      expect(error).toMatchObject({ cure: 'ask for 4 eigenpairs or more' });
    }
  }
});

async function aligned(to: typeof reference) {
  const folder = join(directory, 'aligned');
  mkdirSync(folder, { recursive: true });
  const { ctx } = nodeContext(folder);
  const found = await alignModes.run(
    {
      surface: 'other',
      reference: 'ball',
      ...subject,
      reference_vertices: to.vertices,
      reference_faces: to.faces,
      reference_vertex_map: null,
      reference_eigenvalues: to.eigenvalues,
      reference_eigenvectors: to.eigenvectors,
      reference_eigen: to.eigen,
      mass: 'lumped',
      basis: 6,
      settings: { start: 'vertices', start_size: 4, refine: true },
    },
    ctx,
  );
  expect(found).not.toBeInstanceOf(Skip);
  const report = JSON.parse(readFileSync(join(folder, 'alignment.json'), 'utf8')) as {
    modes: number;
    area_difference: number[];
    conformal_difference: number[];
    singular_values: number[];
  };
  return { report, map: file(join(folder, 'map.npy')), vectors: await readNpy(join(folder, 'aligned.npy')) };
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((most, value) => Math.max(most, value), 0);

test('alignment and dwks do not change with the basis of a reference with equal eigenvalues', async () => {
  const signed = async (to: typeof reference, map: InputFile): Promise<Float64Array> => {
    const folder = join(directory, 'signed');
    mkdirSync(folder, { recursive: true });
    const scales = { energies: [-0.4, 0, 0.4], sigma: 0.3, floor: 1e-6 };
    const found = await signDifferences.run(
      {
        reference: 'ball',
        ...to,
        subject_eigenvalues: subject.eigenvalues,
        subject_eigen: subject.eigen,
        map,
        basis: 6,
        scales: { area: scales, conformal: scales },
        mass: 'lumped',
        precision: 'float64',
        overlay: false,
      },
      nodeContext(folder).ctx,
    );
    expect(found).not.toBeInstanceOf(Skip);
    const { parameters } = JSON.parse(readFileSync(join(folder, 'dwks.json'), 'utf8')) as {
      parameters: { basis: number };
    };
    expect(parameters.basis).toBe(4);
    return Float64Array.from((await readNpy(join(folder, 'dwks.npy'))).data);
  };
  const one = await aligned(reference);
  const oneSigned = await signed(reference, one.map);
  expect(one.report.modes).toBe(4);
  expect(one.vectors.shape).toEqual([n, 4]);
  const two = await aligned(turned);
  for (const key of ['area_difference', 'conformal_difference', 'singular_values'] as const) {
    expect(largest(one.report[key], two.report[key])).toBeLessThan(1e-10);
  }
  expect(largest(oneSigned, await signed(turned, two.map))).toBeLessThan(1e-10);
  expect(largest(oneSigned, new Float64Array(oneSigned.length))).toBeGreaterThan(0.1);
});

test('distances of regions do not change with the members of a group that k cuts', async () => {
  const folder = join(directory, 'regions');
  mkdirSync(folder, { recursive: true });
  const labels = Int32Array.from({ length: n }, (_, x) => (ball.vertices[3 * x]! > 1 ? 1 : 2));
  await writeNpy(join(folder, 'labels.npy'), { shape: [n], data: labels });
  await writeTsv(
    join(folder, 'regions.tsv'),
    ['id', 'region', 'network', 'vertices', 'area'],
    [
      [1, 'right', 'n/a', labels.filter((label) => label === 1).length, 1],
      [2, 'left', 'n/a', labels.filter((label) => label === 2).length, 1],
    ],
  );
  const connected = async (of: typeof reference): Promise<{ k: number; values: number[] }> => {
    const found = await connectRegions.run(
      {
        by: 'biharmonic',
        labels: file(join(folder, 'labels.npy')),
        regions: file(join(folder, 'regions.tsv')),
        ...of,
        range: null,
        values: null,
        report: null,
        settings: {
          between: 'rms',
          profile: 'euclidean',
          region_k: 2,
          operator,
          descriptors: DescriptorSettings.parse({ normalisation: 'none' }),
        },
        unit: 'mm',
      },
      nodeContext(folder).ctx,
    );
    expect(found).not.toBeInstanceOf(Skip);
    const { parameters } = JSON.parse(readFileSync(join(folder, 'connectome.json'), 'utf8')) as {
      parameters: { k: number };
    };
    const rows = readFileSync(join(folder, 'connectome.tsv'), 'utf8').trim().split('\n').slice(1);
    return { k: parameters.k, values: rows.flatMap((row) => row.split('\t').slice(1).map(Number)) };
  };
  const [one, two] = [await connected(reference), await connected(turned)];
  expect(one.k).toBe(4);
  expect(one.values.every((value) => value > 1)).toBe(true);
  expect(largest(one.values, two.values)).toBeLessThan(1e-10);
});
