import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Folder of the reference data: NEUROLOOM_SHARED, else `../shared` beside the repository. */
export const sharedRoot = resolve(process.env['NEUROLOOM_SHARED'] ?? join(repository, '..', 'shared'));

/** False where the reference data are absent: tests that need them are then skipped, visibly. */
export const hasReference = existsSync(join(sharedRoot, 'reference'));

/** Absolute path of a reference file, e.g. `reference('atlas/golden/golden.json')`. */
export function reference(relativePath: string): string {
  return join(sharedRoot, 'reference', relativePath);
}
