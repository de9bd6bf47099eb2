import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { closureDigest, codeDigests, importClosure } from '../../../src/engine/closure-digest.js';
import { readVolume } from '../../support/engine-nodes.js';
import { TemporaryDirectory } from '../../support/cache-rig.js';

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
}

const PROJECT = {
  'nodes/main.mjs': `import { a } from '../lib/a.mjs'; import fs from 'node:fs'; import { defineNode } from 'neuroloom';
    import pkg from 'pkg'; export const later = () => import('./later.mjs'); export * from './again.mjs';`,
  'nodes/later.mjs': `export const x = 1;`,
  'nodes/again.mjs': `import './main.mjs';`,
  'lib/a.mjs': `import table from './table.json' with { type: 'json' }; export const a = table;`,
  'lib/table.json': `{"a":1}`,
  'lib/unused.mjs': `export {};`,
  'node_modules/pkg/package.json': `{"name":"pkg","version":"1.2.3"}`,
  'node_modules/pkg/index.js': `export default 1;`,
};

const digestOf = async (root: string): Promise<string> =>
  closureDigest(await importClosure(path.join(root, 'nodes/main.mjs')));

describe('import closure', () => {
  test('holds every file that is imported, directly or not, and packages by version', async () => {
    using tmp = new TemporaryDirectory();
    write(tmp.path, PROJECT);
    const closure = await importClosure(tmp.join('nodes/main.mjs'));
    expect([...closure.keys()]).toEqual([
      '../lib/a.mjs',
      '../lib/table.json',
      'again.mjs',
      'later.mjs',
      'main.mjs',
      'pkg',
    ]);
    expect(closure.get('pkg')).toBe('1.2.3');
  });

  test('its digest follows every file and version in it, and neither others nor the place', async () => {
    using tmp = new TemporaryDirectory();
    write(tmp.join('p'), PROJECT);
    const base = await digestOf(tmp.join('p'));
    const seen = new Set([base]);
    for (const [name, text] of [
      ['lib/a.mjs', `export const a = 2;`],
      ['lib/a.mjs', `import table from './table.json' with { type: 'json' }; export const a = [table];`],
      ['lib/table.json', `{"a":2}`],
      ['nodes/later.mjs', `export const x = 2;`],
      ['node_modules/pkg/package.json', `{"name":"pkg","version":"1.2.4"}`],
    ] as const) {
      write(tmp.join('p'), { [name]: text });
      seen.add(await digestOf(tmp.join('p')));
    }
    expect(seen.size).toBe(6);
    write(tmp.join('p'), { ...PROJECT, 'lib/unused.mjs': `export const changed = 1;` });
    expect(await digestOf(tmp.join('p'))).toBe(base);
    renameSync(tmp.join('p'), tmp.join('q'));
    expect(await digestOf(tmp.join('q'))).toBe(base);
  });

  test('a missing import and a module that cannot be parsed are named', async () => {
    using tmp = new TemporaryDirectory();
    write(tmp.path, { 'a.mjs': `import './b.mjs';`, 'c.mjs': `import { from 'x` });
    await expect(importClosure(tmp.join('a.mjs'))).rejects.toMatchObject({
      code: 'NODE_DEFINITION',
      message: 'imports ./b.mjs, which does not exist',
      where: tmp.join('a.mjs'),
    });
    await expect(importClosure(tmp.join('c.mjs'))).rejects.toMatchObject({
      code: 'NODE_DEFINITION',
      message: 'this module cannot be parsed, so its code cannot be identified',
      where: tmp.join('c.mjs'),
    });
  });

  test('nodes of users have a code digest, built-in nodes have their version', async () => {
    using tmp = new TemporaryDirectory();
    write(tmp.path, PROJECT);
    const user = { ...readVolume, module: pathToFileURL(tmp.join('nodes/main.mjs')).href };
    const builtin = { ...readVolume, module: new URL('../../../src/nodes/any.ts', import.meta.url).href };
    const digests = await codeDigests([user, builtin]);
    expect(digests.get(user.module)).toBe(await digestOf(tmp.path));
    expect(digests.get(builtin.module)).toBeNull();
  });
});
