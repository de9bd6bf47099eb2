import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PipelineRig } from '../support/pipeline-rig.js';

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

test('the trace sees what a run loads', async () => {
  await using rig = await PipelineRig.create();
  const env = { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') };
  await rig.command(['doctor'], { env });
  const modules = (await rig.read('trace')).split('\n');
  expect(modules.some((url) => url.includes('better-sqlite3'))).toBe(true);
});
