import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PipelineRig } from '../support/pipeline-rig.js';
import { letterRig, RUN } from './letters.js';

const TRACE = fileURLToPath(new URL('./fixtures/trace-imports.mjs', import.meta.url));

async function modulesOf(args: readonly string[]): Promise<{ modules: string[]; stdout: string }> {
  await using rig = await PipelineRig.create();
  const result = await rig.command(args, {
    env: { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') },
  });
  expect(result.stderr).toBe('');
  expect(result.exitCode).toBe(0);
  return { modules: (await rig.read('trace')).trim().split('\n'), stdout: result.stdout };
}

const CONTENTS = new URL('../../dist/start/contents.json', import.meta.url);
/** Modules that the settings of a workflow import and that are none themselves. */
const SETTINGS_NEED = [
  'numerics/registration/grid.js',
  'numerics/registration/normalization.js',
  'numerics/registration/statistics.js',
];
/** Packages whose code is in a part. */
const PACKED = ['@dagrejs', 'commander', 'eventemitter3', 'p-queue', 'p-timeout', 'zod'];

const HEAVY = /@tensorflow|better-sqlite3|\.node$|\/dist\/(tensor|native|nodes)\//;

test.each([
  [['--help'], 'Examples:'],
  [['run', '--help'], 'Examples:'],
  [['list'], 'atlas'],
  [['config', 'schema'], '"$schema"'],
])('pipeline %j loads no tensor, native or SQLite code', async (args, expected) => {
  const { modules, stdout } = await modulesOf(args);
  expect(stdout).toContain(expected);
  expect(modules.length).toBeGreaterThan(5);
  expect(modules.filter((url) => HEAVY.test(url))).toEqual([]);
});

test('help loads no schema library, no YAML parser and no engine beside the version', async () => {
  const { modules } = await modulesOf(['--help']);
  const engine = modules.filter((url) => /\/dist\/engine\//.test(url));
  expect(modules.filter((url) => /node_modules\/zod\/|\/dist\/config\//.test(url))).toEqual([]);
  expect(engine.map((url) => url.replace(/.*\/dist/, 'dist'))).toEqual(['dist/engine/package-root.js']);
});

test('an unchanged run loads what it needs in three parts, not module by module', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  expect((await rig.command(RUN)).exitCode).toBe(0);
  const env = { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') };
  const second = await rig.command([...RUN, '--log-format', 'json'], { env });
  expect(second.stderr).toContain('"executed":0');
  const modules = (await rig.read('trace')).trim().split('\n');
  const parts = modules.flatMap((url) => /\/dist\/start\/(\w+)\.\w+\.cjs$/.exec(url)?.[1] ?? []);
  expect(parts.sort()).toEqual(['command', 'run', 'study']);
  const contents = JSON.parse(readFileSync(CONTENTS, 'utf8')) as Record<string, { modules: string[] }>;
  const placed = new Set(Object.values(contents).flatMap((part) => part.modules));
  const ours = modules
    .filter((url) => !url.includes('/node_modules/'))
    .flatMap((url) => /\/dist\/(?!start\/)(.*)/.exec(url)?.[1] ?? []);
  // Beside what is in the parts: settings of the built-in workflows, and what these extend.
  const others = ours.filter((module) => !placed.has(module)).sort();
  expect(others.filter((module) => !/\/(config|\w*-?settings)\.js$/.test(module))).toEqual(SETTINGS_NEED);
  const packages = modules.flatMap((url) => /node_modules\/([^/]+)\//.exec(url)?.[1] ?? []);
  expect(new Set(packages.filter((name) => !PACKED.includes(name)))).toEqual(
    new Set(['better-sqlite3', 'bindings', 'file-uri-to-path', 'es-module-lexer']),
  );
});

test('the trace sees what a run loads', async () => {
  await using rig = await PipelineRig.create();
  const env = { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') };
  await rig.command(['doctor'], { env });
  const modules = (await rig.read('trace')).split('\n');
  expect(modules.some((url) => url.includes('better-sqlite3'))).toBe(true);
});
