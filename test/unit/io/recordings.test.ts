import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

import {
  encodeNpy,
  formatTsv,
  Hdf5File,
  readRecording,
  type SeriesRecording,
} from '../../../src/io/index.js';
import type { PipelineError } from '../../../src/errors.js';
import { findRecordings } from '../../../src/workflows/fooof/recordings.js';
import { temporaryDirectory } from '../../support/temporary.js';

const root = temporaryDirectory();
let serial = 0;

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, String(serial++), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function series(...given: Parameters<typeof readRecording>): Promise<SeriesRecording> {
  const recording = await readRecording(...given);
  if (recording.kind !== 'series') throw new Error('no series');
  return recording;
}

interface EdfSignal {
  readonly label: string;
  /** Digital values per record. */
  readonly records: ReadonlyArray<readonly number[]>;
}

/** An EDF or BDF file, built byte by byte: range -100 to 100 uV on the whole digital range. */
function edf(
  signals: readonly EdfSignal[],
  { width = 2, reserved = '', onsets = null as number[] | null, duration = 1 } = {},
): Buffer {
  const top = 2 ** (8 * width - 1);
  const count = signals.length + (onsets === null ? 0 : 1);
  const records = signals[0]!.records.length;
  const text = (value: string | number, length: number) => String(value).padEnd(length).slice(0, length);
  const field = (length: number, value: (signal: EdfSignal | null) => string | number) =>
    [...signals, ...(onsets === null ? [] : [null])].map((signal) => text(value(signal), length)).join('');
  const tal = 20;
  const version = width === 3 ? '\u00ffBIOSEMI' : text('0', 8);
  const head =
    version +
    text('X', 80) +
    text('X', 80) +
    text('01.01.26', 8) +
    text('00.00.00', 8) +
    text(256 * (count + 1), 8) +
    text(reserved, 44) +
    text(records, 8) +
    text(duration, 8) +
    text(count, 4) +
    field(16, (s) => s?.label ?? (width === 3 ? 'BDF Annotations' : 'EDF Annotations')) +
    field(80, () => '') +
    field(8, () => 'uV') +
    field(8, () => -100) +
    field(8, () => 100) +
    field(8, () => -top) +
    field(8, () => top - 1) +
    field(80, () => '') +
    field(8, (s) => s?.records[0]!.length ?? tal) +
    field(32, () => '');
  const parts = [Buffer.from(head, 'latin1')];
  for (let record = 0; record < records; record++) {
    for (const { records: values } of signals) {
      const bytes = Buffer.alloc(width * values[record]!.length);
      values[record]!.forEach((value, i) => bytes.writeIntLE(value, i * width, width));
      parts.push(bytes);
    }
    if (onsets !== null) {
      const bytes = Buffer.alloc(width * tal);
      bytes.write(`+${onsets[record]}\u0014\u0014\u0000`, 'latin1');
      parts.push(bytes);
    }
  }
  return Buffer.concat(parts);
}

