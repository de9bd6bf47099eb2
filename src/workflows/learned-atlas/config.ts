import { z } from 'zod';

import { LossSettings, ModelSettings, OptimizerSettings } from '../../numerics/registration/settings.js';
import { ATLAS_STATISTIC_NAMES, type AtlasStatisticName } from '../../numerics/registration/statistics.js';
import { staysInside, subjectRelpath } from '../atlas/config.js';

const mapNames = z
  .array(z.enum(ATLAS_STATISTIC_NAMES))
  .refine((names) => names.includes('mean'), {
    error: 'must include mean',
    params: { cure: 'add mean to the list; the template is always written' },
  })
  .refine((names) => new Set(names).size === names.length, { error: 'names a map twice' })
  .transform((names): AtlasStatisticName[] => ATLAS_STATISTIC_NAMES.filter((name) => names.includes(name)));

const groupName = z.union([z.string().min(1), z.int()]).transform(String);

/** Configuration block `learned_atlas` (spec/learned_atlas.md 9). */
export const LearnedAtlasConfig = z
  .strictObject({
    enabled: z.boolean().default(true).describe('false: the workflow builds no node'),
    training_space: z
      .enum(['template_native', 'affine_native'])
      .default('template_native')
      .describe('Which volumes to train on; affine_native maps are not in template space'),
    affine_native_relpath: z
      .union([subjectRelpath, z.array(subjectRelpath).min(1)])
      .nullable()
      .default(null)
      .describe('Volume for affine_native; of a list, the first entry that min_subjects subjects have'),
    device: z
      .string()
      .regex(/^(auto|cpu|webgpu|cuda(:[0-9]+)?)$/, {
        error: 'must be auto, cpu, webgpu, cuda or cuda:<index>',
      })
      .default('auto')
      .describe('Where to train: auto, cpu, webgpu, cuda, cuda:<index>'),
    dtype: z
      .enum(['float32', 'float16', 'bfloat16'])
      .default('float32')
      .describe('Type of the activations; only float32 is available yet'),
    emit_baseline_maps: mapNames
      .default([...ATLAS_STATISTIC_NAMES])
      .describe('Maps to write; mean is the template, the others describe the warped population'),
    output_subdir: z
      .string()
      .min(1)
      .refine(staysInside, {
        error: 'must be a path inside the output directory',
        params: { cure: 'give a relative path without ..' },
      })
      .default('atlas_learned')
      .describe('Directory of the results below the output directory'),
    template_label: z
      .string()
      .regex(/^[A-Za-z0-9]+$/, { error: 'must be letters and digits' })
      .nullable()
      .default(null)
      .describe(
        'Also write mean and presence under BIDS names, tpl-<label>/dwi/tpl-<label>_atlas-<label>_...; null: no',
      ),
    min_subjects: z.int().min(2).default(5).describe('Fewest usable subjects to train on'),
    save_fields: z.boolean().default(true).describe('Write the displacement field of every subject'),
    verify_jacobian: z.boolean().default(true).describe('Count folds of every field and report them'),
    fold_policy: z
      .enum(['report', 'repair', 'fail'])
      .default('repair')
      .describe('What to do with folds: only say so, scale the velocity until there is none, or stop'),
    field_space: z
      .enum(['voxel', 'ras_mm', 'ants'])
      .default('voxel')
      .describe('Vectors of the written fields: voxels, RAS mm, or LPS mm for ANTs'),
    evaluate: z
      .enum(['none', 'loo'])
      .default('none')
      .describe('loo: leave each subject (with its group) out in turn, train on the rest, and report errors'),
    group_by: z
      .record(z.string(), groupName)
      .nullable()
      .default(null)
      .describe('Subject to group; subjects of one group are left out together'),
    instance_steps: z
      .int()
      .min(0)
      .max(1000)
      .default(30)
      .describe('Optimisation steps per subject after the network, template fixed (hybrid and loo)'),
    instance_full_steps: z
      .int()
      .min(0)
      .max(1000)
      .default(30)
      .describe(
        'Steps at full resolution after the instance steps, for detail; 0: none. Without effect with full flow or 0 instance_steps',
      ),
    crop_to_support: z.boolean().default(true).describe('Train on the bounding box of all density only'),
    crop_margin: z.int().min(0).max(32).default(4).describe('Voxels around the bounding box'),
    memory_limit_mb: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe('Refuse to train when the memory estimate is above this, MB; null: no limit'),
    model: ModelSettings.prefault({}).describe('Network and deformation'),
    loss: LossSettings.prefault({}).describe('Training objective'),
    optimizer: OptimizerSettings.prefault({}).describe('Optimisation'),
  })
  .describe('Learned atlas: one sharp template and a diffeomorphic field per subject');

export type LearnedAtlasConfig = z.infer<typeof LearnedAtlasConfig>;
