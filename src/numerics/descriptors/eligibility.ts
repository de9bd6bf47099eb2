import { DESCRIPTORS, type DescriptorInfo, type DescriptorType } from './registry.js';

/** What a study is after. */
export const AnalysisObjective = {
  GROUP_DISCRIMINATION: 'group_discrimination',
  LATERALIZATION: 'lateralization',
  LONGITUDINAL_CHANGE: 'longitudinal_change',
  SUBREGION_DETECTION: 'subregion_detection',
} as const;
export type AnalysisObjective = (typeof AnalysisObjective)[keyof typeof AnalysisObjective];

/** Kinds of change that a study may look for. */
export const ANALYSIS_OBJECTIVES = Object.values(AnalysisObjective) as [
  AnalysisObjective,
  ...AnalysisObjective[],
];

/** Which descriptors are tried for an objective. */
export type EligibilityRegistry = Readonly<Record<AnalysisObjective, readonly DescriptorType[]>>;

/** Which descriptors are tried for which objective. */
export const ELIGIBILITY: EligibilityRegistry = {
  group_discrimination: [
    'shapedna',
    'hks',
    'wks',
    'si_hks',
    'bates_sp',
    'bks',
    'wesd',
    'sgw_mexican_hat',
    'casorati',
    'integral_invariant',
    'zernike_3d',
    'ect',
    'fractal_dim',
  ],
  lateralization: [
    'shapedna',
    'hks',
    'wks',
    'bates_sp',
    'gps',
    'bks',
    'biharmonic',
    'sgw_mexican_hat',
    'casorati',
    'integral_invariant',
    'eccentricity',
    'ect',
  ],
  longitudinal_change: [
    'shapedna',
    'hks',
    'wks',
    'bates_sp',
    'gps',
    'bks',
    'wesd',
    'diffusion',
    'dwks',
    'casorati',
    'integral_invariant',
    'ect',
    'fractal_dim',
  ],
  subregion_detection: [
    'hks',
    'wks',
    'gps',
    'bks',
    'sgw_mexican_hat',
    'biharmonic',
    'dwks',
    'finsler_hks',
    'shape_index',
    'casorati',
    'sdf',
    'agd',
    'eccentricity',
  ],
};

/** What a surface offers to a descriptor. */
export interface SurfaceTraits {
  readonly isClosed: boolean;
  readonly components: number;
}

/** Why a descriptor cannot be taken of a surface; null: it can. */
export function exclusionReason(id: DescriptorType, { isClosed, components }: SurfaceTraits): string | null {
  const { needs, unavailable }: DescriptorInfo = DESCRIPTORS[id];
  if (unavailable !== null) return unavailable;
  if (needs.includes('closed') && !isClosed) return 'the mesh is open';
  if (needs.includes('connected') && components > 1) return `the mesh has ${components} parts`;
  return null;
}