describe('EDF and BDF', () => {
  const ramp = (from: number, n = 4) => Array.from({ length: n }, (_, i) => from + 1000 * i);

  test.each([2, 3])(
    'samples of %i bytes are scaled to units, other rates and annotations are left out',
    async (width) => {
      const bytes = edf(
        [
          { label: 'Fz', records: [ramp(-3000), ramp(5000)] },
          { label: 'Fz', records: [ramp(0), ramp(-1)] },
          { label: 'Temp', records: [[1], [2]] },
        ],
        { width, onsets: [0, 1], duration: 0.5 },
      );
      const read = await series('edf', { main: await file('a.edf', bytes) });
      expect(read).toMatchObject({ samplerate: 8, channel: ['Fz', 'Fz-2'], units: ['uV', 'uV'] });
      expect(read.notes).toEqual(['Temp is left out: 2 Hz instead of 8 Hz']);
      const top = 2 ** (8 * width - 1);
      const expected = [...ramp(-3000), ...ramp(5000)].map((d) => -100 + (200 / (2 * top - 1)) * (d + top));
      expect(read.trials).toHaveLength(1);
      read.trials[0]!.channels[0]!.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    },
  );

  test('gaps of EDF+D separate trials', async () => {
    const records = [0, 1, 2, 3].map((r) => ramp(r));
    const bytes = edf([{ label: 'Cz', records }], { reserved: 'EDF+D', onsets: [0, 1, 5, 6] });
    const { trials } = await series('edf', { main: await file('a.edf', bytes) });
    expect(trials.map(({ start, channels }) => [start, channels[0]!.length])).toEqual([
      [0, 8],
      [20, 8],
    ]);
  });

  test('a signal without a digital range has no scale, and that is said', async () => {
    const bytes = edf(['Fz', 'Cz'].map((label) => ({ label, records: [ramp(0)] })));
    // The digital maximum of Cz becomes its minimum.
    const digital = 256 + 2 * (16 + 80 + 8 + 8 + 8);
    bytes.copy(bytes, digital + 3 * 8, digital + 8, digital + 2 * 8);
    const read = await series('edf', { main: await file('a.edf', bytes) });
    expect(read.notes).toEqual(['Cz has no scale: its digital minimum and maximum are equal in the header']);
    expect(read.trials[0]!.channels.map((row) => Number.isNaN(row[0]))).toEqual([false, true]);
  });

  test('a file that is cut off, or no EDF, is refused', async () => {
    const bytes = edf([{ label: 'Cz', records: [ramp(0), ramp(1)] }]);
    const cut = await file('a.edf', bytes.subarray(0, bytes.length - 3));
    await expect(series('edf', { main: cut })).rejects.toThrow('1 of 2 data records are there');
    const header = await file('a.edf', bytes.subarray(0, 300));
    await expect(series('edf', { main: header })).rejects.toThrow('within its header');
    await expect(series('edf', { main: await file('a.edf', 'x'.repeat(600)) })).rejects.toThrow(
      'no EDF header',
    );
    const still = edf([{ label: 'Cz', records: [ramp(0)] }], { duration: 0 });
    await expect(series('edf', { main: await file('a.edf', still) })).rejects.toThrow(
      'there is no sampling rate',
    );
    await expect(series('edf', { main: join(root, 'none.edf') })).rejects.toThrow('no such file');
  });
});

describe('BrainVision', () => {
  const header = (more: Record<string, string> = {}) => {
    const common: Record<string, string> = {
      DataFile: '$b.eeg',
      MarkerFile: 'r.vmrk',
      DataFormat: 'BINARY',
      DataOrientation: 'MULTIPLEXED',
      NumberOfChannels: '2',
      SamplingInterval: '4000',
      BinaryFormat: 'INT_16',
      ...more,
    };
    const lines = Object.entries(common)
      .filter(([key, v]) => key !== 'BinaryFormat' && v !== '')
      .map(([key, v]) => `${key}=${v}`);
    return `Brain Vision Data Exchange Header File Version 1.0\r\n; text\r\n[Common Infos]\r\n${lines.join('\r\n')}\r\n[Binary Infos]\r\nBinaryFormat=${common['BinaryFormat']}\r\n[Channel Infos]\r\nCh1=F\\1z,,0.5,\u00b5V\r\nCh2=Cz,,2\r\n`;
  };
  const values = [1, -2, 3, 4, -5, 6, 7, 8];

  test.each([
    ['INT_16', 'MULTIPLEXED', (v: Float32Array) => Buffer.from(Int16Array.from(v).buffer)],
    ['IEEE_FLOAT_32', 'VECTORIZED', (v: Float32Array) => Buffer.from(v.buffer as ArrayBuffer)],
  ])(
    '%s %s: resolution, units and names; new segments are trials',
    async (BinaryFormat, DataOrientation, bytes) => {
      const main = await file('r.vhdr', Buffer.from(header({ BinaryFormat, DataOrientation }), 'latin1'));
      const data = main.replace('.vhdr', '.eeg');
      await writeFile(data, bytes(Float32Array.from(values)));
      const marker = main.replace('.vhdr', '.vmrk');
      await writeFile(
        marker,
        '[Marker Infos]\nMk1=New Segment,,1,1,0\nMk2=Stimulus,S1,2,1,0\nMk3=New Segment,,3,1,0\n',
      );
      const read = await series('brainvision', { main, data, marker });
      expect(read).toMatchObject({ samplerate: 250, channel: ['F,z', 'Cz'], units: ['µV', 'µV'] });
      const rows = read.trials.map(({ channels }) => channels.map((row) => [...row]));
      expect(rows).toEqual(
        DataOrientation === 'MULTIPLEXED'
          ? [
              [
                [0.5, 1.5],
                [-4, 8],
              ],
              [
                [-2.5, 3.5],
                [12, 16],
              ],
            ]
          : [
              [
                [0.5, -1],
                [-10, 12],
              ],
              [
                [1.5, 2],
                [14, 16],
              ],
            ],
      );
      expect(read.trials.map(({ start }) => start)).toEqual([0, 2]);
      const found = findRecordings(dirname(main), null);
      expect(found.map(({ id, files }) => [id, files.map(({ role }) => role)])).toEqual([
        ['r', ['main', 'data', 'marker']],
      ]);
    },
  );

  test.each([
    [{ DataFormat: 'ASCII' }, 'its DataFormat is ASCII'],
    [{ SamplingInterval: '' }, 'there is no sampling rate'],
    [{ BinaryFormat: 'INT_7' }, 'its BinaryFormat is INT_7'],
    [{ DataOrientation: 'X' }, 'its DataOrientation is X'],
    [{ NumberOfChannels: '3' }, 'it describes 2 of 3 channels; Ch3 is missing; correct NumberOfChannels'],
    [{ DataPoints: '9' }, '16 bytes for 2 channels of 9 points'],
  ])('%o is refused', async (more, message) => {
    const main = await file('r.vhdr', header(more as Record<string, string>));
    const data = main.replace('.vhdr', '.eeg');
    await writeFile(data, Buffer.from(Int16Array.from(values).buffer));
    const error = await series('brainvision', { main, data }).catch((thrown: PipelineError) => thrown);
    expect(`${(error as PipelineError).message}; ${(error as PipelineError).cure}`).toContain(message);
  });

  test('a channel whose resolution is no number has no scale, and that is said', async () => {
    const main = await file('r.vhdr', header().replace('Cz,,2', 'Cz,,two'));
    const data = main.replace('.vhdr', '.eeg');
    await writeFile(data, Buffer.from(Int16Array.from(values).buffer));
    const read = await series('brainvision', { main, data });
    expect(read.notes).toEqual(['Cz has no scale: its resolution in Ch2 of the header is no number']);
    expect(read.trials[0]!.channels.map(([first]) => first)).toEqual([0.5, NaN]);
  });
});

