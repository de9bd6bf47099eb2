import { z } from 'zod';

import { PipelineError, ProcessingError } from '../../errors.js';
import { fortranToC, readNifti, readWaytotal } from '../../io/index.js';
import {
  densityDefect,
  normalizeDensity,
  type NormalizationMethod,
} from '../../numerics/registration/normalization.js';
import { defectText } from './skip-reason.js';

/** What the cohort needs to know of one subject beside its voxels. */
export const SubjectInfo = z.strictObject({
  id: z.string(),
  /** Path of the volume below the cohort root, for messages. */
  file: z.string(),
  shape: z.tuple([z.int(), z.int(), z.int()]),
  /** Voxel to world, row-major 4x4, RAS+, mm. */
  affine: z.array(z.number()).length(16),
  voxel_size_mm: z.tuple([z.number(), z.number(), z.number()]),
  /** null where the normalisation does not use it. */
  waytotal: z.number().nullable(),
  /** What the counts were divided by. */
  normalization_constant: z.number(),
});

export type SubjectInfo = z.infer<typeof SubjectInfo>;

/** One subject ready for an atlas. */
export interface SubjectVolume {
  readonly kind: 'usable';
  /** Normalised density, float32, C order. */
  readonly density: Float32Array;
  /** Raw header, the template of what is written for the cohort. */
  readonly headerBytes: Uint8Array;
  readonly info: SubjectInfo;
}

/** A subject that the cohort goes without. */
export interface UnusableSubject {
  readonly kind: 'skipped';
  /** `missing`, or one of `unreadable`, `non_finite`, `negative`, `no_mass` with `: ` and a sentence. */
  readonly reason: string;
}

/**
 * Reads, checks and normalises the tract density volume of one subject.
 *
 * A file that is missing, broken or without usable density is a value, not an error. What is broken is told without
 * the directory, so that the reason does not depend on where the cohort lies.
 *
 * @throws ProcessingError SHAPE_MISMATCH for a volume that is not 3-D, AFFINE_SINGULAR, or WAYTOTAL
 * @see spec/learned_atlas.md 1.1 to 1.3
 */
export async function readSubjectVolume(subject: {
  readonly id: string;
  readonly volume: string;
  readonly waytotal: string | null;
  /** Path below the cohort root. */
  readonly file: string;
  readonly method: NormalizationMethod;
}): Promise<SubjectVolume | UnusableSubject> {
  const { id, volume: path, file, method } = subject;
  let volume;
  try {
    volume = await readNifti(path);
  } catch (error) {
    return unusable(error, path, file);
  }
  const [x, y, z, ...more] = volume.shape;
  if (x === undefined || y === undefined || z === undefined || more.length > 0) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${file} has ${volume.shape.length} axes (${volume.shape.join('x')}), not 3`,
      { where: file, cure: 'give one 3-D tract density volume per subject' },
    );
  }
  const defect = densityDefect(volume.data);
  if (defect !== null) return { kind: 'skipped', reason: defectText(defect) };
  const waytotal = method === 'waytotal' && subject.waytotal !== null ? readWaytotal(subject.waytotal) : null;
  const { data, constant } = normalizeDensity(volume.data, method, waytotal);
  return {
    kind: 'usable',
    density: fortranToC(data, volume.shape),
    headerBytes: volume.headerBytes,
    info: {
      id,
      file,
      shape: [x, y, z],
      affine: [...volume.affine],
      voxel_size_mm: [...volume.voxelSizeMm],
      waytotal,
      normalization_constant: constant,
    },
  };
}

/** Problems of the file are a reason to go without the subject; everything else is an error. */
export const FILE_PROBLEMS: ReadonlySet<string> = new Set([
  'FILE_TRUNCATED',
  'FILE_CORRUPT',
  'FILE_FORMAT',
  'IO_DENIED',
]);

function unusable(error: unknown, path: string, file: string): UnusableSubject {
  if (!(error instanceof PipelineError)) throw error;
  if (error.code === 'FILE_MISSING') return { kind: 'skipped', reason: 'missing' };
  if (!FILE_PROBLEMS.has(error.code)) throw error;
  return { kind: 'skipped', reason: `unreadable: ${error.message.replaceAll(path, file)}` };
}
