import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/own-project.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const CONSUMER = `import { defineNode, port, Workflow, z, type RunResult } from 'neuroloom';
import { readTsv } from 'neuroloom/io';
import { fitSpectrum } from 'neuroloom/numerics';

export const double = defineNode({
  name: 'double', version: 1,
  inputs: { x: port.value(z.number()) },
  outputs: { y: port.value(z.number()) },
  run: ({ x }) => ({ y: 2 * x }),
});
const wf = new Workflow('study');
wf.add(double, { x: 2 });
// @ts-expect-error a text is no number
wf.add(double, { x: 'two' }, { id: 'wrong' });
export const run = (): Promise<RunResult> => wf.run({ outputDir: 'out' });
export const others = [readTsv, fitSpectrum];
`;

/**
 * SQLite is a dependency, and this test is not about its compiler: what was compiled for this checkout is handed on the way
 * that its installer knows. Where there is none it is compiled.
 */
function compiledSqlite(directory: string): Record<string, string> {
  const home = join(ROOT, 'node_modules/better-sqlite3');
  const built = 'build/Release/better_sqlite3.node';
  if (!existsSync(join(home, built))) return {};
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const { platform, arch, versions } = process;
  mkdirSync(directory);
  const name = `better-sqlite3-v${version}-node-v${versions.modules}-${platform}-${arch}.tar.gz`;
  execFileSync('tar', ['-czf', join(directory, name), '-C', home, built]);
  return { npm_config_better_sqlite3_local_prebuilds: directory };
}

test('the packed package installs into an empty project, compiles against, and runs a sample with its own addon', async () => {
  await using rig = await PipelineRig.create();
  const sqlite = compiledSqlite(rig.path('prebuilt'));
  const inProject = (command: string, ...args: string[]): string =>
    execFileSync(command, args, {
      cwd: rig.directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      // As npm is when nobody has set it up: the addon is built at install.
      env: { ...process.env, ...sqlite, npm_config_strict_allow_scripts: 'false' },
    });
  const packed = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', rig.directory],
    { cwd: ROOT, encoding: 'utf8' },
  );
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  await rig.write('package.json', JSON.stringify({ private: true, type: 'module' }));
  // As docs/offline.md says: one machine fills a cache, the other installs from it.
  const cache = ['--cache', './npm-cache'];
  inProject('npm', 'install', ...cache, `./${filename}`, 'typescript@5.9', '@types/node@20');

  const findings = JSON.parse(inProject('npx', 'pipeline', 'doctor', '--json')) as {
    name: string;
    state: string;
  }[];
  for (const name of ['addon', 'sqlite']) {
    expect(findings.find((finding) => finding.name === name)).toMatchObject({ state: 'ok' });
  }
  // The demo of the README.
  inProject('npx', 'pipeline', 'sample', 'learned_atlas', 'cohort');
  const demo = ['-i', 'cohort', '-o', 'out', '-c', 'cohort/neuroloom.yaml'];
  inProject('npx', 'pipeline', 'run', '-w', 'learned_atlas', ...demo);
  inProject('npx', 'pipeline', 'run', '-w', 'atlas', '-i', 'cohort', '-o', 'out');
  expect(existsSync(join(rig.directory, 'out/atlas/atlas_mean.nii.gz'))).toBe(true);
  const evaluation = JSON.parse(await rig.read('out/atlas_learned/evaluation.json')) as {
    median: { relative_reduction: number };
  };
  expect(evaluation.median.relative_reduction).toBeGreaterThan(0.5);
  const report = await rig.report();
  expect(report).toContain('NiiVue');
  expect(report).not.toMatch(/(src|href)="https?:\/\/(?!doi\.org|github\.com)/);

  await rig.write('study.ts', CONSUMER);
  for (const [module, resolution] of [
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ] as const) {
    const options = [
      '--module',
      module,
      '--moduleResolution',
      resolution,
      '--target',
      'es2022',
      '--types',
      'node',
    ];
    const compiled = spawnSync('npx', ['tsc', '--noEmit', '--strict', ...options, 'study.ts'], {
      cwd: rig.directory,
      encoding: 'utf8',
    });
    expect(compiled.stdout).toBe('');
    expect(compiled.status).toBe(0);
  }

  const offline = join(rig.directory, 'offline');
  // A project of its own: without this file npm installs into the one above.
  await rig.write('offline/package.json', JSON.stringify({ private: true }));
  execFileSync(
    'npm',
    ['install', `../${filename}`, '--cache', '../npm-cache', '--offline', '--ignore-scripts'],
    {
      cwd: offline,
      stdio: 'pipe',
    },
  );
  expect(existsSync(join(offline, 'node_modules/.bin/pipeline'))).toBe(true);

  // `npm link` as in the README, into a prefix of its own.
  execFileSync('npm', ['link', '--ignore-scripts', ...cache.slice(0, 1), '../../npm-cache', '--offline'], {
    cwd: join(rig.directory, 'node_modules/neuroloom'),
    stdio: 'pipe',
    env: { ...process.env, npm_config_prefix: join(rig.directory, 'prefix') },
  });
  const linked = execFileSync(join(rig.directory, 'prefix/bin/pipeline'), ['--version'], {
    encoding: 'utf8',
  });
  expect(linked).toMatch(/^\d+\.\d+\.\d+/);

  expect(inProject('npx', 'pipeline', 'init', 'mine')).toBe('');
  expect(JSON.parse(await rig.read('mine/package.json'))).toMatchObject({
    dependencies: { neuroloom: expect.stringMatching(/^\^\d/) as string },
  });
});