describe('arrays', () => {
  const data = Float64Array.from({ length: 24 }, (_, i) => i);

  test('series have their rate and axes from the sidecar, or the rate from the configuration', async () => {
    const main = await file('a.npy', encodeNpy({ shape: [4, 6], data }));
    await expect(series('npy', { main })).rejects.toThrow('there is no sampling rate');
    const plain = await series('npy', { main }, 200);
    expect(plain).toMatchObject({ samplerate: 200, channel: ['0', '1', '2', '3'] });
    expect([...plain.trials[0]!.channels[1]!]).toEqual([6, 7, 8, 9, 10, 11]);
    const sidecar = await file(
      'a.json',
      JSON.stringify({ SamplingFrequency: 50, Dimensions: ['time', 'channel'] }),
    );
    const turned = await series('npy', { main, sidecar });
    expect(turned.samplerate).toBe(50);
    expect([...turned.trials[0]!.channels[1]!]).toEqual([1, 7, 13, 19]);
    const wrong = await file('a.json', JSON.stringify({ SamplingFrequency: -1 }));
    await expect(series('npy', { main, sidecar: wrong })).rejects.toThrow('its sampling rate is -1');
    const odd = await file('a.json', '{"SamplingFrequency": 50, "Dimensions": ["time"]}');
    await expect(series('npy', { main, sidecar: odd })).rejects.toThrow('for 2 axes');
  });

  test('with frequencies they are spectra, trials first', async () => {
    const main = await file('a.npy', encodeNpy({ shape: [2, 3, 4], data }));
    const frequencies = await file('f.npy', encodeNpy({ shape: [4], data: Float64Array.of(1, 2, 3, 4) }));
    const read = await readRecording('npy', { main, frequencies });
    if (read.kind !== 'spectra') throw new Error('no spectra');
    expect([...read.frequencies]).toEqual([1, 2, 3, 4]);
    expect([...read.trials[1]![2]!]).toEqual([20, 21, 22, 23]);
    const other = await file('f.npy', encodeNpy({ shape: [3], data: Float64Array.of(1, 2, 3) }));
    await expect(readRecording('npy', { main, frequencies: other })).rejects.toThrow(
      'has 4 bins, the frequencies 3',
    );
  });
});

