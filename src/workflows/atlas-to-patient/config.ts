import { z } from 'zod';

import { configPath } from '../../config/index.js';

const patientPath = z.string().min(1);

/** Configuration block `atlas_to_patient` (spec/learned_atlas.md 10). */
export const AtlasToPatientConfig = z
  .strictObject({
    atlas_dir: configPath
      .nullable()
      .default(null)
      .describe('Directory that the workflow atlas or learned_atlas wrote; required'),
    reference: patientPath
      .nullable()
      .default(null)
      .describe(
        'Image whose grid the maps are brought to: below the patient directory, or absolute; {subject} stands for ' +
          'its name; null: atlas.tractography_relpath',
      ),
    transform: z
      .union([z.enum(['identity', 'register']), patientPath, z.array(patientPath).min(1)])
      .default('identity')
      .describe(
        'From patient to atlas world: identity; register (the learned model predicts a field from ' +
          'atlas.tractography_relpath); a 4x4 matrix (text, RAS mm) or a displacement field below the patient ' +
          'directory or absolute; or a list of these, applied right to left',
      ),
    interpolation: z
      .enum(['trilinear', 'nearest'])
      .default('trilinear')
      .describe('How values between voxels are found; the mask is always nearest'),
    modulate: z
      .boolean()
      .default(false)
      .describe('Multiply by the local change of volume, so that the sum over the voxels of a map is kept'),
    mask_level: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('atlas_mask is where at least this share of the cohort has the tract'),
    allow_native: z
      .boolean()
      .default(false)
      .describe('Take an atlas that was trained on affine_native volumes, which is not in template space'),
    instance_steps: z
      .int()
      .min(0)
      .max(1000)
      .nullable()
      .default(null)
      .describe('Optimisation steps of a registration; null: as many as the atlas was made with'),
    fold_policy: z
      .enum(['report', 'repair', 'fail'])
      .default('repair')
      .describe('What to do with folds of a registration'),
    device: z
      .string()
      .regex(/^(auto|cpu|webgpu|cuda(:[0-9]+)?)$/, {
        error: 'must be auto, cpu, webgpu, cuda or cuda:<index>',
      })
      .default('auto')
      .describe('Where to register: auto, cpu, webgpu, cuda, cuda:<index>'),
  })
  .describe('Atlas maps in the space of patients');

export type AtlasToPatientConfig = z.infer<typeof AtlasToPatientConfig>;
