import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
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

/** The parts among what was loaded. */
function partsOf(urls: readonly string[]): string[] {
  return urls.flatMap((url) => /\/dist\/start\/(\w+)\.\w+\.cjs$/.exec(url)?.[1] ?? []).sort();
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
/** Parts that hold what nodes share, beside those of the nodes themselves. */
const OF_NODES = ['io', 'native', 'common', 'atlas', 'bayes', 'encoding', 'spectral', 'spectrum'];

const HEAVY = new RegExp(
  `@tensorflow|better-sqlite3|\\.node$|/dist/(tensor|native|nodes)/|/dist/start/(${OF_NODES.join('|')})\\.`,
);

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

test('an unchanged run loads what it needs in parts, not module by module', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  expect((await rig.command(RUN)).exitCode).toBe(0);
  const env = { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') };
  const second = await rig.command([...RUN, '--log-format', 'json'], { env });
  expect(second.stderr).toContain('"executed":0');
  const modules = (await rig.read('trace')).trim().split('\n');
  expect(partsOf(modules)).toEqual([
    ...[
      'base',
      'command',
      'files',
      'library',
      'names',
      'run',
      'schemas',
      'settings',
      'study',
      'worker',
      'zod',
    ],
  ]);
  const contents = JSON.parse(readFileSync(CONTENTS, 'utf8')) as Record<string, { modules: string[] }>;
  const placed = new Set(Object.values(contents).flatMap((part) => part.modules));
  const ours = modules
    .filter((url) => !url.includes('/node_modules/'))
    .flatMap((url) => /\/dist\/(?!start\/)(.*)/.exec(url)?.[1] ?? []);
  expect(ours.filter((module) => !placed.has(module))).toEqual([]);
  // What the settings of the built-in workflows import, themselves left aside.
  const schemas = contents['schemas']!.modules.filter((module) => !/\/\w*-?settings\.js$/.test(module));
  expect(schemas.sort()).toEqual(SETTINGS_NEED);
  const packages = modules.flatMap((url) => /node_modules\/([^/]+)\//.exec(url)?.[1] ?? []);
  expect(new Set(packages.filter((name) => !PACKED.includes(name)))).toEqual(
    new Set(['better-sqlite3', 'bindings', 'file-uri-to-path', 'es-module-lexer']),
  );
});

const SOURCES = new URL('../../src/', import.meta.url);

/** Modules of src that are named as files beside the one that names them, not imported: what processes and threads start from. */
function entries(): string[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  );
  const found = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(new URL(file, SOURCES), 'utf8');
      if (!/\bnew URL\(/.test(text)) return [];
      const named = text.matchAll(/(?<!\bfrom |\bimport |\bimport\()'(\.\.?\/[\w./-]+\.js)'/g);
      return [...named].map(([, target]) => posix.join(posix.dirname(file), target!));
    });
  return [...new Set(found)].sort();
}

test('what a process or a thread starts from is a file of its own, in no part', () => {
  const contents = JSON.parse(readFileSync(CONTENTS, 'utf8')) as Record<string, { modules: string[] }>;
  const placed = new Set(Object.values(contents).flatMap((part) => part.modules));
  const started = entries();
  expect(started).toEqual(
    expect.arrayContaining([
      ...['cli/foreground.js', 'cli/report-child.js', 'engine/worker-main.js', 'engine/worker-monitor.js'],
      ...[
        'nodes/spectrum/routine-worker.js',
        'numerics/cpu/parallel-worker.js',
        'tensor/backends/probe-main.js',
      ],
    ]),
  );
  expect(started.filter((module) => placed.has(module))).toEqual([]);
});

/** What a process that imports entries of the library has loaded. */
async function loadedBy(...entries: readonly string[]): Promise<string[]> {
  await using rig = await PipelineRig.create();
  const dist = new URL('../../dist/', import.meta.url).href;
  const script = entries.map((entry) => `await import('${dist}${entry}');`).join('');
  await promisify(execFile)(process.execPath, ['--import', TRACE, '--input-type=module', '-e', script], {
    env: { ...process.env, TRACE_IMPORTS: rig.path('trace') },
  });
  return (await rig.read('trace')).split('\n');
}

test('a worker takes its nodes from parts, without what wires a graph or nodes of other workflows', async () => {
  const urls = await loadedBy('engine/worker-tasks.js', 'nodes/atlas/read-subject.js');
  expect(partsOf(urls)).toEqual(['atlas', 'base', 'common', 'files', 'io', 'schemas', 'worker', 'zod']);
});

test('neuroloom/io loads no schema library, and the modules of Node that are costly only when they are used', async () => {
  const urls = await loadedBy('io/index.js');
  expect(partsOf(urls)).toEqual(['base', 'files', 'io']);
  expect(urls.filter((url) => /^node:(child_process|crypto)$/.test(url))).toEqual([]);
});

test('neuroloom/numerics comes in parts, without what wires a graph or reads a command line', async () => {
  const urls = await loadedBy('numerics.js');
  expect(partsOf(urls)).toContain('numerics');
  expect(partsOf(urls).filter((name) => ['command', 'run', 'settings', 'study'].includes(name))).toEqual([]);
  const contents = JSON.parse(readFileSync(CONTENTS, 'utf8')) as Record<string, { modules: string[] }>;
  const placed = new Set(Object.values(contents).flatMap((part) => part.modules));
  const alone = urls.flatMap((url) => /\/dist\/(?!start\/)(.*)/.exec(url)?.[1] ?? []);
  expect(alone.filter((module) => !placed.has(module))).toEqual([
    'numerics.js',
    'nodes/bayes/bayesian-group.js',
  ]);
});

test('the trace sees what a run loads', async () => {
  await using rig = await PipelineRig.create();
  const env = { NODE_OPTIONS: `--import ${TRACE}`, TRACE_IMPORTS: rig.path('trace') };
  await rig.command(['doctor'], { env });
  const modules = (await rig.read('trace')).split('\n');
  expect(modules.some((url) => url.includes('better-sqlite3'))).toBe(true);
});
