import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { ConfigError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { unusable } from './input-checks.js';
import { inputRoot } from './participants.js';
import type { StudySurface } from './surfaces.js';

/** What the modes of surfaces are aligned to: one of the study, or a file beside it. */
export type Reference =
  | { readonly kind: 'surface'; readonly id: string; readonly name: string }
  /**
   * `isOfInput`: a surface of the input that is not among those of this run; drawn and mended as they are. `labels` of a
   * volume; null: the file holds the surface itself.
   */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly name: string;
      readonly isOfInput: boolean;
      readonly labels: readonly number[] | null;
    };

/**
 * The reference of every structure: its first usable surface, or what the configuration names: a surface as tables call it, or
 * the path of a file. Surfaces count whether they are computed in this run or not, so that a participant is aligned to the
 * same reference alone and in the cohort.
 *
 * @param found - the surfaces of this run
 * @param all - those of the input
 * @throws ConfigError CONFIG_VALUE for a name that is neither, and for a structure without a reference
 */
export async function findReferences(
  { reference }: NonNullable<SpectralDescriptorsConfig['alignment']>,
  found: readonly StudySurface[],
  all: readonly StudySurface[],
  inputDir: string,
): Promise<Map<string, Reference>> {
  const references = new Map<string, Reference>();
  for (const { structure } of found) {
    if (references.has(structure)) continue;
    if (reference === 'first') {
      const own = all.filter((surface) => surface.structure === structure);
      references.set(structure, referenceTo(await firstUsable(own), found));
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
    references.set(structure, referenceOf(wanted, found, all, inputDir));
  }
  return references;
}

/** The first where none is usable: then each is skipped with its own reason. */
async function firstUsable(surfaces: readonly StudySurface[]): Promise<StudySurface> {
  for (const surface of surfaces) if ((await unusable(surface)) === null) return surface;
  return surfaces[0]!;
}

function referenceTo({ id, name, path, labels }: StudySurface, found: readonly StudySurface[]): Reference {
  return found.some((surface) => surface.id === id)
    ? { kind: 'surface', id, name }
    : { kind: 'file', path, name, labels, isOfInput: true };
}

function referenceOf(
  wanted: string,
  found: readonly StudySurface[],
  all: readonly StudySurface[],
  inputDir: string,
): Reference {
  const surface = all.find(({ id, name }) => id === wanted || name === wanted);
  if (surface !== undefined) return referenceTo(surface, found);
  const path = resolve(inputRoot(inputDir), wanted);
  if (existsSync(path)) return { kind: 'file', path, name: wanted, labels: null, isOfInput: false };
  const near = nearest(
    wanted,
    all.map(({ name }) => name),
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
