import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  cToFortran,
  discoverSubjects,
  encodeNpy,
  formatTsv,
  fortranToC,
  parseNpy,
  parseTsv,
  readNpy,
  readTsv,
  readWaytotal,
  writeAtomic,
  writeError,
  writeNpy,
  writeTsv,
} from '../../../src/io/index.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();

describe('layout', () => {
  test('a 2x3 array by hand', () => {
    // Fortran order of [[1,2,3],[4,5,6]] is 1 4 2 5 3 6
    expect([...fortranToC(Float32Array.of(1, 4, 2, 5, 3, 6), [2, 3])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...cToFortran(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test('voxel (i, j, k) moves from i + X (j + Y k) to (i Y + j) Z + k', () => {
    const [X, Y, Z] = [3, 4, 5];
    const stored = Float64Array.from({ length: X * Y * Z }, (_, i) => i);
    const inC = fortranToC(stored, [X, Y, Z]);
    for (let i = 0; i < X; i++) {
      for (let j = 0; j < Y; j++) {
        for (let k = 0; k < Z; k++) expect(inC[(i * Y + j) * Z + k]).toBe(i + X * (j + Y * k));
      }
    }
  });

  test('there and back is the identity for any shape, one axis is left alone', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), (shape) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const values = Float32Array.from({ length: size }, (_, i) => i);
        expect(cToFortran(fortranToC(values, shape), shape)).toEqual(values);
      }),
    );
    expect([...fortranToC(Int16Array.of(3, 1, 2), [3])]).toEqual([3, 1, 2]);
    expect(fortranToC(new Float32Array(0), [0, 3])).toEqual(new Float32Array(0));
    expect(() => fortranToC(new Float32Array(5), [2, 3])).toThrow('5 values do not fill the shape 2x3');
  });
});

describe('npy', () => {
  test('every type is written and read back', async () => {
    for (const type of [
      Float32Array,
      Float64Array,
      Int8Array,
      Uint8Array,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
    ]) {
      const data = type.from([0, 1, 2, 3, 100, 7]);
      const path = join(directory, `${type.name}.npy`);
      await writeNpy(path, { shape: [2, 3], data });
      const back = await readNpy(path);
      expect(back.data).toEqual(data);
      expect(back.shape).toEqual([2, 3]);
    }
    expect(parseNpy(encodeNpy({ shape: [], data: Float64Array.of(3) }), 'x').shape).toEqual([]);
    expect((encodeNpy({ shape: [6], data: new Float32Array(6) }).length - 24) % 64).toBe(0);
  });

  test('what is no array of numbers is refused', async () => {
    const bytes = encodeNpy({ shape: [6], data: new Float32Array(6) });
    const say = (edit: (text: string) => string): string => {
      const text = edit(Buffer.from(bytes).toString('latin1'));
      try {
        parseNpy(Buffer.from(text, 'latin1'), 'a.npy');
      } catch (error) {
        return (error as Error).message;
      }
      return 'read';
    };
    expect(say((t) => t)).toBe('read');
    expect(say((t) => t.replace('NUMPY', 'NUMPI'))).toBe(
      'a.npy cannot be read as .npy: it has no NumPy magic',
    );
    expect(say((t) => t.replace('<f4', '<c8'))).toBe(
      'a.npy cannot be read as .npy: its data type "<c8" is not a number of at most 64 bits',
    );
    expect(say((t) => t.slice(0, -1))).toBe('a.npy ends before the last of its 6 values of type f4');
    expect(say((t) => t.slice(0, 40))).toBe('a.npy ends within its header');
    expect(say((t) => t.replace('NUMPY\u0001', 'NUMPY\u0009'))).toBe(
      'a.npy cannot be read as .npy: its format version is 9',
    );
    expect(say((t) => t.replace("'<f4'", '[1,2]'))).toBe(
      'a.npy cannot be read as .npy: it holds records or no type; only plain numbers are read',
    );
    await expect(readNpy(join(directory, 'none.npy'))).rejects.toMatchObject({ code: 'FILE_MISSING' });
    expect(() => encodeNpy({ shape: [5], data: new Float32Array(6) })).toThrow(
      '6 values do not fill the shape 5',
    );
  });
});

describe('tsv', () => {
  test('numbers in shortest form, missing as n/a', async () => {
    const path = join(directory, 'table.tsv');
    await writeTsv(path, ['name', 'value'], [['a', 0.1 + 0.2], ['b', NaN], ['c', null], ['d', 1e21], ['e', -0]]); // prettier-ignore
    expect(readFileSync(path, 'utf8')).toBe(
      'name\tvalue\na\t0.30000000000000004\nb\tn/a\nc\tn/a\nd\t1e+21\ne\t-0\n',
    );
    expect(await readTsv(path)).toEqual({
      columns: ['name', 'value'],
      rows: [['a', '0.30000000000000004'], ['b', null], ['c', null], ['d', '1e+21'], ['e', '-0']], // prettier-ignore
    });
  });

  test('any finite number reads back exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = parseTsv(formatTsv(['x'], [[value]]), 't').rows[0]?.[0];
        expect(Object.is(Number(text), value)).toBe(true);
      }),
    );
  });

  test('byte order mark and CRLF are accepted; ragged rows, repeated columns and an empty file are not', async () => {
    expect(parseTsv('\uFEFFa\tb\r\n1\t2\r\n', 't')).toEqual({ columns: ['a', 'b'], rows: [['1', '2']] });
    expect(() => parseTsv('a\tb\n1\n', 't.tsv')).toThrow('t.tsv:2: 1 cells where the header has 2');
    expect(() => parseTsv('a\ta\n', 't.tsv')).toThrow('t.tsv:1: column "a" stands twice');
    expect(() => parseTsv('', 't.tsv')).toThrow('t.tsv:1: the file is empty');
    expect(() => formatTsv(['a'], [['x\ty']])).toThrow('a table cell holds a tab or line break: "x\\ty"');
    expect(() => formatTsv(['a'], [[1, 2]])).toThrow('row 1 of a table has 2 cells, the header 1');
    await expect(readTsv(join(directory, 'none.tsv'))).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
});

