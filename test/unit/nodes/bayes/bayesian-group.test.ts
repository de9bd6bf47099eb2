import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { NodeContext } from '../../../../src/engine/node.js';
import { Hdf5File, readTsv, writeTsv } from '../../../../src/io/index.js';
import { bayesianGroup } from '../../../../src/nodes/bayes/bayesian-group.js';
import { cohortRows } from '../../../../src/nodes/bayes/cohort-rows.js';
import { BayesianGroupSettings } from '../../../../src/numerics/bayes/settings.js';
import { seededRandom } from '../../../../src/numerics/random.js';

const PYTHON = '/usr/bin/python3';
const hasXarray = spawnSync(PYTHON, ['-c', 'import xarray, h5netcdf, netCDF4']).status === 0;
// Debian has no ArviZ: a Python that has it is named here.
const ARVIZ = process.env['NEUROLOOM_TEST_ARVIZ'] ?? PYTHON;
const hasArviz = spawnSync(ARVIZ, ['-W', 'ignore', '-c', 'import arviz, h5netcdf']).status === 0;

let root: string;
const warnings: string[] = [];
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'neuroloom-bayes-'));
  const random = seededRandom(2, 'cohort');
  const fits: (string | number | null)[][] = [];
  const people: (string | number | null)[][] = [];
  for (let i = 0; i < 24; i++) {
    const id = `sub-${String(i + 1).padStart(2, '0')}`;
    const isPatient = i % 2 === 0;
    const age = 20 + 2 * i;
    people.push([id, isPatient ? 'patient' : 'control', `site${i % 3}`, age]);
    if (i === 23) continue;
    for (const channel of ['Cz', 'Pz']) {
      const exponent = 1 + (isPatient ? 0.5 : 0) + 0.01 * age + 0.1 * random.normal();
      fits.push([`eeg/${id}_task-rest`, channel, channel === 'Cz' ? exponent : null, random.normal()]);
    }
  }
  await writeTsv(join(root, 'fits.tsv'), ['recording', 'channel', 'exponent', 'offset'], fits);
  await writeTsv(join(root, 'participants.tsv'), ['participant_id', 'group', 'site', 'age'], people);
});
afterAll(() => rmSync(root, { recursive: true }));

const file = (name: string) => ({ path: join(root, name), relPath: name, digest: '', bytes: 0 });

async function run(settings: Partial<BayesianGroupSettings>): Promise<Record<string, string>> {
  const log = { debug: () => 0, info: () => 0, error: () => 0, warn: (text: string) => warnings.push(text) };
  const ctx = {
    outputFile: (name: string) => join(root, name),
    progress: () => undefined,
    log,
    cpus: 2,
    seed: 7,
    signal: new AbortController().signal,
  } as unknown as NodeContext;
  return (await bayesianGroup.run(
    {
      table: file('fits.tsv'),
      participants: file('participants.tsv'),
      settings: BayesianGroupSettings.parse({
        outcome: 'exponent',
        draws: 200,
        tune: 300,
        chains: 2,
        ...settings,
      }),
    },
    ctx,
  )) as Record<string, string>;
}

