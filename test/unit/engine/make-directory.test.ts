import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
