import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { ConfigError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { inputRoot } from './participants.js';
import type { StudySurface } from './surfaces.js';

/** What the modes of surfaces are aligned to: one of the study, or a file beside it. */
export type Reference =
  | { readonly kind: 'surface'; readonly id: string; readonly name: string }
  | { readonly kind: 'file'; readonly path: string; readonly name: string };

/**
 * The reference of every structure: the first surface of the structure, or what the configuration names: a surface as tables
 * call it, or the path of a file.
 *
 * @throws ConfigError CONFIG_VALUE for a name that is neither, and for a structure without a reference
 */
export function findReferences(
  { reference }: NonNullable<SpectralDescriptorsConfig['alignment']>,
  found: readonly StudySurface[],
  inputDir: string,
): Map<string, Reference> {
  const references = new Map<string, Reference>();
  for (const { structure, id, name } of found) {
    if (references.has(structure)) continue;
    if (reference === 'first') {
      references.set(structure, { kind: 'surface', id, name });
      continue;
    }
    const wanted = typeof reference === 'string' ? reference : reference[structure];
    if (wanted === undefined) {
      const near = nearest(structure, Object.keys(reference));
      throw new ConfigError(
        'CONFIG_VALUE',
        `alignment: no reference for the structure ${structure}${near === null ? '' : ` (there is one for ${near})`}`,
        {
          where: 'spectral_descriptors.alignment.reference',
          cure: `add ${structure}, or choose surfaces with spectral_descriptors.surfaces`,
        },
      );
    }
    references.set(structure, referenceOf(wanted, found, inputDir));
  }
  return references;
}

function referenceOf(wanted: string, found: readonly StudySurface[], inputDir: string): Reference {
  const surface = found.find(({ id, name }) => id === wanted || name === wanted);
  if (surface !== undefined) return { kind: 'surface', id: surface.id, name: surface.name };
  const path = resolve(inputRoot(inputDir), wanted);
  if (existsSync(path)) return { kind: 'file', path, name: wanted };
  const near = nearest(
    wanted,
    found.map(({ name }) => name),
  );
  throw new ConfigError(
    'CONFIG_VALUE',
    `alignment: ${wanted} is no surface of the study and no file${near === null ? '' : `; did you mean ${near}?`}`,
    {
      where: 'spectral_descriptors.alignment.reference',
      cure: "name a surface as in surfaces.tsv, the path of a file relative to the input, or 'first'",
    },
  );
}
