import { readFile } from 'node:fs/promises';

import { ProcessingError } from '../../errors.js';
import { fortranToC, readError, readNifti, type NiftiVolume } from '../../io/index.js';
import { convertFieldSpace } from '../../numerics/registration/field-space.js';
import type { Matrix4, SpatialStep } from '../../numerics/resample/index.js';

const NIFTI_NAME = /\.(nii(\.gz)?|hdr)$/i;
const VECTOR_INTENTS = new Set([1006, 1007]);

/**
 * Reads one step of a transform of world points (RAS mm): a displacement field where the name is that of a NIfTI file,
 * else a 4x4 matrix as plain text.
 *
 * A field is a 5-D volume (X, Y, Z, 1, 3): one of ours, told by its intent name (`voxel_pull`, `ras_mm_pull`,
 * `lps_mm_pull`), or one of ANTs and ITK (intent code 1007, LPS mm).
 *
 * @param file - the path as messages show it
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, SHAPE_MISMATCH; what `readNifti` throws
 */
export async function readTransformStep(path: string, file: string): Promise<SpatialStep> {
  if (NIFTI_NAME.test(path)) return { kind: 'field', field: fieldOf(await readNifti(path), file) };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  return { kind: 'matrix', matrix: parseMatrix(text, file) };
}

/**
 * The 16 numbers of a 4x4 matrix, row by row; `#` starts a comment.
 *
 * @throws ProcessingError FILE_FORMAT when there are others, or when the last row is not 0 0 0 1
 */
export function parseMatrix(text: string, file: string): Matrix4 {
  const rows = text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/[\s,]+/).map(Number));
  const values = rows.flat();
  const isMatrix =
    rows.length === 4 && rows.every((row) => row.length === 4) && values.every(Number.isFinite);
  const lastRow = values.slice(12).join(' ');
  if (isMatrix && lastRow === '0 0 0 1') return values;
  const what = isMatrix
    ? `its last row is ${lastRow}, not 0 0 0 1`
    : 'it does not hold four rows of four numbers';
  throw new ProcessingError('FILE_FORMAT', `${file} is not a 4x4 matrix: ${what}`, {
    where: file,
    cure: 'give a text file with the matrix from patient to atlas world coordinates (RAS mm), or a NIfTI field',
  });
}

function fieldOf(volume: NiftiVolume, file: string) {
  const { shape, header, affine } = volume;
  const [x = 0, y = 0, z = 0] = shape;
  if (shape.length !== 5 || shape[3] !== 1 || shape[4] !== 3) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${file} has shape ${shape.join('x')}, a field has X x Y x Z x 1 x 3`,
      {
        where: file,
        cure: 'give a displacement field of learned_atlas or ANTs',
      },
    );
  }
  const vectors = Float32Array.from(fortranToC(volume.data, shape));
  return { vectorsMm: inWorld(vectors, affine, { ...header, file }), shape: [x, y, z] as const, affine };
}

/** Vectors in RAS mm, whatever space they are written in. */
function inWorld(
  vectors: Float32Array,
  affine: Matrix4,
  { intentCode, intentName, file }: { intentCode: number; intentName: string; file: string },
): Float32Array {
  const name = intentName.replaceAll('\0', '').trim();
  if (name === 'voxel_pull') return convertFieldSpace(vectors, affine, 'ras_mm');
  if (name === 'ras_mm_pull') return vectors;
  if (name === 'lps_mm_pull' || intentCode === 1007) {
    return vectors.map((value, at) => (at % 3 === 2 ? value : -value));
  }
  const intent = VECTOR_INTENTS.has(intentCode)
    ? `intent name ${JSON.stringify(name)}`
    : `intent ${intentCode}`;
  throw new ProcessingError(
    'FILE_FORMAT',
    `${file} does not say in which space its vectors are (${intent})`,
    {
      where: file,
      cure: 'give a field of learned_atlas (voxel_pull, ras_mm_pull, lps_mm_pull) or of ANTs (intent code 1007)',
    },
  );
}
