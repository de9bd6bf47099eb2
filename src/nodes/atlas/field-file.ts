import { cToFortran, writeNifti } from '../../io/index.js';
import { convertFieldSpace, type FieldSpace } from '../../numerics/registration/field-space.js';

/** NIfTI intent of each space: displacement vectors of ours, plain vectors as ANTs reads them. */
const INTENTS: Readonly<Record<FieldSpace, { readonly code: number; readonly name: string }>> = {
  voxel: { code: 1006, name: 'voxel_pull' },
  ras_mm: { code: 1006, name: 'ras_mm_pull' },
  ants: { code: 1007, name: 'lps_mm_pull' },
};

/** Directory of the fields below the atlas directory. */
export const FIELDS_DIRECTORY = 'fields';

/** Name of a field below the atlas directory. */
export function fieldFileName(id: string): string {
  return `${FIELDS_DIRECTORY}/${id}_field.nii.gz`;
}

/**
 * Writes a displacement as a 5-D volume (X, Y, Z, 1, 3): `W(x) = T(x + u(x))`.
 *
 * @param displacement - (X, Y, Z, 3), C order, voxels of the full grid
 * @param headerBytes - header of the first subject
 */
export async function writeField(
  path: string,
  displacement: Float32Array,
  options: {
    readonly shape: readonly [number, number, number];
    readonly affine: readonly number[];
    readonly headerBytes: Uint8Array;
    readonly space: FieldSpace;
  },
): Promise<void> {
  const shape = [...options.shape, 1, 3];
  await writeNifti(path, {
    shape,
    data: cToFortran(convertFieldSpace(displacement, options.affine, options.space), shape),
    template: options.headerBytes,
    intent: INTENTS[options.space],
  });
}
