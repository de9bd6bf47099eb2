import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { TYPESCRIPT_MODULE, typescriptOf } from './transpile.js';

let isEnabled = false;

/**
 * Makes sure that a user's module can be imported when it is TypeScript, and that errors name its own lines. For the
 * whole process, in the parent and in workers, before the module is imported.
 *
 * @param module - file: URL of the module
 * @throws ConfigError LOAD_MODULE when it is TypeScript and its project has no `typescript`
 */
export function ensureTypeScript(module: string): void {
  if (!TYPESCRIPT_MODULE.test(module) || !existsSync(fileURLToPath(module))) return;
  // Here, where the error keeps its cure: what hooks throw arrives as a message.
  typescriptOf(fileURLToPath(module));
  if (isEnabled) return;
  isEnabled = true;
  process.setSourceMapsEnabled(true);
  register(new URL('./typescript-hooks.js', import.meta.url));
}
