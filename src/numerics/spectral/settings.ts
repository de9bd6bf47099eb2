/** How the area of a triangle becomes mass: a third to each corner, the integrals of products, or Voronoi shares. */
export const MASS_KINDS = ['lumped', 'consistent', 'voronoi'] as const;
/** How area is assigned to vertices. */
export type MassKind = (typeof MASS_KINDS)[number];
