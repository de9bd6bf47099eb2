import { z } from 'zod';

/** Who a surface is of, and what it shows. */
export const SurfaceLabel = z.strictObject({
  /** Relative path without extension: its name in tables and files. */
  surface: z.string(),
  participant: z.string(),
  /** What is compared with what: the name without participant and session, for example `lh.pial`. */
  structure: z.string(),
});
export type SurfaceLabel = z.output<typeof SurfaceLabel>;

const FeatureRow = z.strictObject({ name: z.string(), value: z.number().nullable(), unit: z.string() });

/** What a descriptor of a surface says of itself; written beside its values. */
export const DescriptorReport = z.strictObject({
  descriptor: z.string(),
  status: z.enum(['ok', 'not_applicable']),
  reason: z.string().nullable(),
  domain: z.string(),
  shape: z.array(z.int()),
  columns: z.array(z.string()),
  units: z.array(z.string()),
  parameters: z.record(z.string(), z.unknown()),
  invariance: z.record(z.string(), z.boolean()),
  reference: z.string(),
  features: z.array(FeatureRow),
});
export type DescriptorReport = z.output<typeof DescriptorReport>;

/** What a surface is: triangles of a file, drawn around voxels of a label, or points without triangles. */
export const SURFACE_KINDS = ['mesh', 'label_volume', 'point_cloud'] as const;

/** What the tables of a cohort take of a surface. */
export const SurfaceRecord = z.strictObject({
  label: SurfaceLabel,
  /** BIDS URI of its file. */
  source: z.string(),
  kind: z.enum(SURFACE_KINDS),
  vertices: z.int(),
  faces: z.int(),
  area: z.number(),
  /** Null for an open surface. */
  volume: z.number().nullable(),
  components: z.int(),
  boundary_edges: z.int(),
  genus: z.number().nullable(),
  findings: z.array(z.string()),
  repaired: z.array(z.string()),
  k: z.int(),
  /** (k), ascending, unit^-2: a record and its spectrum cannot be parted. */
  eigenvalues: z.array(z.number()),
  zero_modes: z.int(),
  largest_residual: z.number(),
  res_lambda: z.number(),
  res_back: z.number(),
  orthonormality: z.number(),
  certificate_count: z.int(),
  certificate_shift: z.number().nullable(),
  descriptors: z.array(
    z.strictObject({
      descriptor: z.string(),
      status: z.string(),
      reason: z.string().nullable(),
      features: z.array(FeatureRow),
    }),
  ),
});
export type SurfaceRecord = z.output<typeof SurfaceRecord>;

/** A number as JSON holds it. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
