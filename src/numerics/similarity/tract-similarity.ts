import { type MapCorrelations, mapCorrelations } from './correlation.js';
import { type DensityAgreement, densityAgreement } from './densities.js';
import { checkMapPair, type MapPair } from './map-pair.js';
import { type SupportOverlap, supportOverlap } from './overlap.js';
import { type SurfaceDistances, surfaceDistances } from './surface-distance.js';

/** Everything that is said about two tract density maps; NaN where a number has no meaning. */
export interface TractSimilarity
  extends SupportOverlap, MapCorrelations, DensityAgreement, SurfaceDistances {}

/** Names of the metrics in the order of reports; counts first. */
export const SIMILARITY_METRICS = [
  'n_a',
  'n_b',
  'n_and',
  'n_or',
  'dice',
  'jaccard',
  'overlap_of_b',
  'overreach_of_b',
  'pearson_union',
  'pearson_b_support',
  'spearman_union',
  'soft_dice',
  'density_overlap',
  'bhattacharyya',
  'jensen_shannon_bits',
  'mass_ratio',
  'centroid_distance_mm',
  'hausdorff_mm',
  'hausdorff95_mm',
  'mean_surface_distance_mm',
] as const satisfies readonly (keyof TractSimilarity)[];

/**
 * Compares a candidate map A with a reference map B on the same grid.
 *
 * @param pair - `threshold` default 0: a voxel belongs to a support where its value is above it
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE or INVALID_ARGUMENT as `checkMapPair`
 * @see spec/learned_atlas.md 10
 */
export function tractSimilarity(
  pair: Omit<MapPair, 'threshold'> & { readonly threshold?: number },
): TractSimilarity {
  const full = { ...pair, threshold: pair.threshold ?? 0 };
  checkMapPair(full);
  return {
    ...supportOverlap(full),
    ...mapCorrelations(full),
    ...densityAgreement(full),
    ...surfaceDistances(full),
  };
}
