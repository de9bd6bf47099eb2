import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { lookup3 } from '../../../src/io/checksum.js';
import { Hdf5Writer } from '../../../src/io/hdf5-writer.js';
import { Hdf5File } from '../../../src/io/index.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();

function write(name: string): string {
  const path = join(directory, name);
  const file = Hdf5Writer.create(path);
  file.preallocate('data', 'float32', [2, 1, 3, 4]);
  file.createDataset('freq', { shape: [3], data: Float64Array.of(1, 1.5, 2) });
  file.createDataset('index', { shape: [2], data: Int32Array.of(-7, 2_000_000_000) });
  file.createDataset('nothing', { shape: [0, 3], data: new Float64Array(0) });
  const block = Float32Array.from({ length: 9 }, (_, i) => i + 1);
  // Three channels of four, then the last one.
  file.writeSlab(
    'data',
    [
      [1, 2],
      [0, 1],
      [0, 3],
      [0, 3],
    ],
    block,
  );
  file.writeSlab(
    'data',
    [
      [1, 2],
      [0, 1],
      [0, 3],
      [3, 4],
    ],
    Float32Array.of(10, 20, NaN),
  );
  file.writeSlab(
    'data',
    [
      [0, 1],
      [0, 1],
      [1, 3],
      [0, 4],
    ],
    Float32Array.from({ length: 8 }, (_, i) => -i),
  );
  file.setAttributes({ channel: ['A', 'Ωß', ''], _log: 'one\ntwo', samplerate: 250.5 });
  const counts = { shape: [3], data: Int32Array.of(1, 2, 0) };
  const many = { shape: [4000, 3], data: Float64Array.from({ length: 12_000 }, (_, i) => i / 7) };
  file.setAttributes({ n_peaks__0_0: counts, peak_params__0_0: many, empty: { ...many, shape: [0], data: new Float64Array(0) } }, 'metadata'); // prettier-ignore
  file.close();
  return path;
}

const EXPECTED = [
  ...[0, 0, 0, 0, -0, -1, -2, -3, -4, -5, -6, -7],
  ...[1, 2, 3, 10, 4, 5, 6, 20, 7, 8, 9, NaN],
];

