import { realpathSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { join } from 'node:path';
import { isBuiltinModule, PACKAGE_ROOT } from './package-root.js';

const PACKAGE_NAME = 'neuroloom';

let isEnabled = false;

/**
 * Makes sure that a user's module finds this package, and this copy of it, under its name: a module that stands
 * outside every `node_modules`, or next to another copy, would not be found or would register its workflows
 * elsewhere. Changes nothing when the name already leads here. For the whole process, in the parent and in workers,
 * before the module is imported.
 *
 * @param module - file: URL of the module
 */
export function ensureSelfImport(module: string): void {
  if (isEnabled || isBuiltinModule(module) || leadsHere(module)) return;
  isEnabled = true;
  register(new URL('./self-import-hooks.js', import.meta.url), {
    data: { name: PACKAGE_NAME, parentURL: import.meta.url },
  });
}

function leadsHere(module: string): boolean {
  const ours = createRequire(join(PACKAGE_ROOT, 'package.json'));
  try {
    return (
      realpathSync(createRequire(module).resolve(PACKAGE_NAME)) === realpathSync(ours.resolve(PACKAGE_NAME))
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return false;
    throw error;
  }
}
