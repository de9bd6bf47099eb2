import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

import { NodeError } from '../../../../src/errors.js';
import type { WorkerModule } from '../../../../src/nodes/spectrum/computational-routine.js';
import { FooofSpy } from '../../../../src/nodes/spectrum/fooof-spy.js';
import { RoutineWorkers } from '../../../../src/nodes/spectrum/routine-workers.js';
import type { SpectralData } from '../../../../src/nodes/spectrum/spectral-data.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();

/** Ends its process where the first value of a slab is -1, and refuses -2. */
function fragile(): WorkerModule {
  const path = join(directory, 'fragile.mjs');
  writeFileSync(
    path,
    `export class Fragile {
      static computeFunction({ data, shape }) {
        if (data[0] === -1) process.kill(process.pid, 'SIGKILL');
        if (data[0] === -2) throw new Error('no such channel');
        return { kind: 'done', shape, data: Float32Array.of(2 * data[0]), metadata: data[0] };
      }
    }`,
  );
  return { url: pathToFileURL(path).href, exportName: 'Fragile' };
}

const slabOf = (value: number) => ({
  slab: { shape: [1, 1, 1, 1] as const, data: Float64Array.of(value) },
  options: {},
});

async function run(values: readonly number[]) {
  const pool = new RoutineWorkers(fragile(), 2);
  try {
    return await pool.run(values.length, (k) => slabOf(values[k]!), () => null); // prettier-ignore
  } finally {
    pool.close();
  }
}

test('calls come back in their order; a process that dies and a call that throws end the run with what happened', async () => {
  const done = await run([1, 2, 3, 4, 5]);
  expect(done.map(({ data }) => data![0])).toEqual([2, 4, 6, 8, 10]);
  await expect(run([1, -1, 3])).rejects.toThrow('a call of the routine failed: its process ended (SIGKILL)');
  await expect(run([1, -2, 3])).rejects.toThrow('a call of the routine failed: no such channel');
  // Neither is the fault of the recording.
  await expect(run([1, -1, 3])).rejects.toBeInstanceOf(NodeError);
  await expect(run([1, -2, 3])).rejects.toBeInstanceOf(NodeError);
});

test('a run of the routine that loses a worker leaves neither container nor chunks', async () => {
  class Doomed extends FooofSpy {
    protected override workerModule(): WorkerModule {
      return fragile();
    }
  }
  const { frequenciesHz: freq } = simulateSpectrum({ seed: 1 });
  const trialdefinition = [[0, 1, 0], [1, 2, 0]] as const; // prettier-ignore
  const rest = { freq, channel: ['Cz'], samplerate: null, log: '', version: '0', trialdefinition };
  const data: SpectralData = {
    shape: [2, 1, freq.length, 1],
    data: new Float64Array(2 * freq.length).fill(-1),
    ...rest,
  };
  const routine = new Doomed({ fooofSettings: { in_freqs: freq } });
  routine.initialize(data, 0);
  const before = readdirSync(directory);
  await expect(routine.compute(data, join(directory, 'lost.h5'), { parallel: true })).rejects.toThrow(
    'SIGKILL',
  );
  expect(readdirSync(directory)).toEqual(before);
});
