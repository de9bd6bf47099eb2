import { ProcessingError } from '../../errors.js';
import { arraysByName, decodeArrayFile, encodeArrayFile, type NamedArray } from './array-file.js';
import { thetaName, velocityName } from './mixture-names.js';
import { type Shape3, type TrainingGrid, velocityShapeOf } from './grid.js';
import type { LossSettings, ModelSettings, OptimizerSettings } from './settings.js';

/** Version of the metadata and of the arrays; a reader refuses any other. */
export const MODEL_SCHEMA_VERSION = 1;

const KIND = 'learned_atlas_model';

/** Metadata of a model file: everything a registration of a new subject needs beside the arrays. */
export interface ModelMetadata {
  readonly schema_version: typeof MODEL_SCHEMA_VERSION;
  readonly software_version: string;
  readonly mode: OptimizerSettings['mode'];
  readonly config_digest: string;
  readonly model: ModelSettings;
  readonly loss: LossSettings;
  /** Step of the velocity in instance steps, voxels. */
  readonly direct_lr: number;
  readonly instance_steps: number;
  /** Steps at full resolution after them, where the velocity of the model is on half the grid. */
  readonly instance_full_steps: number;
  /** Full grid and its voxel-to-world matrix, row-major 4x4. */
  readonly shape: Shape3;
  readonly affine: readonly number[];
  readonly grid: TrainingGrid;
  readonly train_scale: number;
  readonly normalization_method: string;
  readonly training_space: string;
  /** Ids in training order. */
  readonly subjects: readonly string[];
  /** Share of each template in the cohort; only with several templates. */
  readonly pi?: readonly number[];
}

/** A trained atlas as it is written: `learned_atlas_model.bin`. */
export interface AtlasModel {
  readonly metadata: ModelMetadata;
  /** Log template `l(T)`, shape `grid.padded`. */
  readonly theta: Float32Array;
  /** Log templates after the first; empty with one template. */
  readonly furtherThetas: readonly Float32Array[];
  /** Voxels where the template may hold mass, shape `grid.padded`. */
  readonly unionSupport: Uint8Array;
  /** Network parameters in their order; empty in direct mode. */
  readonly weights: readonly NamedArray[];
  /** Velocities in direct mode, in the order of `metadata.subjects`, per subject one per template; empty otherwise. */
  readonly velocities: readonly Float32Array[];
}

/**
 * The bytes of a model file (docs/learned-atlas-model-format.md). Equal models give equal bytes.
 *
 * @throws ProcessingError SHAPE_MISMATCH when an array does not fit the grid
 */
export function encodeModelFile(model: AtlasModel): Uint8Array {
  const { grid, subjects } = model.metadata;
  const templates = 1 + model.furtherThetas.length;
  const velocityShape = velocityShapeOf(grid.padded, model.metadata.model.flow_resolution);
  return encodeArrayFile({
    kind: KIND,
    metadata: model.metadata,
    arrays: [
      ...[model.theta, ...model.furtherThetas].map((values, k) => ({
        name: thetaName(k),
        shape: grid.padded,
        values,
      })),
      { name: 'union_support', shape: grid.padded, values: model.unionSupport },
      ...model.weights.map((weight) => ({ ...weight, name: `weight/${weight.name}` })),
      ...model.velocities.map((values, index) => ({
        name: velocityName(subjects[Math.floor(index / templates)]!, index % templates),
        shape: [...velocityShape, 3],
        values,
      })),
    ],
  });
}

/**
 * Reads a model file.
 *
 * @param where - path for messages
 * @throws ProcessingError as `decodeArrayFile`; FILE_FORMAT for another schema version or a missing array
 */
export function decodeModelFile(bytes: Uint8Array, where: string): AtlasModel {
  const file = decodeArrayFile(bytes, KIND, where);
  const metadata = file.metadata as ModelMetadata;
  if (metadata.schema_version !== MODEL_SCHEMA_VERSION) {
    throw new ProcessingError(
      'FILE_FORMAT',
      `model schema ${String(metadata.schema_version)}, this version reads ${MODEL_SCHEMA_VERSION}`,
      { where, cure: 'train the atlas anew with this version' },
    );
  }
  const arrays = arraysByName(file.arrays);
  const need = <T extends Float32Array | Uint8Array>(name: string, type: new () => T): T => {
    const values = arrays.get(name)?.values;
    if (!(values instanceof type)) {
      throw new ProcessingError('FILE_FORMAT', `the model has no array ${name}`, {
        where,
        cure: 'copy the model again; the file is of another version, or not complete',
      });
    }
    return values;
  };
  const templates = Array.from({ length: metadata.model.n_templates }, (_, k) => k);
  return {
    metadata,
    theta: need('theta', Float32Array),
    furtherThetas: templates.slice(1).map((k) => need(thetaName(k), Float32Array)),
    unionSupport: need('union_support', Uint8Array),
    weights: file.arrays
      .filter(({ name }) => name.startsWith('weight/'))
      .map((array) => ({ ...array, name: array.name.slice('weight/'.length) })),
    velocities:
      metadata.mode === 'direct'
        ? metadata.subjects.flatMap((id) => templates.map((k) => need(velocityName(id, k), Float32Array)))
        : [],
  };
}