describe('HDF5 and Syncopy containers', () => {
  async function container(fill: (file: Hdf5File) => void): Promise<string> {
    const path = await file('a.h5', '');
    const made = await Hdf5File.create(path);
    fill(made);
    made.close();
    return path;
  }

  test('an analog container: trials by their definition', async () => {
    const main = await container((h5) => {
      h5.createDataset('data', { shape: [6, 2], data: Float32Array.from({ length: 12 }, (_, i) => i) });
      h5.createDataset('trialdefinition', { shape: [2, 4], data: Float64Array.of(0, 3, -1, 7, 4, 6, 0, 7) });
      h5.setAttributes({ samplerate: 100, channel: ['A', 'B'], dimord: ['time', 'channel'] });
    });
    const read = await series('hdf5', { main });
    expect(read).toMatchObject({ samplerate: 100, channel: ['A', 'B'] });
    expect(read.trials.map(({ start, offset, channels }) => [start, offset, [...channels[1]!]])).toEqual([
      [0, -1, [1, 3, 5]],
      [4, 0, [9, 11]],
    ]);
  });

  test('whole numbers of 64 bits, as Python writes them, and a rate that is a dataset', async () => {
    const whole = (data: BigInt64Array) => ({ shape: [data.length], data }) as never;
    const data = { shape: [6, 1], data: Float32Array.from({ length: 6 }, (_, i) => i) };
    const main = await container((h5) => {
      h5.createDataset('data', data);
      h5.createDataset('trialdefinition', {
        shape: [2, 3],
        data: BigInt64Array.of(0n, 2n, 0n, 2n, 6n, -1n),
      } as never);
      h5.setAttributes({ samplerate: whole(BigInt64Array.of(250n)) });
    });
    const { samplerate, trials } = await series('hdf5', { main });
    expect(samplerate).toBe(250);
    expect(trials.map(({ start, offset, channels }) => [start, offset, [...channels[0]!]])).toEqual([
      [0, 0, [0, 1]],
      [2, -1, [2, 3, 4, 5]],
    ]);
    const plain = await container((h5) => {
      h5.createDataset('data', data);
      h5.createDataset('fs', whole(BigInt64Array.of(100n)));
    });
    expect((await series('hdf5', { main: plain })).samplerate).toBe(100);
  });

  test('a spectral container and a plain file of spectra', async () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i);
    const spectral = await container((h5) => {
      h5.createDataset('data', { shape: [2, 1, 3, 2], data });
      h5.setAttributes({ channel: ['A', 'B'], freq: { shape: [3], data: Float64Array.of(1, 2, 3) } });
    });
    const plain = await container((h5) => {
      h5.createDataset('power', { shape: [4, 3], data });
      h5.createDataset('freqs', { shape: [3], data: Float64Array.of(1, 2, 3) });
    });
    const one = await readRecording('hdf5', { main: spectral });
    const other = await readRecording('hdf5', { main: plain });
    if (one.kind !== 'spectra' || other.kind !== 'spectra') throw new Error('no spectra');
    expect([...one.trials[1]![1]!]).toEqual([7, 9, 11]);
    expect([...other.trials[0]![3]!]).toEqual([9, 10, 11]);
  });

  test('files without data, rate or signature are refused', async () => {
    const empty = await container((h5) => h5.createDataset('x', { shape: [1], data: Float32Array.of(1) }));
    await expect(readRecording('hdf5', { main: empty })).rejects.toThrow('it holds x');
    const bare = await container((h5) =>
      h5.createDataset('data', { shape: [3, 1], data: new Float32Array(3) }),
    );
    await expect(readRecording('hdf5', { main: bare })).rejects.toThrow('there is no sampling rate');
    expect((await series('hdf5', { main: bare }, 10)).samplerate).toBe(10);
    const group = await container((h5) => h5.setAttributes({ x: 1 }, 'data'));
    await expect(readRecording('hdf5', { main: group })).rejects.toThrow(
      'its data is no dataset: a group, or a link to another file or to nowhere',
    );
    await expect(readRecording('hdf5', { main: await file('a.h5', 'text') })).rejects.toThrow(
      'no HDF5 signature',
    );
  });
});

