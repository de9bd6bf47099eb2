import { existsSync } from 'node:fs';

const HEADER = /\.hdr(\.gz)?$/i;
const VOXELS = /\.img(\.gz)?$/i;

/** True for the names of the header of a pair (`.hdr`, `.hdr.gz`). */
export function isPairHeader(path: string): boolean {
  return HEADER.test(path);
}

/** The header of the pair that a voxel file (`.img`, `.img.gz`) belongs to; any other path as it is. */
export function headerOfPair(path: string): string {
  return besides(path, VOXELS, 'hdr') ?? path;
}

/** The voxel file of the pair that a header belongs to, which need not exist; null where the name is no header's. */
export function voxelsOfPair(path: string): string | null {
  return besides(path, HEADER, 'img');
}

/**
 * The voxel files of the `.hdr`/`.img` pairs among some paths: what a step reads beside the files that it was given,
 * and what has to be part of its key.
 */
export function pairVoxels(paths: readonly string[]): string[] {
  return paths.flatMap((path) => voxelsOfPair(path) ?? (VOXELS.test(path) ? [path] : []));
}

/** The other file of a pair: in the same case, plain or compressed, whichever is there; plain when neither is. */
function besides(path: string, own: RegExp, other: 'hdr' | 'img'): string | null {
  const match = own.exec(path);
  if (match === null) return null;
  const upper = match[0].startsWith('.HDR') || match[0].startsWith('.IMG');
  const plain = `${path.slice(0, match.index)}.${upper ? other.toUpperCase() : other}`;
  return existsSync(plain) || !existsSync(`${plain}.gz`) ? plain : `${plain}.gz`;
}
