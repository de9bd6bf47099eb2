import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { ProcessingError } from '../../errors.js';
import { ATLAS_METADATA_FILE } from '../../nodes/atlas/average-files.js';
import { METADATA_FILE, MODEL_FILE } from '../../nodes/atlas/learned-files.js';
import { mapFileName } from '../../nodes/atlas/result-files.js';
import { ATLAS_STATISTIC_NAMES, type AtlasStatisticName } from '../../numerics/registration/statistics.js';

/** A directory that an atlas workflow wrote: of either kind. */
export interface AtlasDirectory {
  readonly directory: string;
  /** Path of every map that is there, in the order of ATLAS_STATISTIC_NAMES. */
  readonly maps: ReadonlyMap<AtlasStatisticName, string>;
  /** Path of the metadata, or null where there is none. */
  readonly metadata: string | null;
  /** Path of the model of a learned atlas, or null. */
  readonly model: string | null;
  /** null where the metadata do not say it: then the maps are in template space. */
  readonly trainingSpace: string | null;
  readonly normalizationMethod: string | null;
}

/**
 * Looks what there is of an atlas.
 *
 * @returns null when the directory has no `atlas_mean.nii.gz`
 * @throws ProcessingError FILE_FORMAT when the metadata are no JSON object
 */
export function openAtlasDirectory(directory: string): AtlasDirectory | null {
  const found = (name: string): string | null => {
    const path = join(directory, name);
    return existsSync(path) ? path : null;
  };
  const maps = new Map<AtlasStatisticName, string>();
  for (const name of ATLAS_STATISTIC_NAMES) {
    const path = found(mapFileName(name));
    if (path !== null) maps.set(name, path);
  }
  if (!maps.has('mean')) return null;
  const metadata = found(METADATA_FILE) ?? found(ATLAS_METADATA_FILE);
  const said = metadata === null ? {} : readMetadata(metadata);
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const normalization = said['normalization'] as Readonly<Record<string, unknown>> | undefined;
  return {
    directory,
    maps,
    metadata,
    model: found(MODEL_FILE),
    trainingSpace: text(said['training_space']),
    normalizationMethod: text(said['normalization_method']) ?? text(normalization?.['method']),
  };
}

/** True where a path is a directory, also over links. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function readMetadata(path: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new ProcessingError('FILE_FORMAT', `the metadata of the atlas cannot be read: ${path}`, {
      where: path,
      cure: 'copy the file again, or make the atlas anew',
      cause: error,
    });
  }
}
