import type { InputFile } from '../../engine/port.js';
import { readNpy, readTsv } from '../../io/index.js';

/** Columns of the table of regions of a surface. */
export const REGION_COLUMNS = ['id', 'region', 'network', 'vertices', 'area'] as const;

/** A region of a surface that takes part. */
export interface RegionRow {
  readonly id: number;
  readonly region: string;
  readonly network: string | null;
  readonly vertices: number;
  /** Unit of the coordinates squared. */
  readonly area: number;
}

export async function readRegions({ path }: InputFile): Promise<RegionRow[]> {
  const { rows } = await readTsv(path);
  return rows.map(([id, region, network, vertices, area]) => ({
    id: Number(id),
    region: region ?? '',
    network: network ?? null,
    vertices: Number(vertices),
    area: Number(area),
  }));
}

/** Region of each vertex of the mended mesh, -1 for none. */
export async function readRegionLabels({ path }: InputFile): Promise<Int32Array> {
  return Int32Array.from((await readNpy(path)).data);
}
