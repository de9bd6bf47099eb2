import { isAbsolute, resolve } from 'node:path';
import { z, type ZodType } from 'zod';
import { isTree, valueAt, type Path } from './layer.js';
import { allPaths, schemasAt, type Namespaces } from './schema.js';

/** What marks a text of a schema as a path, also in the JSON Schema. */
const FORMAT = 'path';

/**
 * A path in a configuration block: relative to the file that holds it, or to the working directory where a variable or
 * an option gives it. What is loaded is absolute.
 */
export const configPath = z.string().min(1).meta({ format: FORMAT });

/** Makes the values of all `configPath` keys absolute, in place; `baseOf` tells what a key is relative to. */
export function resolvePaths(
  namespaces: Namespaces,
  values: Record<string, unknown>,
  baseOf: (path: Path) => string,
): void {
  for (const [name, schema] of Object.entries(namespaces)) {
    for (const path of allPaths(schema)) {
      const block = valueAt(values[name], path.slice(0, -1));
      const key = path.at(-1)!;
      const given = isTree(block) ? block[key] : undefined;
      if (typeof given !== 'string' || isAbsolute(given) || !isPathKey(schema, path)) continue;
      (block as Record<string, unknown>)[key] = resolve(baseOf([name, ...path]), given);
    }
  }
}

function isPathKey(schema: ZodType, path: Path): boolean {
  return schemasAt(schema, path).some((at) =>
    innerTexts(at).some((text) => text.meta()?.['format'] === FORMAT),
  );
}

/** The schema itself and what it wraps as nullable or default. */
function innerTexts(schema: ZodType): ZodType[] {
  const inner = (schema._zod.def as unknown as { readonly innerType?: ZodType }).innerType;
  return inner === undefined ? [schema] : [schema, ...innerTexts(inner)];
}