describe('files of the own writer', () => {
  test('the library reads what was written', async () => {
    const file = await Hdf5File.open(write('a.h5'));
    try {
      expect(file.keys()).toEqual(['data', 'freq', 'index', 'metadata', 'nothing']);
      expect(file.shape('data')).toEqual([2, 1, 3, 4]);
      expect([...file.read('data').data]).toEqual(EXPECTED);
      expect(file.read('freq')).toEqual({ shape: [3], data: Float64Array.of(1, 1.5, 2) });
      expect(file.read('index')).toEqual({ shape: [2], data: Int32Array.of(-7, 2_000_000_000) });
      expect(file.shape('nothing')).toEqual([0, 3]);
      expect(file.attributes()).toEqual({ channel: ['A', 'Ωß', ''], _log: 'one\ntwo', samplerate: 250.5 });
      const metadata = file.attributes('metadata');
      expect(Object.keys(metadata).toSorted()).toEqual(['n_peaks__0_0', 'peak_params__0_0']);
      expect(metadata['n_peaks__0_0']).toEqual({ shape: [3], data: Int32Array.of(1, 2, 0) });
      expect((metadata['peak_params__0_0'] as { data: Float64Array }).data.at(-1)).toBe(11_999 / 7);
    } finally {
      file.close();
    }
  });

  test('h5py reads it too, text as str', ({ skip }) => {
    const python = (code: string) => spawnSync('/usr/bin/python3', ['-c', code], { encoding: 'utf8' });
    if (python('import h5py').status !== 0) return skip('needs h5py');
    const code = `import h5py, json
f = h5py.File(${JSON.stringify(write('p.h5'))}, 'r')
print(json.dumps([f['data'].shape, float(f['data'][1, 0, 1, 3]), list(f.attrs['channel']), f.attrs['_log'], f.attrs['samplerate'],
  f['metadata'].attrs['n_peaks__0_0'].tolist(), f['metadata/peak_params__0_0'].shape, str(f['index'].dtype)]))`;
    const { stdout, stderr } = python(code);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([
      ...[[2, 1, 3, 4], 20, ['A', 'Ωß', ''], 'one\ntwo', 250.5],
      ...[[1, 2, 0], [4000, 3], 'int32'],
    ]);
  });

  test('equal calls give equal bytes; a file that is given up leaves nothing', () => {
    expect(readFileSync(write('b.h5')).equals(readFileSync(write('c.h5')))).toBe(true);
    const before = readdirSync(directory);
    const file = Hdf5Writer.create(join(directory, 'd.h5'));
    file.preallocate('data', 'float64', [10]);
    file.discard();
    expect(readdirSync(directory)).toEqual(before);
  });

  test('a group with as many attributes as a long recording has', async () => {
    const path = join(directory, 'many.h5');
    const file = Hdf5Writer.create(path);
    for (let i = 0; i < 500; i++) {
      file.setAttributes({ [`r_squared__${i}_0`]: { shape: [2], data: Float64Array.of(i, 1) } }, 'metadata');
    }
    file.close();
    const read = await Hdf5File.open(path);
    try {
      const found = read.attributes('metadata');
      expect(Object.keys(found)).toHaveLength(500);
      expect(found['r_squared__499_0']).toEqual({ shape: [2], data: Float64Array.of(499, 1) });
    } finally {
      read.close();
    }
  });

  const long = (count: number) => Array.from({ length: count }, (_, i) => (i % 7 === 0 ? '' : `lh-Ω${i}`));

  test.each([
    ['the writer', 6000, (path: string) => Promise.resolve(Hdf5Writer.create(path))],
    ['the writer, over two heaps', 66_000, (path: string) => Promise.resolve(Hdf5Writer.create(path))],
    ['the library', 6000, (path: string) => Hdf5File.create(path)],
  ] as const)('lists of texts too long for an attribute: %s', async (_, count, create) => {
    const path = join(directory, 'texts.h5');
    const file = await create(path);
    file.createDataset('freq', { shape: [1], data: Float64Array.of(1) });
    file.setAttributes({ channel: long(count), short: ['a'] });
    file.setAttributes({ names: long(count), short: ['b'] }, 'metadata');
    file.close();
    const read = await Hdf5File.open(path);
    try {
      expect(read.attributes()).toEqual({ channel: long(count), short: ['a'] });
      expect(read.attributes('metadata')).toEqual({ names: long(count), short: ['b'] });
    } finally {
      read.close();
    }
  });

  test('h5py reads long lists of texts', ({ skip }) => {
    const path = join(directory, 'texts-p.h5');
    const file = Hdf5Writer.create(path);
    file.setAttributes({ channel: long(6000) });
    file.close();
    const python = (code: string) => spawnSync('/usr/bin/python3', ['-c', code], { encoding: 'utf8' });
    if (python('import h5py').status !== 0) return skip('needs h5py');
    const { stdout, stderr } = python(`import h5py, json
print(json.dumps(h5py.File(${JSON.stringify(path)}, 'r')['channel'].asstr()[:].tolist()))`);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(long(6000));
  });

  test('parts that do not fit, and folders that are not there, are refused', () => {
    const file = Hdf5Writer.create(join(directory, 'e.h5'));
    try {
      file.preallocate('data', 'float32', [2, 2]);
      expect(() => file.writeSlab('date', [[0, 1]], new Float32Array(1))).toThrow(
        'HDF5: there is no dataset date',
      );
      const part = [[0, 1], [0, 3]] as const; // prettier-ignore
      expect(() => file.writeSlab('data', part, new Float32Array(3))).toThrow(
        'HDF5: a part of 3 float32 does not fit in data',
      );
      expect(() => file.writeSlab('data', [[0, 1], [0, 2]], new Float64Array(2))).toThrow('does not fit'); // prettier-ignore
      expect(() => file.preallocate('data', 'float32', [1])).toThrow('the dataset data is there already');
    } finally {
      file.discard();
    }
    expect(() => Hdf5Writer.create(join(directory, 'none', 'f.h5'))).toThrow(/f\.h5/);
  });

  test('the checksum is that of the published hash', () => {
    // Values of the self-test in lookup3.c.
    expect(lookup3(Buffer.from(''))).toBe(0xdeadbeef);
    expect(lookup3(Buffer.from('Four score and seven years ago'))).toBe(0x17770551);
  });
});
