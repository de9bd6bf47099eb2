import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { expect, test } from 'vitest';
import { installOwnProject, ROOT, startOwnProject } from '../support/own-project.js';
import { PipelineRig } from '../support/pipeline-rig.js';

test('the project of init has right types, its test passes, and a mistake in its TypeScript is told with its place', async () => {
  await using rig = await PipelineRig.create();
  await rig.command(['init', 'study']);
  expect((await rig.command(['init', 'study'])).stderr).toBe(
    'USAGE  study is not empty\n  mend: name a new or an empty directory\n',
  );
  await installOwnProject(rig, 'study');
  const inProject = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, args, { cwd: rig.path('study'), encoding: 'utf8' });
  const compiled = inProject(`${ROOT}/node_modules/typescript/bin/tsc`);
  expect(compiled.stdout).toBe('');
  expect(compiled.status).toBe(0);
  expect(inProject('--test', 'build/test/mean-rate.test.js').stdout).toMatch(/^. pass 3$/m);

  expect((await startOwnProject(rig, 'study')).executed).toHaveLength(4);
  const source = await rig.read('study/src/mean-rate.ts');
  await rig.write('study/src/mean-rate.ts', source.replace('(60 *', '(120 *'));
  expect((await startOwnProject(rig, 'study')).executed).toHaveLength(4);
  expect(await rig.read('study/results/heart_rate.tsv')).toContain('sub-02\t120\n');

  await rig.write('study/src/mean-rate.ts', 'export const meanRate = (: string) => 0;');
  const broken = await startOwnProject(rig, 'study');
  expect(broken.exitCode).toBe(2);
  expect(broken.stderr).toMatch(/^LOAD_MODULE {2}src\/workflow\.ts cannot be loaded: mean-rate\.ts:1:26: /);
});
