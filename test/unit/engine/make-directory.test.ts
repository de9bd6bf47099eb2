import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeDirectory } from '../../../src/engine/make-directory.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'neuroloom-mkdir-'));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test('makes every missing parent, also with blanks, quotes and line breaks, and again does nothing', () => {
  const path = join(root, 'a b', `"it's"`, 'two\nlines');
  makeDirectory(path);
  makeDirectory(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

test('a link to a directory is a directory; one that leads nowhere is not', () => {
  mkdirSync(join(root, 'real'));
  symlinkSync(join(root, 'real'), join(root, 'link'));
  makeDirectory(join(root, 'link'));
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
  expect(() => {
    makeDirectory(join(root, 'dangling'));
  }).toThrow(expect.objectContaining({ code: 'EEXIST' }));
});

test('a file in the way is an error', () => {
  writeFileSync(join(root, 'file'), '');
  expect(() => {
    makeDirectory(join(root, 'file'));
  }).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => {
    makeDirectory(join(root, 'file', 'below', 'it'));
  }).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test.skipIf(!existsSync('/proc/self'))(
  'a file system that takes no directories gives an error and returns',
  () => {
    expect(() => {
      makeDirectory('/proc/neuroloom/deep/below');
    }).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  },
);

test('threads that make the same trees at the same moment all find them made', async () => {
  const threads = 4;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const module = fileURLToPath(new URL('../../../dist/engine/make-directory.js', import.meta.url));
  const made = Array.from({ length: threads }, () =>
    madeByThread({ root, gate, threads, module, trees: 300 }),
  );
  await expect(Promise.all(made)).resolves.toEqual(Array(threads).fill('made'));
});

interface Race {
  readonly root: string;
  readonly gate: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  readonly module: string;
  readonly trees: number;
}

/** Before each tree the threads wait for each other, so that they collide at every level of it. */
async function madeByThread(race: Race): Promise<string> {
  const body = `
    const { parentPort, workerData: race } = require('node:worker_threads');
    import(race.module).then(({ makeDirectory }) => {
      for (let tree = 0; tree < race.trees; tree += 1) {
        Atomics.add(race.gate, 0, 1);
        while (Atomics.load(race.gate, 0) < (tree + 1) * race.threads);
        makeDirectory([race.root, 'race', String(tree), 'logs', 'run'].join('/'));
      }
      parentPort.postMessage('made');
    });`;
  return await new Promise((resolve, reject) => {
    new Worker(body, { eval: true, workerData: race }).once('message', resolve).once('error', reject);
  });
}
