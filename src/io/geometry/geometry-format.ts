import { open } from 'node:fs/promises';

import { readPrefix } from '../gzip.js';
import { readError } from '../storage-error.js';
import { malformed } from './byte-reader.js';
import { hasMorphLength } from './freesurfer-morph.js';
import { isBinaryStl } from './stl.js';

/** Geometry files that are read, with the integers by which they are known. */
export const GeometryFormat = {
  FREESURFER_SURFACE: 1,
  FREESURFER_ANNOT: 2,
  FREESURFER_MORPH: 3,
  FREESURFER_LABEL: 4,
  GIFTI_SURFACE: 5,
  GIFTI_FUNC: 6,
  GIFTI_LABEL: 7,
  NIFTI_VOLUME: 8,
  MGZ_VOLUME: 9,
  PLY: 10,
  OBJ: 11,
  STL: 12,
  VTK: 13,
  HDF5: 14,
  NUMPY: 15,
} as const;

export type GeometryFormat = (typeof GeometryFormat)[keyof typeof GeometryFormat];

/** The name of a format: `FREESURFER_SURFACE`. */
export function geometryFormatName(format: GeometryFormat): string {
  const entry = Object.entries(GeometryFormat).find(([, value]) => value === format);
  return entry?.[0] ?? String(format);
}

/** What the content is looked at for; GIfTI arrays may be named far into a file, so that names decide there. */
const PREFIX_BYTES = 16 * 1024;

/** Suffixes ask only where the content is silent; the first that fits wins. */
const SUFFIXES: ReadonlyArray<readonly [RegExp, GeometryFormat]> = [
  [/\.surf\.gii(\.gz)?$/, GeometryFormat.GIFTI_SURFACE],
  [/\.label\.gii(\.gz)?$/, GeometryFormat.GIFTI_LABEL],
  [/\.gii(\.gz)?$/, GeometryFormat.GIFTI_FUNC],
  [/\.annot$/, GeometryFormat.FREESURFER_ANNOT],
  [/\.label$/, GeometryFormat.FREESURFER_LABEL],
  [/\.mg[hz]$/, GeometryFormat.MGZ_VOLUME],
  [/\.(nii|nii\.gz|hdr|img)$/, GeometryFormat.NIFTI_VOLUME],
  [/\.ply$/, GeometryFormat.PLY],
  [/\.obj$/, GeometryFormat.OBJ],
  [/\.stl$/, GeometryFormat.STL],
  [/\.vt[kp]$/, GeometryFormat.VTK],
  [/\.(h5|hdf5)$/, GeometryFormat.HDF5],
  [/\.np[yz]$/, GeometryFormat.NUMPY],
  [/\.(thickness|curv|sulc|area|volume|jacobian_white|avg_curv)$/, GeometryFormat.FREESURFER_MORPH],
  [/(^|[./\\])[lr]h\.(pial|white|inflated|sphere|orig|smoothwm)$/, GeometryFormat.FREESURFER_SURFACE],
];

/**
 * The format of a geometry file: by its content, and by its name only where the content does not say. A name may be
 * anything (`lh.area.pial` holds areas, not a surface); a file may be compressed with gzip.
 *
 * @throws ProcessingError FILE_MISSING, or FILE_FORMAT where neither content nor name is known
 */
export async function detectGeometryFormat(path: string): Promise<GeometryFormat> {
  const prefix = readPrefix(path, PREFIX_BYTES);
  const format =
    byContent(prefix, await sizeOfFile(path)) ??
    SUFFIXES.find(([suffix]) => suffix.test(path.toLowerCase()))?.[1];
  if (format !== undefined) return format;
  throw malformed(
    path,
    'its content and its name are of no geometry format',
    'give a FreeSurfer, GIfTI, NIfTI, MGH, PLY, OBJ, STL, VTK, HDF5 or NumPy file',
  );
}

async function sizeOfFile(path: string): Promise<number> {
  try {
    await using file = await open(path, 'r');
    return (await file.stat()).size;
  } catch (error) {
    throw readError(error, path);
  }
}

