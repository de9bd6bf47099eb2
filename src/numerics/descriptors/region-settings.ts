/** What a region is told by; values that are not finite are left out. */
export const REGION_STATISTICS = ['mean', 'median', 'sd', 'min', 'max', 'sum', 'count', 'iqr'] as const;
/** One of {@link REGION_STATISTICS}. */
export type RegionStatistic = (typeof REGION_STATISTICS)[number];
