import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/own-project.js';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

test('the package holds what is built, what builds the addon and what its pages link to, and nothing else', () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const packed = execFileSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [{ files }] = JSON.parse(packed) as [{ files: { path: string }[] }];
  const paths = new Set(files.map(({ path }) => path));

  const rooms = new Set([...paths].map((path) => path.split('/')[0]));
  expect([...rooms].sort()).toEqual([
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    'CITATION.cff',
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'docs',
    'examples',
    'native',
    'package.json',
    'scripts',
  ]);
  expect([...paths].filter((path) => /\.tsbuildinfo$|\.test\.|^dist\/test|\.node$/.test(path))).toEqual([
    'examples/project/test/mean-rate.test.ts',
  ]);
  const native = readdirSync(join(ROOT, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(ROOT.length), entry.name));
  expect(native).toContain('native/binding.gyp');
  expect(native.filter((path) => !paths.has(path))).toEqual([]);

  const { bin, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  for (const target of [...targets, ...Object.values(bin)]) expect(paths).toContain(posix.normalize(target));
  for (const target of Object.values(exports)) {
    // TypeScript takes the first condition that fits.
    if (typeof target !== 'string') expect(Object.keys(target)).toEqual(['types', 'default']);
  }

  const lost = [...paths]
    .filter((path) => /^[^/]+\.md$|^docs\/.*\.md$/.test(path))
    .flatMap((page) =>
      [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) =>
        posix.join(posix.dirname(page), link as string),
      ),
    )
    .filter((target) => !paths.has(target) && ![...paths].some((path) => path.startsWith(`${target}/`)));
  // Measurements belong to the repository.
  expect([...new Set(lost)]).toEqual(['bench/RESULTS.md']);
});
