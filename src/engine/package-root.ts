import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package: the parent of `src` or `dist`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Whether a module (file: URL) is part of this package, as source or built. Tests and examples are not. */
export function isBuiltinModule(url: string): boolean {
  if (!url.startsWith('file:')) return false;
  const relative = path.relative(PACKAGE_ROOT, fileURLToPath(url));
  return relative.startsWith(`src${path.sep}`) || relative.startsWith(`dist${path.sep}`);
}

let version: string | undefined;

/** Version of this package, for records of who made something. */
export function packageVersion(): string {
  if (version === undefined) {
    const text = readFileSync(path.join(PACKAGE_ROOT, 'package.json'), 'utf8');
    version = (JSON.parse(text) as { version: string }).version;
  }
  return version;
}
