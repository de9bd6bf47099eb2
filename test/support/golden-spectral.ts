/** The meshes of reference/spectral and the numbers that belong to them. */
import { readFileSync } from 'node:fs';

import { readSurface, type Surface } from '../../src/io/index.js';
import { reference } from './reference.js';

export const SPECTRAL_MESHES = ['sphere_ico4', 'hipp_closed_sub01L'] as const;
export type SpectralMesh = (typeof SPECTRAL_MESHES)[number];

/** The meshes of reference/spectral that are stored as GIfTI: an open and a folded one. */
const GIFTI_MESHES = {
  hipp_open_sub03L: 'hipp_open_sub03L.surf.gii',
  fsaverage5_pial_left: 'fsaverage5_pial_left.surf.gii.gz',
} as const;

/** The open hippocampus or the pial template, float32 coordinates widened. */
export async function largeSpectralMesh(name: keyof typeof GIFTI_MESHES): Promise<Surface> {
  return readSurface(reference(`spectral/meshes/${GIFTI_MESHES[name]}`));
}

/** A mesh of reference/spectral. */
export type GoldenMesh = SpectralMesh | keyof typeof GIFTI_MESHES;

/** Any of them by name. */
export function goldenMesh(name: GoldenMesh): Promise<Surface> {
  return name in GIFTI_MESHES
    ? largeSpectralMesh(name as keyof typeof GIFTI_MESHES)
    : spectralMesh(name as SpectralMesh);
}

/** A mesh by name, float32 coordinates widened. */
export async function spectralMesh(name: SpectralMesh): Promise<Surface> {
  return readSurface(reference(`spectral/meshes/${name}.ply`));
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the files have no schema; each test names what it reads
export function spectralNumbers(name: string): any {
  return JSON.parse(readFileSync(reference(`spectral/${name}.json`), 'utf8'));
}

/** Largest relative difference; infinite where the lengths differ. */
export function worstRelative(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < theirs.length; i++) {
    const difference = Math.abs(ours[i]! - theirs[i]!) / Math.max(1e-12, Math.abs(theirs[i]!));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
