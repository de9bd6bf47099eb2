import { ProcessingError } from '../errors.js';

/** 4x4 voxel to world matrix, row-major (16 numbers), RAS+, mm. */
export type Affine = readonly number[];

export interface AffineFields {
  readonly sformCode: number;
  readonly qformCode: number;
  /** Twelve numbers: the rows srow_x, srow_y, srow_z. */
  readonly srow: readonly number[];
  /** pixdim[0..7]; pixdim[0] is the handedness of the qform. */
  readonly pixdim: readonly number[];
  /** quatern_b, quatern_c, quatern_d. */
  readonly quaternion: readonly [number, number, number];
  /** qoffset_x, qoffset_y, qoffset_z, mm. */
  readonly offset: readonly [number, number, number];
}

/**
 * Voxel to world matrix of a header: the sform where its code is above 0, else the qform where its code is above 0,
 * else the voxel sizes on the diagonal (spec/learned_atlas.md 1.2). A qform code above the sform code does not win.
 */
export function affineOf(fields: AffineFields): Affine {
  if (fields.sformCode > 0) return [...fields.srow, 0, 0, 0, 1];
  if (fields.qformCode > 0) return qformAffine(fields);
  const [, x = 1, y = 1, z = 1] = fields.pixdim;
  return [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1];
}

/** Matrix of the unit quaternion (a, b, c, d), a >= 0, times voxel sizes; pixdim[0] = -1 turns the third axis. */
function qformAffine({ pixdim, quaternion, offset }: AffineFields): Affine {
  let [b, c, d] = quaternion;
  const norm = b * b + c * c + d * d;
  let a = Math.sqrt(Math.max(0, 1 - norm));
  if (norm > 1) {
    // Rounding in float32 can leave a length just above 1: a half turn about the normalised axis.
    const length = Math.sqrt(norm);
    [a, b, c, d] = [0, b / length, c / length, d / length];
  }
  const [handedness = 1, sx = 1, sy = 1, size = 1] = pixdim;
  const sz = handedness < 0 ? -size : size;
  const [ox, oy, oz] = offset;
  return [
    (a * a + b * b - c * c - d * d) * sx,
    2 * (b * c - a * d) * sy,
    2 * (b * d + a * c) * sz,
    ox,
    2 * (b * c + a * d) * sx,
    (a * a + c * c - b * b - d * d) * sy,
    2 * (c * d - a * b) * sz,
    oy,
    2 * (b * d - a * c) * sx,
    2 * (c * d + a * b) * sy,
    (a * a + d * d - b * b - c * c) * sz,
    oz,
    0,
    0,
    0,
    1,
  ];
}

/** Determinant of the upper left 3x3 part, mm^3 per voxel with sign. */
export function affineDeterminant(m: Affine): number {
  const [a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0] = m;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/**
 * Voxel size: the length of each of the first three columns, mm.
 *
 * @throws ProcessingError AFFINE_SINGULAR when the matrix has no inverse or holds a number that is not finite
 */
export function voxelSizeOf(affine: Affine, path: string): readonly [number, number, number] {
  const column = (j: number): number => Math.hypot(affine[j] ?? 0, affine[4 + j] ?? 0, affine[8 + j] ?? 0);
  const size = [column(0), column(1), column(2)] as const;
  const volume = Math.abs(affineDeterminant(affine));
  // Relative to the box of the three columns: below this the axes lie in one plane up to rounding.
  if (!affine.every(Number.isFinite) || !(volume > 1e-9 * size[0] * size[1] * size[2])) {
    throw new ProcessingError('AFFINE_SINGULAR', `the voxel to world matrix of ${path} cannot be inverted`, {
      where: path,
      cure: 'repair sform and qform of the header (fslorient, nibabel)',
    });
  }
  return size;
}

/** Largest absolute difference of the 16 entries; NaN where one of them is not a number. */
export function affineDifference(a: Affine, b: Affine): number {
  let largest = 0;
  for (let i = 0; i < 16; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (Number.isNaN(difference)) return NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}
