import { ProcessingError } from '../../errors.js';
import { arraysByName, decodeArrayFile, encodeArrayFile } from './array-file.js';
import { type Shape3, type TrainingGrid, voxelCount } from './grid.js';
import type { TrainingCohort } from './train-units.js';

/** A cohort ready to be trained on, with what a model of it says about the full grid. */
export interface TrainingSet {
  /** One per volume. */
  readonly ids: readonly string[];
  /** Full grid and its voxel-to-world matrix, row-major 4x4. */
  readonly shape: Shape3;
  readonly affine: readonly number[];
  readonly cohort: TrainingCohort;
}

const KIND = 'learned_atlas_training_set';
const SUPPORT = 'union_support';

interface Metadata {
  readonly ids: readonly string[];
  readonly shape: Shape3;
  readonly affine: readonly number[];
  readonly grid: TrainingGrid;
  readonly train_scale: number;
}

/**
 * The bytes of a training set, in the container of docs/learned-atlas-model-format.md. Only voxels where any subject has
 * density are stored: tracts fill a few percent of their box. Equal sets give equal bytes.
 */
export function encodeTrainingSet({ ids, shape, affine, cohort }: TrainingSet): Uint8Array {
  const { grid, trainScale, volumes, unionSupport } = cohort;
  const count = unionSupport.reduce((sum, inside) => sum + inside, 0);
  const metadata: Metadata = { ids, shape, affine, grid, train_scale: trainScale };
  return encodeArrayFile({
    kind: KIND,
    metadata,
    arrays: [
      { name: SUPPORT, shape: grid.padded, values: unionSupport },
      ...volumes.map((volume, index) => ({
        name: `density/${ids[index]!}`,
        shape: [count],
        values: volume.filter((_, voxel) => unionSupport[voxel] !== 0),
      })),
    ],
  });
}

/**
 * Reads what {@link encodeTrainingSet} wrote.
 *
 * @param where - path for messages
 * @throws ProcessingError as `decodeArrayFile`; FILE_FORMAT when an array is missing
 */
export function decodeTrainingSet(bytes: Uint8Array, where: string): TrainingSet {
  const file = decodeArrayFile(bytes, KIND, where);
  const { ids, shape, affine, grid, train_scale: trainScale } = file.metadata as Metadata;
  const arrays = arraysByName(file.arrays);
  const unionSupport = arrays.get(SUPPORT)?.values;
  if (!(unionSupport instanceof Uint8Array)) throw missing(SUPPORT, where);
  const volumes = ids.map((id) => {
    const values = arrays.get(`density/${id}`)?.values;
    if (!(values instanceof Float32Array)) throw missing(`density of ${id}`, where);
    const volume = new Float32Array(voxelCount(grid.padded));
    let next = 0;
    unionSupport.forEach((inside, voxel) => {
      if (inside !== 0) volume[voxel] = values[next++]!;
    });
    return volume;
  });
  return { ids, shape, affine, cohort: { grid, trainScale, volumes, unionSupport } };
}

function missing(name: string, where: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `the training set has no array ${name}`, {
    where,
    cure: 'write the training set again; the file is of another version, or not complete',
  });
}
