import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';

import { Skip } from '../../../../src/engine/node.js';
import type { InputFile } from '../../../../src/engine/port.js';
import { writeNpy } from '../../../../src/io/index.js';
import { getNativeThreads, setNativeThreads } from '../../../../src/native/index.js';
import { solveEigenpairs } from '../../../../src/nodes/spectral/solve-eigenpairs.js';
import { eigsh } from '../../../../src/numerics/spectral/eigsh.js';
import { nativeKernels } from '../../../../src/numerics/spectral/native-kernels.js';
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

afterEach(() => {
  vi.restoreAllMocks();
  setNativeThreads(1);
});

test.each([
  ['a surface', ball.faces],
  ['a point cloud', new Int32Array()],
])(
  '%s is solved by as many threads as the node has processors, with the same bytes, and leaves none behind',
  async (_, faces) => {
    // The first thing that a solution asks of its kernels.
    const { join: joinPair } = nativeKernels;
    const met: number[] = [];
    vi.spyOn(nativeKernels, 'join').mockImplementation((...pair) => {
      met.push(getNativeThreads());
      return joinPair(...pair);
    });
    const files = {
      vertices: await input('vertices.npy', ball.vertices),
      faces: await input('faces.npy', faces),
      vertex_map: null,
    };
    const solved = async (cpus: number): Promise<Buffer[]> => {
      met.length = 0;
      const found = await solveEigenpairs.run(
        { ...files, k: 70, settings, neighbours: 12 },
        { ...ctx, cpus },
      );
      expect(found).not.toBeInstanceOf(Skip);
      expect(new Set(met)).toEqual(new Set([cpus]));
      // The next node of this worker may have one processor.
      expect(getNativeThreads()).toBe(1);
      return ['eigenvalues.tsv', 'eigenvectors.npy', 'eigen.json'].map((name) =>
        readFileSync(join(directory, name)),
      );
    };
    // Whatever a test before this one has left.
    setNativeThreads(1);
    const two = await solved(2);
    expect(await solved(1)).toEqual(two);
  },
);

test('threads go back also where the solver refuses the matrices', () => {
  const indices = { rows: 2, columns: 2, rowStarts: [0, 2, 4], columnIndices: [0, 1, 0, 1] };
  const lopsided = {
    ...indices,
    rowStarts: Int32Array.from(indices.rowStarts),
    columnIndices: Int32Array.from(indices.columnIndices),
    values: Float64Array.of(1, 2, 3, 4),
  };
  setNativeThreads(3);
  expect(() => eigsh(lopsided, null, { k: 1, solver: 'native', threads: 2 })).toThrow(/symmetric/);
  expect(getNativeThreads()).toBe(3);
});
