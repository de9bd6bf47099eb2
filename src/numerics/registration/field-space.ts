/** Space in which a displacement field is written. */
export type FieldSpace = 'voxel' | 'ras_mm' | 'ants';

/**
 * Turns a voxel displacement into the vectors of another space.
 *
 * `voxel`: as is. `ras_mm`: `M u`, M the upper-left 3x3 of the affine. `ants`: `diag(-1,-1,1) M u`, the LPS
 * convention of ITK and ANTs.
 *
 * @param displacement - shape (X,Y,Z,3), voxels, C order
 * @param affine - voxel to world (RAS mm), row-major 4x4
 * @returns a new array of the same shape; mm for the two world spaces
 */
export function convertFieldSpace(
  displacement: Float32Array,
  affine: readonly number[],
  space: FieldSpace,
): Float32Array {
  if (space === 'voxel') return displacement.slice();
  const flip = space === 'ants' ? -1 : 1;
  const rows = [flip, flip, 1].map((sign, row) =>
    [0, 1, 2].map((column) => sign * affine[4 * row + column]!),
  );
  const [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = rows as [Row, Row, Row];
  const converted = new Float32Array(displacement.length);
  for (let at = 0; at < displacement.length; at += 3) {
    const i = displacement[at]!;
    const j = displacement[at + 1]!;
    const k = displacement[at + 2]!;
    converted[at] = xx * i + xy * j + xz * k;
    converted[at + 1] = yx * i + yy * j + yz * k;
    converted[at + 2] = zx * i + zy * j + zz * k;
  }
  return converted;
}

type Row = [number, number, number];

/** Length of the displacement in mm: largest and mean over the voxels. */
export function displacementLengthsMm(
  displacement: Float32Array,
  affine: readonly number[],
): { maxMm: number; meanMm: number } {
  const world = convertFieldSpace(displacement, affine, 'ras_mm');
  let maxMm = 0;
  let sum = 0;
  for (let at = 0; at < world.length; at += 3) {
    const length = Math.hypot(world[at]!, world[at + 1]!, world[at + 2]!);
    if (length > maxMm) maxMm = length;
    sum += length;
  }
  return { maxMm, meanMm: world.length === 0 ? 0 : sum / (world.length / 3) };
}
