import { readFile } from 'node:fs/promises';

import { readError } from '../storage-error.js';
import { readTsv } from '../tsv.js';
import { brainVisionCoordinates } from './brainvision.js';
import { readSidecar } from './npy.js';
import { unreadable } from './recording.js';

/** Where channels are: x to the right, y to the front, z up; the unit is that of the file. */
export type ChannelPositions = ReadonlyMap<string, readonly [number, number, number]>;

/** What a file with positions is. */
export const POSITION_ROLES = ['electrodes', 'coordsystem', 'brainvision'] as const;
/** A table of electrodes, the description of its coordinates, or a BrainVision header. */
export type PositionRole = (typeof POSITION_ROLES)[number];

/** Coordinate systems of BIDS whose first axis points to the front and the second to the left. */
const FRONT_LEFT = new Set(['CTF', '4DBti', 'KitYokogawa', 'EEGLAB']);

/**
 * Where channels are: from a table of electrodes (BIDS: `name`, `x`, `y`, `z`), turned as the description of its coordinates says, or
 * else from a BrainVision header. Electrodes without a position are left out.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT
 */
export async function readPositions(
  paths: Readonly<Partial<Record<PositionRole, string>>>,
): Promise<ChannelPositions> {
  if (paths.electrodes !== undefined) {
    const system = paths.coordsystem === undefined ? {} : await readSidecar(paths.coordsystem);
    const name = system['EEGCoordinateSystem'] ?? system['MEGCoordinateSystem'];
    return electrodes(paths.electrodes, FRONT_LEFT.has(String(name)));
  }
  if (paths.brainvision === undefined) return new Map();
  let header: Buffer;
  try {
    header = await readFile(paths.brainvision);
  } catch (error) {
    throw readError(error, paths.brainvision);
  }
  return brainVisionCoordinates(header);
}

async function electrodes(path: string, isFrontLeft: boolean): Promise<ChannelPositions> {
  const { columns, rows } = await readTsv(path);
  const at = ['name', 'x', 'y', 'z'].map((name) => {
    const column = columns.indexOf(name);
    if (column >= 0) return column;
    throw unreadable(path, `it has no column ${name}`, 'give a table with the columns name, x, y and z');
  });
  const found = new Map<string, readonly [number, number, number]>();
  for (const [line, row] of rows.entries()) {
    const [name, ...cells] = at.map((column) => row[column] ?? null);
    if (name === null || cells.includes(null)) continue;
    const [x, y, z] = cells.map(Number) as [number, number, number];
    if (![x, y, z].every(Number.isFinite)) {
      throw unreadable(
        `${path}:${line + 2}`,
        `the position of ${name} is ${cells.join(', ')}`,
        'write numbers, or n/a where a position is not known',
      );
    }
    found.set(name!, isFrontLeft ? [-y, x, z] : [x, y, z]);
  }
  return found;
}
