/** Values of voxels back in the space that their data came from. */
import { readFile } from 'node:fs/promises';

import { writeGifti, writeNifti } from '../../io/index.js';
import type { RecordingInfo } from './recording-info.js';

export interface NamedValues {
  readonly name: string;
  /** One per fitted voxel. */
  readonly values: ArrayLike<number>;
}

/**
 * A file per map: NIfTI on the grid of the data, GIfTI with a value per vertex; nothing for tables and arrays. Voxels
 * that were not fitted, and those outside the mask, are NaN.
 *
 * @param places - of the fitted voxels among all of the data
 * @param header - raw header of the volume that the data came from
 * @param pathOf - gives the path for a file name
 */
export async function writeMaps(request: {
  readonly info: RecordingInfo;
  readonly places: ArrayLike<number>;
  readonly header: string | null;
  readonly maps: readonly NamedValues[];
  readonly pathOf: (fileName: string) => string;
}): Promise<string[]> {
  const { info, places, maps, pathOf } = request;
  if (info.source !== 'volume' && info.source !== 'surface') return [];
  const template = request.header === null ? null : await readFile(request.header);
  const written = [];
  for (const { name, values } of maps) {
    if (info.source === 'surface') {
      const data = new Float32Array(info.grid[0]!).fill(NaN);
      for (let i = 0; i < places.length; i++) data[places[i]!] = values[i]!;
      const path = pathOf(`${name}.func.gii`);
      await writeGifti(path, {
        arrays: [{ intent: 'NONE', shape: [data.length], data, metadata: { Name: name } }],
      });
      written.push(path);
      continue;
    }
    const [nx = 1, ny = 1, nz = 1] = info.grid;
    const data = new Float32Array(nx * ny * nz).fill(NaN);
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      const k = place % nz;
      const j = Math.floor(place / nz) % ny;
      data[Math.floor(place / (ny * nz)) + nx * (j + ny * k)] = values[i]!;
    }
    const path = pathOf(`${name}.nii.gz`);
    await writeNifti(path, { shape: [nx, ny, nz], data, template: template! });
    written.push(path);
  }
  return written;
}
