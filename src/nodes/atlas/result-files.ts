import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { cToFortran, writeAtomic, writeNifti } from '../../io/index.js';
import type { AtlasStatisticName, AtlasStatistics } from '../../numerics/registration/statistics.js';

/** A written file as metadata list it. */
export interface WrittenFile {
  readonly name: string;
  readonly sha256: string;
}

/** Name of a map below the atlas directory. */
export function mapFileName(name: AtlasStatisticName): string {
  return `atlas_${name}.nii.gz`;
}

/**
 * Writes maps of an atlas with the header of its first subject.
 *
 * @param maps - C order, equal shapes
 * @param place - gives the path for a file name
 * @returns name, path and digest per map, in the order of `names`
 */
export async function writeAtlasMaps(options: {
  readonly maps: AtlasStatistics;
  readonly names: readonly AtlasStatisticName[];
  readonly shape: readonly [number, number, number];
  readonly headerBytes: Uint8Array;
  readonly place: (name: string) => string;
}): Promise<{ name: AtlasStatisticName; path: string; file: WrittenFile }[]> {
  const written = [];
  for (const name of options.names) {
    const fileName = mapFileName(name);
    const path = options.place(fileName);
    const data = cToFortran(options.maps[name], options.shape);
    await writeNifti(path, { shape: options.shape, data, template: options.headerBytes });
    written.push({ name, path, file: { name: fileName, sha256: await sha256OfFile(path) } });
  }
  return written;
}

/** SHA-256 of a file, hex. */
export async function sha256OfFile(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Writes a value as JSON for people and programs; NaN becomes null. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
