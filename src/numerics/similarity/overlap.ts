import type { MapPair } from './map-pair.js';

/** How the supports of two maps overlap; NaN where a quotient has no meaning. */
export interface SupportOverlap {
  readonly n_a: number;
  readonly n_b: number;
  readonly n_and: number;
  readonly n_or: number;
  /** 2 |ab| / (|a| + |b|); NaN when both supports are empty. */
  readonly dice: number;
  /** |ab| / |a or b|; NaN when both supports are empty. */
  readonly jaccard: number;
  /** |ab| / |b|: how much of the reference is found; NaN when its support is empty. */
  readonly overlap_of_b: number;
  /** |a without b| / |b|: how much is found beside it; NaN when its support is empty. */
  readonly overreach_of_b: number;
}

/** Overlap of the voxels where A and B are above the threshold. */
export function supportOverlap({ a, b, threshold }: MapPair): SupportOverlap {
  let [inA, inB, both] = [0, 0, 0];
  for (let v = 0; v < a.length; v++) {
    const isA = a[v]! > threshold;
    const isB = b[v]! > threshold;
    if (isA) inA++;
    if (isB) inB++;
    if (isA && isB) both++;
  }
  const union = inA + inB - both;
  return {
    n_a: inA,
    n_b: inB,
    n_and: both,
    n_or: union,
    // 0 / 0 is NaN, as asked for.
    dice: (2 * both) / (inA + inB),
    jaccard: both / union,
    overlap_of_b: inB === 0 ? NaN : both / inB,
    overreach_of_b: inB === 0 ? NaN : (inA - both) / inB,
  };
}
