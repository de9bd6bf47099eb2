import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { formatTsv, readTsv } from '../../src/io/index.js';
import { readModelContainer } from '../../src/nodes/spectrum/spectral-data.js';
import { simulateSpectrum } from '../../src/numerics/fooof/simulate.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RUN = ['run', '-w', 'fooof', '-i', 'in', '-o', 'out', '--set', 'fooof.peak_width_limits=[1, 8]'];
const SET = ['--set', 'fooof.min_peak_height=0.15'];

function spectra(seed: number, damage = false): string {
  const noise = { kind: 'log', level: 0.01 } as const;
  const a = simulateSpectrum({ seed, offset: 1, exponent: 1.5, peaks: [[10, 0.8, 1.5]], noise });
  const b = simulateSpectrum({ seed: seed + 1, offset: 1, exponent: 1, peaks: [], noise });
  const rows = [...a.frequenciesHz].map((f, i) => [f, a.power[i]!, damage && i === 9 ? null : b.power[i]!]);
  return formatTsv(['frequency', 'Pz', 'Oz'], rows);
}

async function cohort(): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  mkdirSync(rig.path('in/sub-02'), { recursive: true });
  writeFileSync(rig.path('in/one.tsv'), spectra(1));
  writeFileSync(rig.path('in/sub-02/rest.tsv'), spectra(11, true));
  return rig;
}

describe('a run over tables of spectra', () => {
  test('writes fits, peaks, model and cohort table; a channel without power and a broken file cost themselves only', async () => {
    await using rig = await cohort();
    writeFileSync(rig.path('in/broken.tsv'), 'time\tPz\n0\t1\n');
    const first = await rig.run([...RUN, ...SET]);
    expect(first.exitCode).toBe(0);
    expect(await rig.list('out/sub-02')).toEqual([
      'rest_fits.json',
      'rest_fits.tsv',
      'rest_model.h5',
      'rest_peaks.tsv',
    ]);
    const { columns, rows } = await readTsv(rig.path('out/fits.tsv'));
    expect(columns.join(' ')).toBe('recording channel offset knee exponent r_squared error n_peaks status');
    expect(rows.map((row) => [row[0], row[1], row[7], row[8]])).toEqual([
      ['one', 'Pz', '1', 'ok'],
      ['one', 'Oz', '0', 'ok'],
      ['sub-02/rest', 'Pz', '1', 'ok'],
      ['sub-02/rest', 'Oz', '0', 'non_finite'],
      [
        'broken',
        null,
        null,
        'skipped: broken cannot be read as spectra: it holds time series; only spectra are read',
      ],
    ]);
    expect(rows[3]!.slice(2, 7)).toEqual([null, null, null, null, null]);
    expect(Number(rows[0]![4])).toBeCloseTo(1.5, 1);
    const peaks = await readTsv(rig.path('out/one_peaks.tsv'));
    expect(peaks.columns).toEqual(['channel', 'center_frequency', 'power', 'bandwidth']);
    expect(Number(peaks.rows[0]![1])).toBeCloseTo(10, 0);
    const model = await readModelContainer(rig.path('out/sub-02/rest_model.h5'));
    expect([...model.metadata.get('0_0')!.n_peaks]).toEqual([1, 0]);
    expect(model).toMatchObject({ shape: [1, 1, 79, 2], channel: ['Pz', 'Oz'] });

    const again = await rig.run([...RUN, ...SET]);
    expect(again.executed).toEqual([]);
    writeFileSync(rig.path('in/one.tsv'), spectra(5));
    const changed = await rig.run([...RUN, ...SET]);
    expect(changed.executed).toEqual(['collect_fits', 'fit_recording[one]']);
  });

  test('nothing to fit and wrong settings end before anything runs', async () => {
    await using rig = await PipelineRig.create();
    mkdirSync(rig.path('in'));
    const none = await rig.run(RUN);
    expect(none.exitCode).toBe(3);
    expect(none.stderr).toContain('0 tables of spectra (*.tsv) under');
    writeFileSync(rig.path('in/one.tsv'), spectra(1));
    const wrong = await rig.run([...RUN, '--set', 'fooof.max_peaks=3']);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('max_n_peaks');
  });

  test('the sample runs as it is', async () => {
    await using rig = await PipelineRig.create();
    expect((await rig.run(['sample', 'fooof', 'demo'])).exitCode).toBe(0);
    expect(
      (await rig.run(['run', '-w', 'fooof', '-i', 'demo', '-o', 'out', '-c', 'demo/neuroloom.yaml']))
        .exitCode,
    ).toBe(0);
    expect((await readTsv(rig.path('out/fits.tsv'))).rows).toHaveLength(12);
  });
});
