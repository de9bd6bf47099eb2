import { z } from 'zod';

const count = (most: number) => z.int().min(1).max(most);

/** Parameters of the descriptors; the configuration block `spectral_descriptors` extends them. */
export const DescriptorSettings = z.strictObject({
  normalisation: z
    .enum(['area', 'none'])
    .default('area')
    .describe(
      'area: every descriptor is of the surface scaled to area 1, so that size does not count and values have no unit; none: in the unit of the coordinates',
    ),
  shapedna_normalisation: z
    .enum(['area', 'volume', 'fiedler', 'weyl', 'none'])
    .default('area')
    .describe(
      'Of the eigenvalues in shapedna: lambda A, lambda V^(2/3), lambda / lambda_1, against Weyl, none',
    ),
  hks_times: count(1000).default(100).describe('Diffusion times, log-spaced, the same for all surfaces'),
  hks_normalisation: z
    .enum(['none', 'trace'])
    .default('none')
    .describe('trace: each time divided by its heat trace (the scaled form of the paper)'),
  si_hks_frequencies: count(64).default(8).describe('Lowest frequencies that si_hks keeps'),
  wks_energies: count(1000).default(100).describe('Energies, equally spaced in ln lambda'),
  wks_factor: z.number().gt(0).max(50).default(7).describe('Width of an energy, spacings'),
  wks_sigma: z
    .enum(['range', 'paper'])
    .default('range')
    .describe('A spacing is range / energies, or the distance between energies (paper)'),
  wavelet_scales: count(100).default(5).describe('Scales of wavelets, log-spaced'),
  wavelet_energy: z
    .boolean()
    .default(false)
    .describe('Squared norm of the wavelet at a vertex instead of its value there'),
  polynomial_order: z.int().min(1).max(3).default(2).describe('Highest symmetric polynomial of bates_sp'),
  polynomial_times: count(100).default(10).describe('Diffusion times of bates_sp'),
  gps_pairs: z.int().min(100).max(10_000_000).default(20_000).describe('Random pairs of the gps histogram'),
  gps_bins: z.int().min(2).max(1000).default(64).describe('Bins of the gps histogram'),
  ibks_alpha: z.number().min(0).max(10).default(0.1).describe('Weight of curvature in ibks'),
  ibks_rings: count(10).default(2).describe('Neighbourhood of ibks, edges'),
  distance_sources: count(1000).default(8).describe('Vertices that point distances are given from'),
  diffusion_time: z
    .number()
    .gt(0)
    .nullable()
    .default(null)
    .describe(
      'Of the diffusion distance, area (or unit^2 with normalisation none); null: the middle of hks_times',
    ),
  integral_radii: z
    .array(z.number().gt(0).max(2))
    .min(1)
    .max(20)
    .default([0.05, 0.1, 0.2])
    .describe('Radii of integral_invariant, parts of sqrt(area)'),
  integral_directions: z
    .int()
    .min(20)
    .max(10_000)
    .default(200)
    .describe('Rays per vertex of integral_invariant'),
  sdf_rays: z.int().min(3).max(1000).default(30).describe('Rays per vertex of sdf'),
  sdf_half_angle: z
    .number()
    .gt(0)
    .max(80)
    .default(60)
    .describe('Half the opening of the cone of sdf, degrees'),
  zernike_order: z
    .int()
    .min(0)
    .max(30)
    .default(20)
    .describe('Highest order of zernike_3d; 20 gives 121 numbers'),
  geodesic_sources: z
    .int()
    .min(1)
    .default(512)
    .describe(
      'Vertices that agd and eccentricity measure from; from all where there are no more: exact sums',
    ),
  geodesics: z
    .enum(['heat', 'exact', 'edges'])
    .default('heat')
    .describe(
      'Distances of agd and eccentricity: on the surface by the heat method, exact (many times slower), or along edges, which is 6 to 8 % longer',
    ),
  align: z
    .enum(['principal_axes', 'none'])
    .default('principal_axes')
    .describe('Before ect and pht: to the principal axes of the surface, or as the coordinates are'),
  ect_thresholds: z.int().min(2).max(1000).default(32).describe('Heights of ect'),
  pht_shortest: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('Pairs of pht that live shorter are dropped, parts of sqrt(area)'),
  fractal_offsets: count(100).default(1).describe('Positions of the grid that fractal_dim is averaged over'),
  asmwd_directions: count(32).default(4).describe('Directions of the anisotropic operator in asmwd'),
  asmwd_alpha: z.number().gt(0).max(1000).default(0.5).describe('Strength of anisotropy in asmwd'),
  asmwd_k: z.int().min(2).max(1000).default(50).describe('Eigenpairs per direction of asmwd'),
  dwks_basis: z.int().min(2).max(500).default(30).describe('Modes of the shape differences of dwks'),
  dwks_energies: count(500).default(50).describe('Energies of dwks, of area and of angle each'),
  dwks_factor: z.number().gt(0).max(50).default(7).describe('Width of an energy of dwks, spacings'),
  wesd_p: z.number().gt(1).max(10).default(2).describe('Exponent of the weighted spectral distance'),
});
export type DescriptorSettings = z.output<typeof DescriptorSettings>;
