/** A cohort of power spectra that is killed again and again ends with the bytes of one that was not. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { formatTsv } from '../../src/io/index.js';
import { simulateSpectrum } from '../../src/numerics/fooof/simulate.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RECORDINGS = 8;

/** Every published file by its path; logs and cache differ between equal runs. */
function published(root: string): Map<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/^(logs|\.neuroloom)\b/.test(name) && statSync(join(root, name)).isFile(),
  );
  return new Map(names.sort().map((name) => [name, readFileSync(join(root, name), 'latin1')]));
}

test('killed in the middle and started again, a cohort has the same bytes; what was done is not done again', async () => {
  await using rig = await PipelineRig.create();
  for (let r = 0; r < RECORDINGS; r++) {
    const noise = { kind: 'log', level: 0.02 } as const;
    const spectra = Array.from({ length: 4 }, (_, c) =>
      simulateSpectrum({ seed: 10 * r + c, nPeaks: c, noise }),
    );
    const rows = [...spectra[0]!.frequenciesHz].map((f, i) => [f, ...spectra.map(({ power }) => power[i]!)]);
    await rig.write(`in/sub-${r}/rest.tsv`, formatTsv(['frequency', 'A', 'B', 'C', 'D'], rows));
  }
  await rig.write('in/broken.tsv', 'frequency\tA\n1\tx\n');
  const run = (output: string, kill?: string) =>
    rig.run(['run', '-w', 'fooof', '-i', 'in', '-o', output, '--set', 'fooof.plots=cohort', '--jobs', '2'], {
      output,
      ...(kill === undefined ? {} : { env: { NEUROLOOM_TEST_KILL: kill } }),
    });
  const whole = await run('whole');
  expect(whole.exitCode).toBe(0);
  for (const kill of ['after-commit:5', 'publish-part-written:20']) {
    expect((await run('killed', kill)).signal).toBe('SIGKILL');
  }
  const resumed = await run('killed');
  expect(resumed.exitCode).toBe(0);
  expect(resumed.executed.length).toBeLessThan(whole.executed.length - 4);
  const [expected, found] = [published(rig.path('whole')), published(rig.path('killed'))];
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, content] of expected) expect(found.get(name) === content, name).toBe(true);
  expect(expected.size).toBeGreaterThan(5 * RECORDINGS);
});