function byContent(prefix: Buffer, size: number): GeometryFormat | undefined {
  const magic = prefix.toString('latin1', 0, 8);
  if (magic === '\u0089HDF\r\n\u001a\n') return GeometryFormat.HDF5;
  if (magic.startsWith('PK\u0003\u0004') || magic.startsWith('\u0093NUMPY')) return GeometryFormat.NUMPY;
  if (/^ply\r?\n/.test(magic)) return GeometryFormat.PLY;
  if (prefix.length >= 3 && prefix[0] === 0xff && prefix[1] === 0xff) {
    if (prefix[2] === 0xff) {
      return hasMorphLength(prefix, size)
        ? GeometryFormat.FREESURFER_MORPH
        : GeometryFormat.FREESURFER_SURFACE;
    }
    if (prefix[2] === 0xfe || prefix[2] === 0xfd) return GeometryFormat.FREESURFER_SURFACE;
  }
  if (isNifti(prefix)) return GeometryFormat.NIFTI_VOLUME;
  if (isMgh(prefix)) return GeometryFormat.MGZ_VOLUME;
  if (isBinaryStl(prefix, size)) return GeometryFormat.STL;
  return byText(prefix) ?? (isAnnotation(prefix, size) ? GeometryFormat.FREESURFER_ANNOT : undefined);
}

function byText(prefix: Buffer): GeometryFormat | undefined {
  const text = prefix
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (text.startsWith('# vtk DataFile') || /<VTKFile\b/.test(text)) return GeometryFormat.VTK;
  if (/<GIFTI\b/.test(text)) return giftiKind(text);
  if (/^solid\b[^]*\bfacet\b/.test(text)) return GeometryFormat.STL;
  const lines = text.split(/\r?\n/);
  if (/^#/.test(lines[0] ?? '') && /^\s*\d+\s*$/.test(lines[1] ?? '') && isLabelRow(lines[2])) {
    return GeometryFormat.FREESURFER_LABEL;
  }
  return lines.some((line) => /^v\s+[-+.\d]/.test(line)) ? GeometryFormat.OBJ : undefined;
}

function isLabelRow(line: string | undefined): boolean {
  const words = (line ?? '').trim().split(/\s+/).map(Number);
  return line === undefined || line.trim() === '' || (words.length === 5 && words.every(Number.isFinite));
}

/** Undefined where the arrays are named beyond what was read: then the name decides. */
function giftiKind(text: string): GeometryFormat | undefined {
  if (/NIFTI_INTENT_(POINTSET|TRIANGLE)/.test(text)) return GeometryFormat.GIFTI_SURFACE;
  if (/NIFTI_INTENT_LABEL/.test(text)) return GeometryFormat.GIFTI_LABEL;
  return /<DataArray\b/.test(text) ? GeometryFormat.GIFTI_FUNC : undefined;
}

function isNifti(prefix: Buffer): boolean {
  if (prefix.length < 348) return false;
  const header = [prefix.readInt32LE(0), prefix.readInt32BE(0)];
  if (header.includes(540)) return /^n[+i]2\0/.test(prefix.toString('latin1', 4, 7));
  return header.includes(348) && /^n[+i]1\0/.test(prefix.toString('latin1', 344, 348));
}

function isMgh(prefix: Buffer): boolean {
  if (prefix.length < 284 || prefix.readInt32BE(0) !== 1) return false;
  const lengths = [4, 8, 12, 16].map((at) => prefix.readInt32BE(at));
  return lengths.every((length) => length > 0) && [0, 1, 3, 4, 10].includes(prefix.readInt32BE(20));
}

/** A count of pairs that fits into the file, the first of them a vertex of that count. */
function isAnnotation(prefix: Buffer, size: number): boolean {
  if (prefix.length < 12) return false;
  const count = prefix.readInt32BE(0);
  const vertex = prefix.readInt32BE(4);
  return count > 0 && 4 + 8 * count <= size && vertex >= 0 && vertex < count && 4 + 8 * count + 4 <= size;
}
