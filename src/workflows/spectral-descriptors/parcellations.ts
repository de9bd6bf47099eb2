import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { ConfigError, ProcessingError } from '../../errors.js';
import { atlasScheme, compareIds, type AtlasSchemeInfo } from '../../io/index.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { inputRoot } from './participants.js';
import { pathPattern } from './path-pattern.js';
import type { StudySurface } from './surfaces.js';

type ParcellationConfig = NonNullable<SpectralDescriptorsConfig['parcellation']>;

/** Files of the regions of a surface. */
export interface FoundParcellation {
  /** Absolute; at least one, which need not be there. */
  readonly files: readonly string[];
  readonly isThere: boolean;
}

/**
 * The scheme that the configuration names; null: none.
 *
 * @throws ConfigError CONFIG_VALUE for an unknown name, and where neither a scheme nor files say where regions come from
 */
export function chosenScheme({ atlas, files }: ParcellationConfig): AtlasSchemeInfo | null {
  const where = 'spectral_descriptors.parcellation';
  if (atlas === null) {
    if (files !== null) return null;
    throw new ConfigError('CONFIG_VALUE', 'parcellation: neither atlas nor files are given', {
      where,
      cure: 'set atlas to a scheme such as destrieux, or files to a pattern such as ../label/{hemi}.aparc.annot',
    });
  }
  let scheme: AtlasSchemeInfo;
  try {
    scheme = atlasScheme(atlas);
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    throw new ConfigError('CONFIG_VALUE', `parcellation: ${error.message}`, {
      where: `${where}.atlas`,
      cure: error.cure ?? '',
      cause: error,
    });
  }
  if (files !== null || scheme.files.length > 0) return scheme;
  throw new ConfigError('CONFIG_VALUE', `parcellation: files of ${scheme.id} have no usual place`, {
    where: `${where}.files`,
    cure: 'name them, as a pattern relative to the folder of a surface or to the input',
  });
}

/** Hemisphere of a surface by its name: lh or rh; null where it says none. */
export function hemisphereOfSurface(path: string): 'lh' | 'rh' | null {
  const name = basename(path);
  const word =
    /^([lr]h)\./.exec(name)?.[1] ??
    /hemi-([LR])(?=[_.])/.exec(name)?.[1] ??
    /(?:^|[._-])(lh|rh|L|R|left|right)(?=[._-])/.exec(name)?.[1];
  return word === undefined ? null : /^l/i.test(word) ? 'lh' : 'rh';
}

/**
 * Where the regions of a surface stand. Patterns are relative to the folder of the surface, then to the input; `{hemi}` is lh or
 * rh, `{Hemi}` L or R, `{participant}`, `{structure}` and `{stem}` (the name without ending) as in the tables. The first
 * pattern that finds files counts.
 */
export function findParcellation(
  surface: StudySurface,
  inputDir: string,
  scheme: AtlasSchemeInfo | null,
  files: ParcellationConfig['files'],
): FoundParcellation {
  const hemi = hemisphereOfSurface(surface.path);
  const words: Readonly<Record<string, string>> = {
    ...(hemi === null ? {} : { hemi, Hemi: hemi === 'lh' ? 'L' : 'R' }),
    participant: surface.participant,
    structure: surface.structure,
    stem: surface.name.split('/').at(-1)!,
  };
  const patterns = (files === null ? scheme!.files : [files].flat()).map((pattern) =>
    pattern.replace(
      /\{(hemi|Hemi|participant|structure|stem)\}/g,
      (whole, word: string) => words[word] ?? whole,
    ),
  );
  const roots = [dirname(surface.path), inputRoot(inputDir)];
  for (const pattern of patterns) {
    for (const root of roots) {
      const found = matching(resolve(root, pattern));
      if (found.length > 0) return { files: found, isThere: true };
    }
  }
  return { files: [resolve(roots[0]!, patterns[0] ?? 'parcellation')], isThere: false };
}

/** Files that fit; only the last part of a path may be a pattern. */
function matching(path: string): string[] {
  if (existsSync(path)) return [path];
  const folder = dirname(path);
  if (!/[*?{]/.test(basename(path)) || !existsSync(folder)) return [];
  const rule = pathPattern(basename(path));
  return readdirSync(folder)
    .filter((name) => rule.test(name))
    .sort(compareIds)
    .map((name) => join(folder, name));
}
