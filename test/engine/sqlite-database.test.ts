import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const module = fileURLToPath(new URL('../../dist/engine/sqlite-database.js', import.meta.url));

const SCRIPT = `
  import { openDatabase } from ${JSON.stringify(module)};
  function use() {
    const db = openDatabase(':memory:', {});
    db.exec('CREATE TABLE t (x)');
    const native = db[Object.getOwnPropertySymbols(db)[0]];
    const statement = db.prepare('SELECT x FROM t');
    const made = [db, native, statement, statement.iterate(), native.prepare('SELECT 1', db, false)];
    for (const row of made[3]) throw new Error(row);
    db.close();
    return made.map((object) => new WeakRef(object));
  }
  const made = use();
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
  console.log(made.map((reference) => reference.deref() !== undefined).join(' '));
`;

test('connections, statements and iterators of a closed index are never collected: Node 24 would abort', () => {
  const out = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', SCRIPT], {
    encoding: 'utf8',
  });
  expect(out).toBe('true true true true true\n');
});

const unloadable = (code: string): string => `
  process.dlopen = () => {
    throw Object.assign(new Error('compiled against a different Node.js version'), { code: '${code}' });
  };
  const { openDatabase } = await import(${JSON.stringify(module)});
  try {
    openDatabase(':memory:', {});
  } catch (error) {
    console.log(error.code + '|' + error.message + '|' + error.cure);
  }
`;

// The second: its loader finds no file at any of its places.
test.each([
  ['for another Node', 'ERR_DLOPEN_FAILED'],
  ['nowhere', 'MODULE_NOT_FOUND'],
])('SQLite that was built %s is told as that, not as a fault of the disk', (_, code) => {
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', unloadable(code)], {
    encoding: 'utf8',
  });
  expect(out).toBe(
    `ADDON_MISSING|SQLite was not built for this Node (${process.version})|run \`npm rebuild better-sqlite3\` in the project with the Node that runs pipeline; nothing in the cache was touched\n`,
  );
});