describe('bayesian_group', () => {
  test('compares two groups of a table of fits, and leaves files that others read', async () => {
    const paths = await run({ group: 'group', groups: ['patient', 'control'], where: { channel: 'Cz' } });
    const { columns, rows } = await readTsv(paths['summary']!);
    const of = (parameter: string, column: string): number =>
      Number(rows.find(([name]) => name === parameter)![columns.indexOf(column)]);
    expect(of('mean_difference', 'q2_5')).toBeLessThan(0.5);
    expect(of('mean_difference', 'q97_5')).toBeGreaterThan(0.5);
    expect(of('mean[patient]', 'mean') - of('mean[control]', 'mean')).toBeCloseTo(
      of('mean_difference', 'mean'),
      10,
    );
    expect(warnings).toContain('sub-24 is left out: no row of the table');
    const report = JSON.parse(readFileSync(paths['report']!, 'utf8')) as Record<string, unknown>;
    expect(report).toMatchObject({ sampling: { model: 'group_difference', random_seed: 7, draws: 200 } });

    const trace = await Hdf5File.open(paths['trace']!);
    const means = trace.read('posterior/mean');
    trace.discard();
    expect(means.shape).toEqual([2, 200, 2]);
    interface Trace {
      posterior: { mean: number[][][] };
      sample_stats: { diverging: boolean[][] };
      coords: Record<string, unknown>;
    }
    const json = JSON.parse(readFileSync(paths['trace_json']!, 'utf8')) as Trace;
    expect(json.posterior.mean[1]![3]![1]).toBe(means.data[(200 + 3) * 2 + 1]);
    expect(typeof json.sample_stats.diverging[0]![0]).toBe('boolean');
    expect(json.coords['mean_dim_0']).toEqual(['patient', 'control']);
  });

  test.skipIf(!hasXarray)(
    'the HDF5 trace opens in xarray with axes and labels named, and flags as yes or no',
    () => {
      const code = `import xarray, sys
for engine in ('h5netcdf', 'netcdf4'):
    p = xarray.open_dataset(sys.argv[1], group='posterior', engine=engine)
    s = xarray.open_dataset(sys.argv[1], group='sample_stats', engine=engine)
    print(p['mean'].dims, p['nu'].dims, p['mean_dim_0'].values.tolist(), p.attrs['inference_library'])
    print(s['diverging'].dtype, s['reached_max_treedepth'].dtype, s['step_size'].dims, int(s['n_steps'].min()) > 0)`;
      const { stdout, stderr } = spawnSync(PYTHON, ['-c', code, join(root, 'trace.h5')], {
        encoding: 'utf8',
      });
      const told = `('chain', 'draw', 'mean_dim_0') ('chain', 'draw') ['patient', 'control'] neuroloom
bool bool ('chain', 'draw') True
`;
      expect(stdout, stderr).toBe(told + told);
    },
  );

  test.skipIf(!hasArviz)(
    'ArviZ reads both traces and finds our R-hat, ESS and Monte Carlo error in them',
    async () => {
      const code = `import arviz, json, sys, warnings
warnings.simplefilter('ignore')
told = []
for trace in (arviz.from_netcdf(sys.argv[1]), arviz.from_json(sys.argv[2])):
    s = arviz.summary(trace, var_names=['mean'], round_to='none')
    told.append([list(s.index), *(s[name].tolist() for name in ('mean', 'mcse_mean', 'ess_bulk', 'ess_tail', 'r_hat'))])
print(json.dumps(told))`;
      const files = [join(root, 'trace.h5'), join(root, 'trace.json')];
      const { stdout, stderr } = spawnSync(ARVIZ, ['-W', 'ignore', '-c', code, ...files], {
        encoding: 'utf8',
      });
      expect(stdout, stderr).not.toBe('');
      const { columns, rows } = await readTsv(join(root, 'summary.tsv'));
      const own = rows.filter(([name]) => name!.startsWith('mean['));
      const of = (column: string): number[] => own.map((row) => Number(row[columns.indexOf(column)]));
      for (const [names, ...numbers] of JSON.parse(stdout) as [string[], ...number[][]][]) {
        expect(names).toEqual(own.map(([name]) => name));
        for (const [i, column] of ['mean', 'mcse_mean', 'ess_bulk', 'ess_tail', 'r_hat'].entries()) {
          for (const [j, value] of of(column).entries())
            expect(numbers[i]![j]! / value, column).toBeCloseTo(1, 6);
        }
      }
    },
  );

  test('regresses with sites, and chooses among descriptors', async () => {
    const regression = await run({ model: 'hierarchical_regression', predictors: ['age'], site: 'site' });
    const slope = (await readTsv(regression['summary']!)).rows.find(([name]) => name === 'slope[age]')!;
    expect(Math.abs(Number(slope[1]) - 0.01)).toBeLessThan(3 * Number(slope[2]));
    const horseshoe = await run({ model: 'horseshoe', outcome: 'age', predictors: ['exponent', 'offset'] });
    const names = (await readTsv(horseshoe['summary']!)).rows.map(([name]) => name);
    expect(names).toContain('shrinkage[offset]');
  });

  test('says what is not there', async () => {
    await expect(run({ group: null })).rejects.toThrow('no column with the groups is named');
    await expect(run({ group: 'site' })).rejects.toThrow(
      'column site has the groups site0, site1, site2; two are compared',
    );
    await expect(run({ outcome: 'slope', group: 'group' })).rejects.toThrow(
      "the table has no column 'slope'",
    );
    await expect(run({ group: 'group', where: { channel: 'Oz' } })).rejects.toThrow(
      'no participant has all columns',
    );
  });
});

test('rows of a participant are averaged, and sub-1 is not sub-10', () => {
  const table = {
    columns: ['id', 'x'],
    rows: [
      ['sub-1', '1'],
      ['a/sub-1_ses-2.surf', '3'],
      ['sub-10', '9'],
      ['2', '5'],
    ],
  };
  const people = { columns: ['participant_id'], rows: [['sub-1'], ['sub-10'], ['sub-2'], ['sub-3']] };
  const { rows, dropped } = cohortRows(table, people, { ofTable: ['x'], ofPeople: [], labels: [] }, {});
  expect(rows.map(({ participant, numbers }) => [participant, numbers['x']])).toEqual([
    ['sub-1', 2],
    ['sub-10', 9],
    ['sub-2', 5],
  ]);
  expect(dropped).toEqual([{ participant: 'sub-3', reason: 'no row of the table' }]);
});
