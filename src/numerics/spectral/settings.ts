/** How the area of a triangle becomes mass: a third to each corner, the integrals of products, or Voronoi shares. */
export const MASS_KINDS = ['lumped', 'consistent', 'voronoi'] as const;
/** How area is assigned to vertices. */
export type MassKind = (typeof MASS_KINDS)[number];

/**
 * `intrinsic_delaunay` mollifies and flips edges first: no negative weights, and the cure for slivers. `robust` does the
 * same on the tufted cover: for meshes that are no manifolds, and for edges of a boundary.
 */
export const OPERATOR_KINDS = ['cotangent', 'intrinsic_delaunay', 'robust'] as const;
/** How the Laplace-Beltrami operator of a triangle mesh is made. */
export type OperatorKind = (typeof OPERATOR_KINDS)[number];

/**
 * What becomes of triangles without area: `drop` leaves them out and counts them; `lapy` takes those under the rounding of 1
 * with an area of 1e-4 of the mean, as LaPy does.
 */
export const DEGENERATE_RULES = ['drop', 'lapy'] as const;
/** What becomes of triangles without area in the operator `cotangent`. */
export type DegenerateRule = (typeof DEGENERATE_RULES)[number];

/** Where the first guess of a correspondence comes from. */
export const ALIGNMENT_STARTS = ['vertices', 'coordinates', 'descriptors'] as const;
/** What points of two surfaces are taken for the same at the start of an alignment. */
export type AlignmentStart = (typeof ALIGNMENT_STARTS)[number];

/** What a workflow offers for it: besides, axes of the shape itself, and a choice by what the surfaces share. */
export const ALIGNMENT_CHOICES = [
  'auto',
  'vertices',
  'coordinates',
  'principal_axes',
  'descriptors',
] as const;