describe('tables', () => {
  test('series have their rate from their times; gaps and wrong cells are refused by line', async () => {
    const rows = Array.from({ length: 500 }, (_, t) => [
      Number((t / 128).toFixed(4)),
      t,
      t === 3 ? null : -t,
    ]);
    const read = await series('tsv', { main: await file('a.tsv', formatTsv(['time', 'A', 'B'], rows)) });
    expect(read.samplerate).toBeCloseTo(128, 2);
    expect(read.trials[0]!.channels[1]![3]).toBeNaN();
    const csv = await file('a.csv', '"time",A\r\n0,1\r\n0.5,"2"\r\n1,3\r\n');
    const two = await series('csv', { main: csv });
    expect([two.samplerate, ...two.trials[0]!.channels[0]!]).toEqual([2, 1, 2, 3]);
    const gap = await file('a.tsv', 'time\tA\n0\t1\n1\t1\n5\t1\n');
    await expect(series('tsv', { main: gap })).rejects.toThrow('is not on even steps');
    const infinite = await file('a.tsv', 'frequency\tA\tB\tC\n1\tinf\t-Inf\tNaN\n2\t1\t2\t3\n');
    const spectra = await readRecording('tsv', { main: infinite });
    if (spectra.kind !== 'spectra') throw new Error('no spectra');
    expect(spectra.trials[0]!.map(([first]) => first)).toEqual([Infinity, -Infinity, NaN]);
    const word = await file('a.tsv', 'time\tA\n0\t1\n1\tx\n');
    await expect(series('tsv', { main: word })).rejects.toThrow(
      /a\.tsv:3 cannot be read: "x" in column A is no number/,
    );
    const inherited = await file('a.tsv', 'time\tA\n0\t1\n1\tconstructor\n');
    await expect(series('tsv', { main: inherited })).rejects.toThrow(
      '"constructor" in column A is no number',
    );
  });
});

describe('what is found', () => {
  test('BIDS recordings with their channels; descriptions and results are no recordings, other formats have a reason', async () => {
    const main = await file(
      'sub-01/eeg/sub-01_task-rest_eeg.edf',
      edf(['Fz', 'EOG', 'Cz'].map((label) => ({ label, records: [[1, 2]] }))),
    );
    const base = join(dirname(main), '..', '..');
    const put = async (name: string, text = '') => {
      await mkdir(dirname(join(base, name)), { recursive: true });
      await writeFile(join(base, name), text);
    };
    await put('dataset_description.json', '{}');
    await put('participants.tsv', 'participant_id\nsub-01\n');
    await put(
      'sub-01/eeg/sub-01_task-rest_channels.tsv',
      'name\ttype\tunits\tstatus\nFz\tEEG\tuV\tgood\nEOG\tEOG\tuV\tgood\nCz\tEEG\tuV\tbad\n',
    );
    await put('sub-01/eeg/sub-01_task-rest_events.tsv', 'onset\n1\n');
    await put('sub-01/meg/sub-01_task-rest_meg.fif');
    await put('sub-02/meg/sub-02_meg.ds/x.meg4');
    await put('derivatives/sub-01_eeg.edf');
    await put('old_model.h5');
    await put('sub-01/eeg/sub-01_task-rest_eeg_candidates.tsv', 'channel\n');
    await put('bayesian_summary.tsv', 'name\n');
    await put('bayesian_trace.h5');
    await put('sub-03/meg/sub-03_meg.con');
    await put('sub-03/ieeg/sub-03_ieeg.mefd/x.segd');
    const found = findRecordings(base, null);
    expect(found.map(({ id, refused }) => [id, refused?.split(':')[0] ?? null])).toEqual([
      ['sub-01__eeg__sub-01_task-rest_eeg', null],
      ['sub-01__meg__sub-01_task-rest_meg.fif', 'FIF is not read'],
      ['sub-02__meg__sub-02_meg.ds', 'CTF is not read'],
      ['sub-03__ieeg__sub-03_ieeg.mefd', 'MEF3 is not read'],
      ['sub-03__meg__sub-03_meg.con', 'KIT is not read'],
    ]);
    const paths = Object.fromEntries(found[0]!.files.map(({ role, path }) => [role, path])) as {
      main: string;
    };
    const read = await series(found[0]!.format, paths);
    expect(read.channel).toEqual(['Fz']);
    expect(read.notes).toEqual(['EOG is left out: its type is EOG', 'Cz is left out: its status is bad']);
    await put('sub-01/eeg/sub-01_task-rest_eeg.bdf');
    expect(() => findRecordings(base, null)).toThrow('two recordings would have the label');
  });
});
