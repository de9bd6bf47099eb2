import { mkdirSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';

import { Hdf5Writer } from '../../../../src/io/index.js';
import { FooofSpy } from '../../../../src/nodes/spectrum/fooof-spy.js';
import { writeSpectra } from '../../../../src/nodes/spectrum/spectral-container.js';
import { readModelContainer, type SpectralData } from '../../../../src/nodes/spectrum/spectral-data.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();

const PEAKS = [
  [[10, 0.8, 1.5]],
  [
    [20, 0.7, 1.5],
    [32, 0.9, 2],
  ],
  [],
  [[30, 0.8, 2]],
] as const;
const KWARGS = { peak_width_limits: [1, 8], min_peak_height: 0.15 };
const FREQ = simulateSpectrum({ seed: 1 }).frequenciesHz;

/** Two trials of four channels with 1, 2, 0 and 1 peaks. */
function recording(): SpectralData {
  const data = new Float32Array(2 * FREQ.length * 4);
  for (let trial = 0; trial < 2; trial++) {
    for (const [channel, peaks] of PEAKS.entries()) {
      const noise = { kind: 'log', level: 0.01 } as const;
      const seed = 10 * trial + channel;
      const { power } = simulateSpectrum({ seed, offset: 1, exponent: 1 + trial, peaks, noise });
      power.forEach((value, bin) => (data[(trial * FREQ.length + bin) * 4 + channel] = value));
    }
  }
  return {
    shape: [2, 1, FREQ.length, 4],
    data,
    freq: FREQ,
    channel: ['A', 'B', 'C', 'D'],
    trialdefinition: [
      [0, 100, 0],
      [100, 200, 0],
    ],
    samplerate: 100,
    log: 'made for a test',
    version: '0',
  };
}

const spy = (more = {}) => new FooofSpy({ fooofSettings: { in_freqs: FREQ }, methodKwargs: KWARGS, ...more });
const centers = (rows: ReadonlyArray<readonly number[]>) => rows.map(([center]) => Math.round(center!));

describe('the routine of model spectra', () => {
  test('the dry pass says what a run will write, and runs nothing', () => {
    const routine = spy();
    expect(() => routine.describe()).toThrow('the routine was not initialised');
    const described = routine.initialize(recording(), 0, { chanPerWorker: 3 });
    expect(described).toEqual({
      outputShape: [2, 1, 79, 4],
      dtype: 'float32',
      chunkShape: [1, 1, 79, 3],
      bytes: 4 * 2 * 79 * 4,
      calls: 4,
    });
    expect(routine.initialize(recording(), 0, { keepTrials: false, chanPerWorker: 2 })).toMatchObject({
      calls: 1,
    });
    expect(routine.warnings).toEqual(['chanPerWorker is ignored when trials are averaged']);
    expect(() => routine.initialize(recording(), 1)).toThrow('trials are stacked on axis 0');
  });

  test('every channel keeps its own peaks through the file, with blocks and in both orders; equal runs give equal bytes', async () => {
    const bytes: Buffer[] = [];
    for (const parallel of [false, true]) {
      const routine = spy();
      routine.initialize(recording(), 0, { chanPerWorker: 3 });
      const path = join(directory, `${parallel}.h5`);
      await routine.compute(recording(), path, { parallel, logDict: { output: 'fooof' } });
      const read = await readModelContainer(path);
      expect([...read.metadata.keys()]).toEqual(['0_0', '0_1', '1_0', '1_1']);
      const { peak_params: peaks, n_peaks: counts } = read.metadata.get('0_0')!;
      expect([...counts]).toEqual([1, 2, 0]);
      expect(peaks.map(centers)).toEqual([[10], [20, 32], []]);
      expect(centers(read.metadata.get('1_1')!.peak_params[0]!)).toEqual([30]);
      const aperiodic = read.metadata.get('1_0')!.aperiodic_params;
      expect(aperiodic.shape).toEqual([2, 3]);
      for (let channel = 0; channel < 3; channel++) expect(aperiodic.data[3 + channel]).toBeCloseTo(2, 1);
      expect(read).toMatchObject({ shape: [2, 1, 79, 4], channel: ['A', 'B', 'C', 'D'], samplerate: 100 });
      expect(read.log).toBe('made for a test\n{"routine":"FooofSpy","output":"fooof"}');
      expect(read.trialdefinition[1]).toEqual([100, 200, 0]);
      bytes.push(await readFile(path));
    }
    expect(bytes[0]!.equals(bytes[1]!)).toBe(true);
  });

  test('the outputs are the model, its aperiodic part, and their difference in linear power', () => {
    const { data, shape } = recording();
    const slab = { shape: [1, 1, shape[2], 4] as const, data: data as Float32Array };
    const [all, level, peaks] = (['fooof', 'fooof_aperiodic', 'fooof_peaks'] as const).map((output) => {
      const result = FooofSpy.computeFunction(slab, {
        output,
        fooofSettings: { in_freqs: FREQ },
        methodKwargs: KWARGS,
      });
      return result.kind === 'done' ? result.data : new Float32Array(0);
    });
    expect(all).toBeInstanceOf(Float32Array);
    for (const bin of [0, 30, 78]) expect(all![4 * bin]! - level![4 * bin]!).toBeCloseTo(peaks![4 * bin]!, 5);
    expect(peaks![2]).toBeCloseTo(1e-16, 18); // channel C has no peaks
  });

  test('trials are averaged as power before the fit', async () => {
    const routine = spy();
    expect(routine.initialize(recording(), 0, { keepTrials: false }).outputShape).toEqual([1, 1, 79, 4]);
    const path = join(directory, 'mean.h5');
    await routine.compute(recording(), path);
    const read = await readModelContainer(path);
    expect([...read.metadata.keys()]).toEqual(['0_0']);
    const { data } = recording();
    const mean = FREQ.map((_, bin) => (Number(data[4 * bin]) + Number(data[4 * (FREQ.length + bin)])) / 2);
    const one = FooofSpy.computeFunction(
      { shape: [1, 1, FREQ.length, 1], data: mean },
      { fooofSettings: { in_freqs: FREQ }, methodKwargs: KWARGS },
    );
    if (one.kind !== 'done') throw new Error('no result');
    expect(read.data[0]).toBe(one.data[0]);
  });

  test('a channel without logarithm is NaN throughout and the others go on', () => {
    const data = Float32Array.from(recording().data);
    data[4 * 7 + 1] = 0;
    const slab = { shape: [1, 1, FREQ.length, 4] as const, data };
    const result = FooofSpy.computeFunction(slab, {
      fooofSettings: { in_freqs: FREQ },
      methodKwargs: KWARGS,
    });
    if (result.kind !== 'done') throw new Error('no result');
    expect([...result.metadata.n_peaks]).toEqual([1, 0, 0, 1]);
    expect(result.metadata.r_squared[1]).toBeNaN();
    expect(result.data[1]).toBeNaN();
    expect(result.data[0]).toBeGreaterThan(0);
  });

  test('a range gives an output of the fitted bins', async () => {
    const routine = spy({ fooofSettings: { in_freqs: FREQ, freq_range: [3, 30] } });
    expect(routine.initialize(recording(), 0).outputShape).toEqual([2, 1, 55, 4]);
    const path = join(directory, 'range.h5');
    await routine.compute(recording(), path);
    const { freq } = await readModelContainer(path);
    expect([freq[0], freq.at(-1), freq.length]).toEqual([3, 30, 55]);
  });

  test('a chunk that does not fit the memory is refused before anything is written', async () => {
    const routine = spy();
    routine.initialize(recording(), 0);
    const refused = routine.compute(recording(), join(directory, 'x.h5'), { memThresh: 0 });
    await expect(refused).rejects.toThrow(/a result chunk takes 1264 bytes, more than 0 of the/);
    await expect(routine.compute(recording(), join(directory, 'x.h5'), { method: 'close' })).rejects.toThrow(
      'there is no method close',
    );
  });

  test('a file that cannot get its size leaves nothing behind', async () => {
    const folder = join(directory, 'full');
    mkdirSync(folder);
    const refuse = vi.spyOn(Hdf5Writer.prototype, 'preallocate').mockImplementation(() => {
      throw new Error('no space left');
    });
    try {
      const routine = spy();
      routine.initialize(recording(), 0);
      await expect(routine.compute(recording(), join(folder, 'x.h5'))).rejects.toThrow('no space left');
    } finally {
      refuse.mockRestore();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('names of as many channels as a source space has come back from a container', async () => {
    const channel = Array.from({ length: 5124 }, (_, i) => `vertex-${i}`);
    const path = join(directory, 'source.h5');
    writeSpectra(path, {
      ...recording(),
      shape: [1, 1, 2, channel.length],
      data: new Float64Array(2 * channel.length).fill(1),
      freq: Float64Array.of(1, 2),
      channel,
    });
    expect((await readModelContainer(path)).channel).toEqual(channel);
  });

  test.each([
    [{ methodKwargs: { max_peaks: 3 } }, 'fooof_opt: unknown key max_peaks'],
    [{ fooofSettings: { in_freqs: FREQ.slice(1) } }, 'in_freqs has 78 values for 79 bins'],
    [{ fooofSettings: { in_freqs: FREQ.map((f) => f - 1) } }, 'the first frequency is 0'],
    [{ fooofSettings: {} as never }, 'in_freqs is missing'],
    [{ timeAxis: 2 }, 'the time axis of spectral data is the first'],
    [{ chunkShape: [1, 1, 79, 2] }, 'a result of 1 x 1 x 79 x 4 does not fit in a chunk of 1 x 1 x 79 x 2'],
  ])('wrong input %# is refused by name', (more, message) => {
    expect(() => spy(more).initialize(recording(), 0)).toThrow(message);
  });

  test('rows that do not fit their counts are refused', () => {
    const metadata = FooofSpy.encodeMetadata({
      aperiodic_params: { shape: [2, 1], data: Float64Array.of(1, 2) },
      error: Float64Array.of(0.1),
      gaussian_params: [[[1, 2, 3]]],
      n_peaks: Int32Array.of(1),
      peak_params: [[[1, 2, 3]]],
      r_squared: Float64Array.of(0.9),
    });
    expect(FooofSpy.decodeMetadata(metadata).peak_params).toEqual([[[1, 2, 3]]]);
    const wrong = { ...metadata, n_peaks: { shape: [1], data: Int32Array.of(2) } };
    expect(() => FooofSpy.decodeMetadata(wrong)).toThrow('1 rows of peaks for 2 that are counted');
    expect(() => FooofSpy.decodeMetadata({})).toThrow('n_peaks is missing');
  });
});
