/** How the area of a triangle becomes mass: a third to each corner, the integrals of products, or Voronoi shares. */
export const MASS_KINDS = ['lumped', 'consistent', 'voronoi'] as const;
export type MassKind = (typeof MASS_KINDS)[number];
