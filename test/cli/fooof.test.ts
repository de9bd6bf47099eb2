import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { encodeNpy, formatTsv, readTsv } from '../../src/io/index.js';
import { readModelContainer } from '../../src/nodes/spectrum/spectral-data.js';
import { simulateSpectrum } from '../../src/numerics/fooof/simulate.js';
import { seededRandom } from '../../src/numerics/random.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RUN = [
  ...['run', '-w', 'fooof', '-i', 'in', '-o', 'out', '--set', 'fooof.peak_width_limits=[1, 2.8]'],
  ...['--set', 'fooof.plots=cohort'],
];
const SET = ['--set', 'fooof.min_peak_height=0.15'];
/** A report takes longer than the fits: for runs whose report nobody reads. */
const PLAIN = [...RUN, '--no-report'];

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
    writeFileSync(rig.path('in/broken.tsv'), 'speed\tPz\n0\t1\n');
    writeFileSync(rig.path('in/head.fif'), 'x');
    writeFileSync(rig.path('in/uneven.tsv'), 'frequency\tPz\n1\t3\n2\t2\n4.5\t1\n');
    const first = await rig.run([...RUN, ...SET]);
    expect(first.exitCode).toBe(0);
    const report = await rig.report();
    for (const words of [
      ...['Exponent of the aperiodic part', 'Not fitted', 'doi:10.1038/s41593-020-00744-x'],
      ...['Warnings', 'bandwidth_at_limit'],
    ]) {
      expect(report).toContain(words);
    }
    const [, page] = /href="(participants\/[^"]*)">one</.exec(report) ?? [];
    const own = await rig.read(`out/logs/${(await rig.list('out/logs')).at(-1)}/${page}`);
    for (const words of ['<h2 id="results-title">Results</h2>', 'Candidate peaks', 'below_min_height']) {
      expect(own).toContain(words);
    }
    expect(await rig.list('out/sub-02')).toEqual([
      'rest_candidates.tsv',
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
        'skipped: broken cannot be read: its first column is "speed"; name the first column frequency (Hz, spectra) or time (s, series)',
      ],
      ['head.fif', null, null, 'skipped: FIF is not read: save it as EDF, BrainVision, HDF5, npy or a table'],
      [
        'uneven',
        null,
        null,
        'skipped: frequencies are not evenly spaced: 2.5 Hz before 4.5 Hz, 1 Hz at the start; give a spectrum on a linear frequency axis; logarithmic axes are not fitted',
      ],
    ]);
    expect(rows[3]!.slice(2, 7)).toEqual([null, null, null, null, null]);
    expect(first.stderr).toContain(
      'channel Oz has no fit (non_finite): its power is zero, negative or missing',
    );
    expect(Number(rows[0]![4])).toBeCloseTo(1.5, 1);
    const peaks = await readTsv(rig.path('out/one_peaks.tsv'));
    expect(peaks.columns).toEqual(['channel', 'center_frequency', 'power', 'bandwidth']);
    expect(Number(peaks.rows[0]![1])).toBeCloseTo(10, 0);
    const candidates = await readTsv(rig.path('out/sub-02/rest_candidates.tsv'));
    expect(candidates.columns).toEqual(['channel', 'center_frequency', 'power', 'bandwidth', 'outcome']);
    expect(candidates.rows.map((row) => [row[0], row[4], row[3] === null])).toEqual([
      ['Pz', 'fitted', false],
      ['Pz', 'below_min_height', true],
    ]);
    const model = await readModelContainer(rig.path('out/sub-02/rest_model.h5'));
    expect([...model.metadata.get('0_0')!.n_peaks]).toEqual([1, 0]);
    expect(model).toMatchObject({ shape: [1, 1, 79, 2], channel: ['Pz', 'Oz'] });

    const chart = await rig.read('out/fits.svg');
    expect(chart).toContain('3 fits, ');
    expect(chart).toContain('sub-02/rest Oz: non_finite');
    expect(chart).toContain('error by frequency, 3 fits');

    const again = await rig.run([...PLAIN, ...SET]);
    expect(again.executed).toEqual([]);
    writeFileSync(rig.path('in/one.tsv'), spectra(5));
    const changed = await rig.run([...PLAIN, ...SET]);
    const sidecar = 'write_fit_sidecar[one]';
    expect(changed.executed).toEqual(['collect_fits', 'fit_recording[one]', 'plot_fits', sidecar]);
  });

  test('another output directory writes the sidecars anew, where names of sources differ, and fits nothing', async () => {
    await using rig = await cohort();
    const how = ['--no-report', '--cache-dir', 'cache', '--set', 'fooof.plots=recordings'];
    expect((await rig.run(['run', '-w', 'fooof', '-i', 'in', ...how])).exitCode).toBe(0);
    const sources = async (path: string) =>
      (JSON.parse(await rig.read(path)) as { Sources: string[] }).Sources;
    expect(await sources('in/one_fits.json')).toEqual(['bids::one.tsv']);
    const again = await rig.run(['run', '-w', 'fooof', '-i', 'in', '-o', 'out', ...how]);
    expect(again.executed).toEqual(['write_fit_sidecar[one]', 'write_fit_sidecar[sub-02__rest]']);
    expect(await sources('out/one_fits.json')).toEqual(['bids:input:one.tsv']);
    for (const name of ['one_fits.tsv', 'sub-02/rest_peaks.tsv', 'fits.svg', 'one_fits.svg']) {
      expect(await rig.read(`out/${name}`)).toBe(await rig.read(`in/${name}`));
    }
  });

  test.each([
    ['none', 'fit_recording', 'the worker process was ended from outside (SIGKILL)'],
    ['recordings', 'compute_spectra', 'compute_spectra[deadly] failed'],
  ])('a process that dies costs its recording only, charts of %s', async (plots, node, reason) => {
    await using rig = await cohort();
    writeFileSync(rig.path('in/deadly.tsv'), spectra(21));
    // Ends the worker that reads that recording, whenever it does.
    const trap = `import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { readFile } = fs.promises;
      fs.promises.readFile = (path, ...rest) => {
        if (process.argv[1].includes('worker-main') && String(path).includes('deadly')) process.kill(process.pid, 'SIGKILL');
        return readFile(path, ...rest);
      };
      syncBuiltinESMExports();`;
    await rig.write('trap.mjs', trap);
    const env = { NODE_OPTIONS: `--import=${rig.path('trap.mjs')}` };
    const run = await rig.run(
      [...PLAIN, ...SET, '--set', `fooof.plots=${plots}`, '--retries', '0', '--jobs', '2'],
      { env },
    );
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain(`${node}[deadly]`);
    const { rows } = await readTsv(rig.path('out/fits.tsv'));
    expect(rows.map((row) => [row[0], row.at(-1)!.slice(0, 60)])).toEqual([
      ['one', 'ok'],
      ['one', 'ok'],
      ['sub-02/rest', 'ok'],
      ['sub-02/rest', 'non_finite'],
      ['deadly', `skipped: ${reason}`],
    ]);
  });

  test('nothing to fit and wrong settings end before anything runs', async () => {
    await using rig = await PipelineRig.create();
    mkdirSync(rig.path('in'));
    const none = await rig.run(RUN);
    expect(none.exitCode).toBe(3);
    expect(none.stderr).toContain('0 recordings under');
    writeFileSync(rig.path('in/one.tsv'), spectra(1));
    const wrong = await rig.run([...RUN, '--set', 'fooof.max_peaks=3']);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('max_n_peaks');
    const condition = await rig.run([...RUN, '--set', 'fooof.condition=task']);
    expect(condition.exitCode).toBe(2);
    expect(condition.stderr).toContain(
      'fooof.condition: no recording has the entity task in its name, and there is no participants.tsv',
    );
    await rig.write('in/participants.tsv', formatTsv(['participant_id', 'site'], [['sub-99', 'north']]));
    const nowhere = await rig.run([...RUN, '--set', 'fooof.condition=site']);
    expect(nowhere.exitCode).toBe(2);
    expect(nowhere.stderr).toContain('names no participant of theirs');
    rmSync(rig.path('in/participants.tsv'));
    const model = 'fooof.bayesian={outcome: exponent, group: diagnosis}';
    const nobody = await rig.run([...RUN, '--set', model]);
    expect(nobody.exitCode).toBe(3);
    expect(nobody.stderr).toContain('fooof.bayesian is set, but there is no table of participants');
  });

  test('a Bayesian model compares two groups of participants by their fits', async () => {
    await using rig = await PipelineRig.create();
    const people = Array.from({ length: 8 }, (_, i) => [`sub-0${i + 1}`, i % 2 === 0 ? 'steep' : 'flat']);
    for (const [i, [id, group]] of people.entries()) {
      const exponent = group === 'steep' ? 2 : 1;
      const noise = { kind: 'log', level: 0.01 } as const;
      const { frequenciesHz, power } = simulateSpectrum({ seed: i, offset: 1, exponent, peaks: [], noise });
      const rows = [...frequenciesHz].map((f, at) => [f, power[at]!]);
      await rig.write(`in/${id}/rest.tsv`, formatTsv(['frequency', 'Pz'], rows));
    }
    await rig.write('in/participants.tsv', formatTsv(['participant_id', 'group'], people));
    const model = '{outcome: exponent, group: group, draws: 200, tune: 200, chains: 2}';
    const plain = ['--set', 'fooof.condition=group', '--set', `fooof.bayesian=${model}`];
    const run = await rig.run([...RUN, ...plain]);
    expect(run.exitCode).toBe(0);
    expect(run.executed).toContain('bayesian_group');
    const { columns, rows } = await readTsv(rig.path('out/bayesian_summary.tsv'));
    const difference = rows.find(([name]) => name === 'mean_difference')!;
    // flat minus steep, in the order of the alphabet
    expect(Number(difference[columns.indexOf('mean')])).toBeCloseTo(-1, 0);
    const said = JSON.parse(await rig.read('out/bayesian_report.json')) as Record<string, unknown>;
    expect(said).toMatchObject({ participants: people.map(([id]) => id), dropped: [] });
    expect(await rig.report()).toContain('Bayesian model group_difference of exponent');
    const chart = await rig.read('out/fits.svg');
    expect(chart).toContain('mean spectra: 8 recordings, mean of group');
    for (const group of ['flat', 'steep']) expect(chart).toContain(`>${group}</text>`);
    expect((await rig.run([...PLAIN, ...plain])).executed).toEqual([]);
  });

  test('time series of several formats become fits per trial, spectra beside them are fitted as they are; recordings that are too short are skipped with the reason', async () => {
    await using rig = await PipelineRig.create();
    const samples = (n: number, seed: number) => {
      const random = seededRandom(seed, 'series');
      return Float64Array.from(
        { length: n },
        (_, t) => random.normal() + 2 * Math.sin((2 * Math.PI * 10 * t) / 100),
      );
    };
    const trials = Float64Array.from([
      ...samples(1000, 1),
      ...samples(1000, 2),
      ...samples(1000, 3),
      ...samples(1000, 4),
    ]);
    await rig.write('in/epochs.npy', encodeNpy({ shape: [2, 2, 1000], data: trials }));
    await rig.write('in/epochs.json', JSON.stringify({ SamplingFrequency: 100, Channels: ['Cz', 'Pz'] }));
    const rows = [...samples(1000, 5)].map((value, t) => [t / 100, value]);
    await rig.write('in/sub-01/run.tsv', formatTsv(['time', 'Fz'], rows));
    await rig.write('in/sub-02/run.tsv', formatTsv(['time', 'Fz'], rows.slice(0, 50)));
    await rig.write('in/given.tsv', spectra(1));
    const keys = ['fooof.keeptrials=true', 'fooof.foilim=[2, 40]', 'fooof.chan_per_worker=1'];
    const more = [...keys, 'fooof.min_peak_height=0.4'].flatMap((set) => ['--set', set]);
    const run = await rig.run([...PLAIN, ...more, '--set', 'fooof.plots=none', '--jobs', '2']);
    expect(run.exitCode).toBe(0);
    const fitted = ['epochs', 'given', 'sub-01__run'];
    expect(run.executed.filter((id) => !id.startsWith('collect'))).toEqual([
      ...['epochs', 'sub-01__run', 'sub-02__run'].map((id) => `compute_spectra[${id}]`),
      ...['fit_recording', 'write_fit_sidecar'].flatMap((node) => fitted.map((id) => `${node}[${id}]`)),
    ]);
    const { columns, rows: fits } = await readTsv(rig.path('out/fits.tsv'));
    expect(columns.slice(0, 3)).toEqual(['recording', 'channel', 'trial']);
    expect(fits.map((row) => [row[0], row[1], row[2], row.at(-1)])).toEqual([
      ['epochs', 'Cz', '0', 'ok'],
      ['epochs', 'Pz', '0', 'ok'],
      ['epochs', 'Cz', '1', 'ok'],
      ['epochs', 'Pz', '1', 'ok'],
      ['given', 'Pz', '0', 'ok'],
      ['given', 'Oz', '0', 'ok'],
      ['sub-01/run', 'Fz', '0', 'ok'],
      [
        'sub-02__run',
        null,
        null,
        'skipped: a window of 2 s has 200 samples, the shortest trial 50; give longer recordings, or shorten t_ftimwin',
      ],
    ]);
    const peaks = await readTsv(rig.path('out/epochs_peaks.tsv'));
    expect(peaks.columns.join(' ')).toBe('channel trial center_frequency power bandwidth');
    for (const trial of ['0', '1'])
      expect(peaks.rows.some((row) => row[1] === trial && Math.abs(Number(row[2]) - 10) < 0.5)).toBe(true);
    const model = await readModelContainer(rig.path('out/epochs_model.h5'));
    expect([...model.metadata.keys()]).toEqual(['0_0', '0_1', '1_0', '1_1']);
  });

  test('the sample is described and runs as it is', async () => {
    await using rig = await PipelineRig.create();
    expect((await rig.run(['sample', 'fooof', 'demo'])).exitCode).toBe(0);
    const study = ['-w', 'fooof', '-i', 'demo', '-o', 'out', '-c', 'demo/neuroloom.yaml'];
    const kept = ['--participants', 'sub-02_spectra,deep', '--set', 'fooof.keep_spectra=true'];
    await rig.write('demo/deep.tsv', 'speed\tCz\n1\t2\n');
    const described = await rig.run(['describe', ...study, ...kept, '--json']);
    expect(described.exitCode).toBe(0);
    const axes = ['time', 'taper', 'freq', 'channel'];
    expect(JSON.parse(described.stdout)).toEqual({
      workflow: 'fooof',
      items: [
        {
          ...{ item: 'deep', notes: [], arrays: [], calls: 0, chunk_bytes: 0 },
          refused:
            'deep cannot be read: its first column is "speed"; name the first column frequency (Hz, spectra) or time (s, series)',
        },
        {
          ...{ item: 'sub-02_spectra', refused: null, notes: [], calls: 1, chunk_bytes: 1424 },
          arrays: [
            {
              ...{ file: 'sub-02_spectra_spectra.h5', dataset: 'data', axes, shape: [1, 1, 89, 4] },
              ...{ type: 'float64', bytes: 2848 },
            },
            {
              ...{ file: 'sub-02_spectra_model.h5', dataset: 'data', axes, shape: [1, 1, 89, 4] },
              ...{ type: 'float32', bytes: 1424 },
            },
          ],
        },
      ],
      calls: 1,
      bytes: 4272,
    });
    expect(await rig.list('.')).not.toContain('out');
    expect((await rig.run(['run', ...study, ...kept, '--no-report'])).exitCode).toBe(0);
    expect((await readTsv(rig.path('out/fits.tsv'))).rows).toHaveLength(5);
    expect(await rig.read('out/sub-02_spectra_fits.svg')).toContain('sub-02_spectra: 4 fits');
    expect(JSON.parse(await rig.read('out/sub-02_spectra_fits.vl.json'))).toHaveProperty('vconcat');
    const spectra = await readModelContainer(rig.path('out/sub-02_spectra_spectra.h5'));
    const model = await readModelContainer(rig.path('out/sub-02_spectra_model.h5'));
    expect([spectra.shape, model.shape]).toEqual([[1, 1, 89, 4], [1, 1, 89, 4]]); // prettier-ignore
  });
});
