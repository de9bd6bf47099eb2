/** Distances between points of a surface that regions can be compared by. */
export const REGION_DISTANCES = ['biharmonic', 'commute_time', 'diffusion'] as const;
