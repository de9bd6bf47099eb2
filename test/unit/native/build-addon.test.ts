import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { temporaryDirectory } from '../../support/temporary.js';

const script = fileURLToPath(new URL('../../../scripts/build-addon.mjs', import.meta.url));
const root = temporaryDirectory();

/** A repository of its own: the script, one source, headers, and a node-gyp that notes how it was called. */
function repository(name: string, nodeGyp: string): { path: (file: string) => string; run: Run } {
  const path = (file: string): string => join(root, name, file);
  for (const folder of ['scripts', 'native', 'headers/include/node']) mkdirSync(path(folder), { recursive: true });
  cpSync(script, path('scripts/build-addon.mjs'));
  writeFileSync(path('native/addon.cc'), '// first');
  writeFileSync(path('headers/include/node/node_api.h'), '');
  writeFileSync(path('node-gyp.cjs'), nodeGyp);
  const env = { npm_config_node_gyp: path('node-gyp.cjs'), npm_config_nodedir: path('headers') };
  const run: Run = (...args) =>
    spawnSync(process.execPath, [path('scripts/build-addon.mjs'), ...args], { encoding: 'utf8', env });
  return { path, run };
}

type Run = (...args: string[]) => { status: number | null; stdout: string; stderr: string };

const WORKING = `
  const { appendFileSync, mkdirSync, copyFileSync } = require('node:fs');
  appendFileSync(__dirname + '/calls', process.argv.slice(2).join(' ') + '\\n');
  mkdirSync('build/Release', { recursive: true });
  copyFileSync('addon.cc', 'build/Release/neuroloom_native.node');
`;

test('the addon is built once, and again when a source changes', () => {
  const { path, run } = repository('working', WORKING);
  const calls = (): string[] => readFileSync(path('calls'), 'utf8').trim().split('\n');
  expect(run()).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(readFileSync(path('build/Release/neuroloom_native.node'), 'utf8')).toBe('// first');
  expect(calls()).toEqual([
    `configure build --release -j 2 --directory ${path('build/native')} --nodedir ${path('headers')}`,
  ]);
  run();
  expect(calls()).toHaveLength(1);

  writeFileSync(path('native/addon.cc'), '// second');
  run();
  expect(calls()).toHaveLength(2);
  expect(readFileSync(path('build/Release/neuroloom_native.node'), 'utf8')).toBe('// second');
  expect(existsSync(path('native/build'))).toBe(false);
  run('--force');
  expect(calls()).toHaveLength(3);
});

test('a failed build is one warning that says how to mend it, and the old addon is gone', () => {
  const { path, run } = repository('failing', WORKING);
  run();
  writeFileSync(path('node-gyp.cjs'), `console.error('gyp ERR! stack Error: not found: make'); process.exitCode = 1;`);
  writeFileSync(path('native/addon.cc'), '// second');
  const message =
    "the native kernels of neuroloom could not be built, so device 'cpu' will use the slow portable kernels, which are " +
    'good for tests and tiny grids only. To mend it, install a C++17 compiler (GCC or Clang), make and Python 3, then ' +
    'run `npm run build:addon`; without network access set npm_config_nodedir to a folder that holds include/node. ' +
    'The reason was:\n  gyp ERR! stack Error: not found: make\n';
  expect(run()).toMatchObject({ status: 0, stdout: '', stderr: `warning: ${message}` });
  expect(existsSync(path('build/Release/neuroloom_native.node'))).toBe(false);
  expect(run('--strict')).toMatchObject({ status: 1, stdout: '', stderr: `error: ${message}` });

  writeFileSync(path('node-gyp.cjs'), WORKING);
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  expect(existsSync(path('build/Release/neuroloom_native.node'))).toBe(true);
});