describe('atomic writes', () => {
  test('the final name holds the whole content and nothing else is left', async () => {
    const folder = join(directory, 'atomic');
    mkdirSync(folder);
    const path = join(folder, 'a.txt');
    await writeAtomic(path, 'first');
    await writeAtomic(path, Buffer.from('second'));
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(readdirSync(folder)).toEqual(['a.txt']);
  });

  test('a failure names the path and leaves nothing', async () => {
    const folder = join(directory, 'blocked');
    mkdirSync(join(folder, 'a.txt'), { recursive: true });
    const path = join(folder, 'a.txt');
    await expect(writeAtomic(path, 'x')).rejects.toMatchObject({ code: 'IO', where: path });
    expect(readdirSync(folder)).toEqual(['a.txt']);
    writeFileSync(join(directory, 'plain'), '');
    const below = join(directory, 'plain', 'a.txt');
    await expect(writeAtomic(below, 'x')).rejects.toMatchObject({
      message: `cannot write ${below} (ENOTDIR)`,
      cure: 'a file stands where a directory is needed: choose another output directory',
    });
  });

  test('a full disk and a refused permission have their own codes', () => {
    const system = (code: string, errno = 0): Error => Object.assign(new Error(code), { code, errno });
    expect(writeError(system('ENOSPC'), '/a', 12)).toMatchObject({
      code: 'IO_FULL',
      message: 'no space left to write /a (12 bytes)',
    });
    // As Node gives it: it has no name for a quota that is used up.
    const quota = system('Unknown system error -122', -constants.errno.EDQUOT);
    expect(writeError(quota, '/a')).toMatchObject({ code: 'IO_FULL' });
    expect(writeError(system('EROFS'), '/a')).toMatchObject({
      code: 'IO_DENIED',
      message: 'not allowed to write /a (EROFS)',
    });
  });
});

describe('cohort', () => {
  function cohort(name: string, folders: string[]): string {
    const root = join(directory, name);
    mkdirSync(root);
    for (const folder of folders) mkdirSync(join(root, folder));
    return root;
  }
  const ids = (root: string, pattern?: 'auto' | 'digits' | 'bids'): string[] =>
    discoverSubjects(root, pattern === undefined ? {} : { pattern }).map((subject) => subject.id);

  test('numbered folders in numeric order, ties by text, everything else ignored', () => {
    const root = cohort('digits', ['10', '7', '007', '2', 'logs', '1a', '.git', '99999999999999999999', '٣']);
    writeFileSync(join(root, '5'), 'a file, not a folder');
    symlinkSync(join(root, '10'), join(root, '11'));
    symlinkSync(join(root, '5'), join(root, '6'));
    symlinkSync(join(root, 'nowhere'), join(root, '12'));
    symlinkSync(join(root, '13'), join(root, '13'));
    expect(ids(root)).toEqual(['2', '007', '7', '10', '11', '12', '13', '99999999999999999999']);
    expect(discoverSubjects(root)[0]?.directory).toBe(join(root, '2'));
  });

  test('BIDS folders in natural order', () => {
    const root = cohort('bids', ['sub-10', 'sub-9', 'sub-a2', 'sub-a10', 'sub-', 'sub-b_1', 'derivatives']);
    expect(ids(root)).toEqual(['sub-9', 'sub-10', 'sub-a2', 'sub-a10']);
    expect(ids(root, 'digits')).toEqual([]);
  });

  test('both kinds are an error under auto, and a choice otherwise', () => {
    const root = cohort('both', ['1', '2', 'sub-01']);
    expect(() => discoverSubjects(root)).toThrow(
      `${root} holds both numbered and BIDS subjects: 1 and sub-01`,
    );
    expect(ids(root, 'digits')).toEqual(['1', '2']);
    expect(ids(root, 'bids')).toEqual(['sub-01']);
  });

  test('an empty root has no subject; a missing one is an error', () => {
    expect(ids(cohort('nobody', []))).toEqual([]);
    expect(() => discoverSubjects(join(directory, 'gone'))).toThrow(
      `no such file: ${join(directory, 'gone')}`,
    );
  });

  test('waytotal sums lines and columns', () => {
    const path = join(directory, 'waytotal');
    const read = (text: string): number => {
      writeFileSync(path, text);
      return readWaytotal(path);
    };
    expect(read('2000\n')).toBe(2000);
    expect(read('100 200\n300\n')).toBe(600);
    expect(read('1.5e3')).toBe(1500);
    const message = (shown: string): string => `waytotal file holds no positive number: ${path} (${shown})`;
    expect(() => read('')).toThrow(message('""'));
    expect(() => read('0\n')).toThrow(message('"0"'));
    expect(() => read('-5')).toThrow(message('"-5"'));
    expect(() => read('12 cats')).toThrow(message('"12 cats"'));
    expect(() => readWaytotal(join(directory, 'no'))).toThrow(
      `waytotal file is missing: ${join(directory, 'no')}`,
    );
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be read says so', () => {
    const path = join(directory, 'secret');
    writeFileSync(path, '1');
    chmodSync(path, 0);
    expect(() => readWaytotal(path)).toThrow(`not allowed to read ${path} (EACCES)`);
  });
});
