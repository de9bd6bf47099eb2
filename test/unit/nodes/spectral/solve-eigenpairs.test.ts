import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { Skip } from '../../../../src/engine/node.js';
import type { InputFile } from '../../../../src/engine/port.js';
import { writeNpy } from '../../../../src/io/index.js';
import { getNativeThreads, setNativeThreads } from '../../../../src/native/index.js';
import { solveEigenpairs } from '../../../../src/nodes/spectral/solve-eigenpairs.js';
import { icosphere } from '../../../support/analytic-meshes.js';
import { nodeContext } from '../../../support/node-context.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const { ctx } = nodeContext(directory);
const settings = {
  operator: 'cotangent',
  mass: 'lumped',
  boundary: 'neumann',
  degenerate_triangles: 'drop',
  solver: 'native',
} as const;
const ball = icosphere(2, 5);

async function input(name: string, data: Float64Array | Int32Array): Promise<InputFile> {
  const path = join(directory, name);
  await writeNpy(path, { shape: [data.length / 3, 3], data });
  return { path, relPath: name, digest: 'a'.repeat(64), bytes: 1 };
}

afterAll(() => setNativeThreads(1));

test.each([
  ['a surface', ball.faces],
  ['a point cloud', new Int32Array()],
])('%s is solved by as many threads as the node has processors, with the same bytes', async (_, faces) => {
  const files = {
    vertices: await input('vertices.npy', ball.vertices),
    faces: await input('faces.npy', faces),
    vertex_map: null,
  };
  const solved = async (cpus: number): Promise<Buffer[]> => {
    const found = await solveEigenpairs.run({ ...files, k: 70, settings, neighbours: 12 }, { ...ctx, cpus });
    expect(found).not.toBeInstanceOf(Skip);
    expect(getNativeThreads()).toBe(cpus);
    return ['eigenvalues.tsv', 'eigenvectors.npy', 'eigen.json'].map((name) =>
      readFileSync(join(directory, name)),
    );
  };
  setNativeThreads(1);
  const two = await solved(2);
  expect(await solved(1)).toEqual(two);
});
