import { z } from 'zod';

import { BayesianGroupSettings } from '../../numerics/bayes/settings.js';
import { DESCRIPTOR_IDS } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { MESH_REPAIRS, SAFE_REPAIRS } from '../../numerics/mesh/settings.js';
import { MASS_KINDS } from '../../numerics/spectral/settings.js';

/** Configuration block `spectral_descriptors`: which surfaces, their operator, their descriptors, and the study. */
export const SpectralDescriptorsConfig = z
  .strictObject({
    surfaces: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .nullable()
      .default(null)
      .describe(
        'Which surfaces below the input, as patterns (*, **, ?, {a,b}), for example "**/lh.pial"; null: every readable mesh but spheres, inflated and flat ones',
      ),
    repair: z
      .union([z.enum(['none', 'safe']), z.array(z.enum(MESH_REPAIRS))])
      .default('none')
      .describe(
        `Mending before anything is computed: safe is ${SAFE_REPAIRS.join(', ')}; or a list, which may name largest_component`,
      ),
    k: z.int().min(2).max(5000).default(100).describe('Eigenpairs per surface, zero modes included'),
    mass: z
      .enum(MASS_KINDS)
      .default('lumped')
      .describe('Mass matrix; consistent is the default of LaPy and BrainPrint'),
    operator: z
      .enum(['cotangent', 'intrinsic_delaunay'])
      .default('cotangent')
      .describe('intrinsic_delaunay: flips edges until no weight is negative, the cure for slivers'),
    boundary: z
      .enum(['neumann', 'dirichlet'])
      .default('neumann')
      .describe('Open surfaces: natural boundary, or eigenvectors that are 0 there'),
    solver: z
      .enum(['auto', 'native', 'typescript'])
      .default('auto')
      .describe('Compiled kernels where they are built, or the ones in TypeScript'),
    descriptors: z
      .array(z.enum(DESCRIPTOR_IDS))
      .min(1)
      .default(['shapedna', 'hks', 'wks'])
      .describe(
        'What is computed; `pipeline show spectral_descriptors` and docs/shape-descriptors.md name all',
      ),
    ...DescriptorSettings.shape,
    scales: z
      .union([
        z.literal('cohort'),
        z.string().min(1),
        z.strictObject({ first_eigenvalue: z.number().gt(0), last_eigenvalue: z.number().gt(0) }),
      ])
      .default('cohort')
      .describe(
        'Range of eigenvalues that times, energies and scales follow from: of this cohort, of an earlier study (path of its scales.json), or given',
      ),
    unit: z
      .enum(['mm', 'cm', 'm', 'um', '1'])
      .default('mm')
      .describe('Unit of the coordinates, for the tables; nothing is converted'),
    participants_table: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Table with participant_id and groups; null: participants.tsv in the input, where there is one',
      ),
    group_column: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('Column of that table that is compared; null: group or diagnosis, where there is one'),
    groups: z
      .array(z.string().min(1))
      .min(2)
      .nullable()
      .default(null)
      .describe('Groups that are compared, in this order; null: all, in the order of the alphabet'),
    permutations: z
      .int()
      .min(99)
      .max(1_000_000)
      .default(5000)
      .describe('Labellings per test of groups; the smallest p is 1 / (1 + permutations)'),
    bayesian: z
      .strictObject({
        table: z
          .enum(['descriptors', 'shapedna'])
          .default('descriptors')
          .describe('Which table: a row per feature (choose with where, outcome value), or per spectrum'),
        ...BayesianGroupSettings.shape,
      })
      .nullable()
      .default(null)
      .describe('A Bayesian model over a cohort table with columns of the table of participants; null: none'),
    overlays: z
      .boolean()
      .default(true)
      .describe('Write values at vertices also as GIfTI (.func.gii), at most 8 columns'),
    precision: z
      .enum(['float32', 'float64'])
      .default('float32')
      .describe('Of the arrays of descriptors; eigenvectors are float64'),
    eigenvectors: z.boolean().default(true).describe('Write <stem>_eigenvectors.npy'),
    plots: z.boolean().default(true).describe('Write charts of the cohort, SVG'),
    min_surfaces: z.int().min(1).default(1).describe('Fewest usable surfaces'),
  })
  .describe('Certified Laplace-Beltrami spectra and shape descriptors of surfaces');

export type SpectralDescriptorsConfig = z.output<typeof SpectralDescriptorsConfig>;
