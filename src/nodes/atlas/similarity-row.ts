import { z } from 'zod';

import { SIMILARITY_METRICS, type TractSimilarity } from '../../numerics/similarity/tract-similarity.js';
import { finite } from './emission.js';

/** Which two maps a comparison is about. */
export const SimilarityPair = z.strictObject({
  /** `<candidate>_vs_<reference>`; names the files. */
  pair: z.string(),
  candidate: z.string(),
  reference: z.string(),
  /** Path of the candidate below the input directory, and name of the reference file, for people. */
  candidate_file: z.string(),
  reference_file: z.string(),
});

export type SimilarityPair = z.infer<typeof SimilarityPair>;

const measured = z.number().nullable();
type Metric = (typeof SIMILARITY_METRICS)[number];

/** The metrics of one pair; null stands for a number without a meaning. */
export const SimilarityRow = z.strictObject({
  ...SimilarityPair.shape,
  ...(Object.fromEntries(SIMILARITY_METRICS.map((name) => [name, measured])) as Record<
    Metric,
    typeof measured
  >),
});

export type SimilarityRow = z.infer<typeof SimilarityRow>;

/** The same numbers with null for what JSON cannot hold. */
export function metricsOf(similarity: TractSimilarity): Record<Metric, number | null> {
  const entries = SIMILARITY_METRICS.map((name) => [name, finite(similarity[name])]);
  return Object.fromEntries(entries) as Record<Metric, number | null>;
}

/** Unit of every metric that has one. */
export const SIMILARITY_UNITS: Readonly<Partial<Record<Metric, string>>> = {
  n_a: 'voxels',
  n_b: 'voxels',
  n_and: 'voxels',
  n_or: 'voxels',
  jensen_shannon_bits: 'bits',
  centroid_distance_mm: 'mm',
  hausdorff_mm: 'mm',
  hausdorff95_mm: 'mm',
  mean_surface_distance_mm: 'mm',
};
