import { z } from 'zod';

import { BayesianGroupSettings } from '../../numerics/bayes/settings.js';
import { DESCRIPTOR_IDS } from '../../numerics/descriptors/registry.js';
import { DescriptorSettings } from '../../numerics/descriptors/settings.js';
import { MESH_REPAIRS, SAFE_REPAIRS } from '../../numerics/mesh/settings.js';
import {
  ALIGNMENT_CHOICES,
  DEGENERATE_RULES,
  MASS_KINDS,
  OPERATOR_KINDS,
} from '../../numerics/spectral/settings.js';
import { REGION_STATISTICS } from '../../numerics/descriptors/region-settings.js';

const ParcellationConfig = z.strictObject({
  atlas: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Scheme whose files lie in their usual place, such as dkt, destrieux, schaefer400, hippocampal_subfields',
    ),
  files: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .nullable()
    .default(null)
    .describe(
      'Or where they are, relative to the folder of a surface or to the input, the first pattern that finds some: {hemi} (lh, rh), {Hemi} (L, R), {participant}, {structure}, {stem}; a * in the last part. Annotations, label files, whole numbers per vertex, volumes of labels',
    ),
  lookup: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Names of numbers, relative to the input: FreeSurferColorLUT.txt, or a table with index and name',
    ),
  ignore: z
    .array(z.string().min(1))
    .default([
      'unknown',
      '???',
      'medial_wall',
      'medial wall',
      'corpuscallosum',
      'background',
      'background+*',
      'region-0',
    ])
    .describe('Regions that are left out, by name in any case; * stands for any letters'),
  min_vertices: z.int().min(1).default(3).describe('Fewest vertices of a region'),
  reach_mm: z
    .number()
    .min(0)
    .max(20)
    .default(3)
    .describe('Volumes of labels: how far the label of a vertex may be, unit of the coordinates'),
  networks: z
    .union([z.literal('names'), z.record(z.string(), z.array(z.string().min(1)))])
    .nullable()
    .default(null)
    .describe(
      "Networks of regions: names (as Schaefer's parcels say), or a list of names per network, * for any letters, the first that fits",
    ),
  statistics: z
    .array(z.enum(REGION_STATISTICS))
    .min(1)
    .default(['mean', 'sd'])
    .describe('Of every descriptor of vertices over every region; mean and sd weigh by area, sum integrates'),
  connectomes: z
    .array(z.string().min(1))
    .default(['biharmonic'])
    .describe(
      'Regions against regions: biharmonic, commute_time or diffusion distance, a descriptor of vertices that is computed, or shapedna (spectra of the pieces)',
    ),
  between: z
    .enum(['rms', 'centroid'])
    .default('rms')
    .describe('Distances of regions: root mean square over pairs of vertices, or between their means'),
  profile: z
    .enum(['euclidean', 'cosine', 'correlation'])
    .default('euclidean')
    .describe('Of the mean descriptors of two regions'),
  region_k: z.int().min(1).max(500).default(20).describe('Eigenvalues above 0 of each piece, for shapedna'),
});

const label = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

const SegmentationConfig = z.strictObject({
  labels: z
    .union([
      label,
      z.array(label).min(1),
      z.record(
        z.string().regex(/^[A-Za-z0-9]+$/, 'letters and digits only'),
        z.union([label, z.array(label).min(1)]),
      ),
    ])
    .describe(
      'Numbers of the labels, a surface each: 17, [17, 53], or by name, where several numbers make one region: {hippocampus: [17, 53]}',
    ),
  smoothing: z
    .number()
    .min(0)
    .max(5)
    .default(1)
    .describe('Gaussian over the mask before it is cut at one half, voxels (standard deviation); 0: none'),
  cycles: z
    .int()
    .min(0)
    .max(200)
    .default(15)
    .describe('Cycles of smoothing without shrinking (Taubin) on the surface'),
});

const AlignmentConfig = z.strictObject({
  reference: z
    .union([z.string().min(1), z.record(z.string(), z.string().min(1))])
    .default('first')
    .describe(
      'Surface that the modes of all are aligned to: first (of each structure), a surface as in surfaces.tsv, a file, or one per structure',
    ),
  start: z
    .enum(ALIGNMENT_CHOICES)
    .default('auto')
    .describe(
      'First correspondence: vertices (equal numbers), coordinates (one space), principal_axes, descriptors (cannot tell mirror images apart); auto: vertices where triangles are the same, else the better of coordinates and principal_axes',
    ),
  start_size: z.int().min(2).max(200).default(20).describe('Modes of the first map'),
  refine: z.boolean().default(true).describe('Refine by ZoomOut (not from equal vertices)'),
  maps: z.boolean().default(true).describe('Write <stem>_map.npy and <stem>_correspondence.npy'),
});

/** Configuration block `spectral_descriptors`: which surfaces, their operator, their descriptors, and the study. */
export const SpectralDescriptorsConfig = z
  .strictObject({
    surfaces: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .nullable()
      .default(null)
      .describe(
        'Which surfaces below the input, as patterns (*, **, ?, {a,b}), for example "**/lh.pial"; null: every readable mesh or point cloud but spheres, inflated and flat ones, and with segmentation the volumes that are called segmentations (of a FreeSurfer subject aseg.mgz alone)',
      ),
    segmentation: SegmentationConfig.nullable()
      .default(null)
      .describe(
        'Surfaces of labels of segmentations (NIfTI, MGH) in the input, drawn around their voxels; null: volumes are passed over',
      ),
    point_neighbours: z
      .int()
      .min(4)
      .max(200)
      .default(30)
      .describe('Point clouds: points of a neighbourhood, from which the operator is made'),
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
      .enum(OPERATOR_KINDS)
      .default('cotangent')
      .describe(
        'intrinsic_delaunay: flips edges until no weight is negative, the cure for slivers; robust: the same on the tufted cover, also for meshes that are no manifolds',
      ),
    boundary: z
      .enum(['neumann', 'dirichlet'])
      .default('neumann')
      .describe('Open surfaces: natural boundary, or eigenvectors that are 0 there'),
    degenerate_triangles: z
      .enum(DEGENERATE_RULES)
      .default('drop')
      .describe(
        'Triangles without area: drop leaves them out and counts them; lapy takes them with 1e-4 of the mean area, as LaPy and BrainPrint do (operator cotangent)',
      ),
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
    parcellation: ParcellationConfig.nullable()
      .default(null)
      .describe('Regions of the surfaces: descriptors and connectomes region by region; null: none'),
    alignment: AlignmentConfig.nullable()
      .default(null)
      .describe(
        'Eigenvectors in the order and with the signs of a reference, by functional maps; null: as each surface has them. dwks needs it',
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
    covariates: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Columns of that table that are held fixed when groups are compared, such as age, sex: numbers, or categories; C(site) takes a column of numbers as categories',
      ),
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
