import { createRequire } from 'node:module';

type Yaml = typeof import('yaml');

const load = createRequire(import.meta.url);
let loaded: Yaml | null = null;

/** The YAML package, loaded when the first text needs it: most commands give plain values and no file. */
export function yamlPackage(): Yaml {
  return (loaded ??= load('yaml') as Yaml);
}
