import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const load = createRequire(import.meta.url);
let loaded: typeof Yaml | null = null;

/** The YAML package, loaded when the first text needs it: most commands give plain values and no file. */
export function yamlPackage(): typeof Yaml {
  return (loaded ??= load('yaml') as typeof Yaml);
}
