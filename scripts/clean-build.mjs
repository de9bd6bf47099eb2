// Makes dist agree with src before the compiler writes what changed: outputs whose source is gone are removed, and where
// an output is missing everything is, the compiler's memory of the last build too.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the compiler remembers of the last build. */
const MEMORY = 'build.tsbuildinfo';
const root = fileURLToPath(new URL('..', import.meta.url));
const [src, dist] = [join(root, 'src'), join(root, 'build', 'modules')];
const below = (directory) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));

if (existsSync(dist)) {
  const sources = below(src)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
  const wanted = new Set(sources.flatMap((stem) => [`${stem}.js`, `${stem}.d.ts`]));
  const there = new Set(below(dist));
  const memory = join(dist, MEMORY);
  const built = there.has(MEMORY) ? JSON.parse(readFileSync(memory, 'utf8')).fileNames : [];
  const lost = built
    .map((file) => relative(src, join(dist, file)))
    .filter((file) => !file.startsWith('..'))
    .some((file) => wanted.has(file.replace(/ts$/, 'js')) && !there.has(file.replace(/ts$/, 'js')));
  if (built.length === 0 || lost) {
    rmSync(dist, { recursive: true, force: true });
  } else {
    for (const file of there) if (!wanted.has(file) && file !== MEMORY) rmSync(join(dist, file));
  }
}
