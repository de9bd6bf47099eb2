import { describe, expect, test, vi } from 'vitest';

import { batchIterator, concatenate, type ShapedArray } from '../../../../src/numerics/cpu/batch-iterator.js';
import { CpuBackend, getBackend, type BackendName } from '../../../../src/numerics/cpu/cpu-backend.js';
import { gcCollect } from '../../../../src/numerics/cpu/gc-collect.js';
import {
  ParallelError,
  parallelBatch,
  parallelMap,
  workerFunction,
} from '../../../../src/numerics/cpu/parallel-map.js';
import { shrinkArray } from '../../../../src/numerics/cpu/shrink-array.js';

const THREADS = new URL('./thread-functions.mjs', import.meta.url).href;

const table = (rows: number, columns: number): ShapedArray<Float64Array> => ({
  shape: [rows, columns],
  data: Float64Array.from({ length: rows * columns }, (_, i) => i),
});

describe('batchIterator', () => {
  test('2500 rows by 1000 are 1000, 1000 and 500, in the memory of the data', () => {
    const data = table(2500, 2);
    const batches = [...batchIterator(data)];
    expect(batches.map(({ shape }) => shape[0])).toEqual([1000, 1000, 500]);
    batches[1]!.data[0] = -1;
    expect(data.data[2000]).toBe(-1);
    expect([...batchIterator(['a', 'b', 'c'], 2)]).toEqual([['a', 'b'], ['c']]);
    expect([...batchIterator(new Float64Array(0))]).toEqual([]);
  });

  test('along another axis, and together again', () => {
    const data = table(3, 5);
    const batches = [...batchIterator(data, 2, { axis: 1 })];
    expect(batches.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [3, 2],
      [3, 1],
    ]);
    expect([...batches[2]!.data]).toEqual([4, 9, 14]);
    expect(concatenate(batches, 1)).toEqual(data);
  });

  test('refuses sizes and axes that are not there', () => {
    expect(() => [...batchIterator([1], 0)]).toThrow('a batch size of 0 is not possible');
    expect(() => [...batchIterator(table(2, 2), 1, { axis: 2 })]).toThrow(
      'there is no axis 2 in an array of 2',
    );
    expect(() => [...batchIterator({ shape: [3], data: new Float64Array(2) })]).toThrow(
      'needs 3 numbers, got 2',
    );
  });
});

describe('parallelMap', () => {
  test('threads give results in the order of the items, and tell their progress', async () => {
    const seen: number[] = [];
    const reports: [number, number][] = [];
    const squares = await parallelMap(workerFunction<number, number>(THREADS, 'slowSquare'), [3, 1, 2], {
      nJobs: 2,
      description: 'squares',
      onProgress: ({ done, total, description }) => {
        expect([total, description]).toEqual([3, 'squares']);
        seen.push(done);
      },
      onReport: (...report) => reports.push(report),
    });
    expect(squares).toEqual([9, 1, 4]);
    expect(seen).toEqual([1, 2, 3]);
    expect(reports.sort()).toEqual([
      [0, 30],
      [1, 10],
      [2, 20],
    ]);
  });

  test('a failure names its item; with settle the others are kept', async () => {
    const call = workerFunction<number, number>(THREADS, 'refuseTwo');
    const failed = parallelMap(call, [1, 2, 3], { nJobs: 1 });
    await expect(failed).rejects.toThrow('item 1 failed: two is refused');
    await expect(failed).rejects.toBeInstanceOf(ParallelError);
    const settled = await parallelMap(call, [1, 2, 3], { nJobs: 1, settle: true });
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const ended = parallelMap(workerFunction<number, number>(THREADS, 'endThread'), [1], { nJobs: 1 });
    await expect(ended).rejects.toThrow('item 0 failed: its thread ended with code 7');
    const missing = parallelMap(workerFunction<number, number>(THREADS, 'nothing'), [1], { nJobs: 1 });
    await expect(missing).rejects.toThrow('exports no function nothing');
  });

  test('a plain function runs here, also when it waits, and stops when asked', async () => {
    const wait = vi.fn(async (x: number) => {
      await new Promise((resolve) => setTimeout(resolve, 5 * x));
      return -x;
    });
    expect(await parallelMap(wait, [3, 1, 2], { nJobs: 3 })).toEqual([-3, -1, -2]);
    expect(await parallelMap((x: number) => x + 1, [])).toEqual([]);
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(parallelMap(wait, [1], { signal: stop.signal })).rejects.toThrow('enough');
    expect(wait).toHaveBeenCalledTimes(3);
    await expect(parallelMap(wait, [1], { nJobs: 0 })).rejects.toThrow('nJobs 0 is not possible');
  });

  test('batches go to threads and come back as one array', async () => {
    const data = table(7, 3);
    const doubled = await parallelBatch(
      workerFunction<ShapedArray<Float64Array>, ShapedArray<Float64Array>>(THREADS, 'double'),
      data,
      { batchSize: 3, nJobs: 2 },
    );
    expect(doubled).toEqual({ shape: [7, 3], data: data.data.map((x) => 2 * x) });
    await expect(parallelBatch((x: Float64Array) => x, new Float64Array(0))).rejects.toThrow(
      'there is nothing in the data',
    );
  });
});

test('shrinking halves the memory, says what it lost, and refuses what does not fit', () => {
  const tenth = shrinkArray(Float64Array.of(0.1, 1, Infinity, 0));
  expect(tenth.data).toBeInstanceOf(Float32Array);
  expect(tenth.bytesSaved).toBe(16);
  expect(tenth.maxRelativeError).toBeCloseTo(Math.abs(Math.fround(0.1) - 0.1) / 0.1, 15);
  expect(() => shrinkArray(Float64Array.of(1, 1e39))).toThrow('1e+39 at place 1 does not fit float32');
  expect(shrinkArray(BigInt64Array.of(-5n, 7n)).data).toEqual(Int32Array.of(-5, 7));
  const large = BigInt64Array.of(2n ** 31n);
  expect(shrinkArray(large)).toEqual({ data: large, maxRelativeError: 0, bytesSaved: 0 });
  expect(shrinkArray(new BigInt64Array(0)).data).toEqual(new Int32Array(0));
});

test('garbage collection is a no-op where Node offers none', () => {
  expect(gcCollect()).toBe(0);
  const collector = vi.fn();
  vi.stubGlobal('gc', collector);
  expect(gcCollect()).toBeGreaterThanOrEqual(0);
  expect(collector).toHaveBeenCalledOnce();
  vi.unstubAllGlobals();
});

test('the backend of the processor makes sparse matrices, identities and ones', () => {
  const backend = new CpuBackend();
  const found = backend.sparseMatrix([1, 2, 3], [0, 0, 1], [1, 1, 0], [2, 2]);
  expect([...found.values]).toEqual([3, 3]);
  expect(backend.sparseMatrix([1, 2, 3], [0, 0, 1], [1, 1, 0], [2, 2], { format: 'csr' })).toEqual(found);
  expect(() => backend.sparseMatrix([], [], [], [1, 1], { format: 'coo' as 'csr' })).toThrow(
    "there is no sparse format 'coo'",
  );
  expect(getBackend()).toBeInstanceOf(CpuBackend);
  expect(() => getBackend('cupy')).toThrow("backend 'cupy' is not available here (available: numpy)");
  expect(() => getBackend('tpu' as BackendName)).toThrow("there is no backend 'tpu'");
  expect([...backend.eye(2).values]).toEqual([1, 0, 0, 1]);
  expect(backend.ones([2, 3])).toEqual({ shape: [2, 3], data: new Float64Array(6).fill(1) });
});
