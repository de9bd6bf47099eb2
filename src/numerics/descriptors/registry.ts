/** The descriptors by name: what each is, in which unit, what it needs and what leaves it unchanged. Data only. */

/** Where a descriptor has its values: at vertices, for the whole shape, for two shapes, for two points of a shape. */
export type DescriptorDomain = 'vertex' | 'shape' | 'pair' | 'point_pair';

/** What a descriptor is made of, beside the surface: it decides what must be computed before. */
export type DescriptorSource = 'spectrum' | 'surface' | 'spectrum_and_surface' | 'operators';

/** Changes of a surface that leave the values as they are, at fixed parameters in the unit of the coordinates. */
export interface Invariances {
  readonly translation: boolean;
  readonly rotation: boolean;
  /** Another unit, or the same shape in another size. What is not so becomes so for surfaces scaled to unit area. */
  readonly scale: boolean;
  /** Bending without stretching. */
  readonly isometry: boolean;
  /** Another order of the vertices: values at vertices go with them. */
  readonly order: boolean;
  /** Other signs of eigenvectors. */
  readonly signs: boolean;
  /** Another basis where eigenvalues coincide. */
  readonly basis: boolean;
}

/** What a descriptor asks of its input. */
export type DescriptorNeed = 'closed' | 'connected' | 'reference' | 'alignment';

/** What a descriptor is: family, what it needs of a mesh, invariances, unit, source. */
export interface DescriptorInfo {
  readonly id: DescriptorType;
  readonly title: string;
  readonly family:
    | 'global_spectrum'
    | 'vertex_signature'
    | 'embedding'
    | 'vertex_scalar'
    | 'point_distance'
    | 'shape_distance'
    | 'pair_descriptor'
    | 'global_scalar'
    | 'global_topology';
  readonly domain: DescriptorDomain;
  readonly source: DescriptorSource;
  /** Values have the unit of the coordinates to this power; null where columns differ. */
  readonly lengthPower: number | null;
  readonly formula: string;
  readonly needs: readonly DescriptorNeed[];
  /** Keys of the settings that it reads. */
  readonly parameters: readonly string[];
  readonly invariance: Invariances;
  /** After the eigenpairs. */
  readonly cost: string;
  readonly reference: string;
  /** Why it cannot be computed; null: it can. */
  readonly unavailable: string | null;
}

/** The 28 descriptors. */
export const DescriptorType = {
  SHAPEDNA: 'shapedna',
  HKS: 'hks',
  SI_HKS: 'si_hks',
  WKS: 'wks',
  GPS: 'gps',
  BATES_SP: 'bates_sp',
  BKS: 'bks',
  IBKS: 'ibks',
  WESD: 'wesd',
  BIHARMONIC: 'biharmonic',
  COMMUTE_TIME: 'commute_time',
  DIFFUSION: 'diffusion',
  SGW_MEXICAN_HAT: 'sgw_mexican_hat',
  SGW_HEAT: 'sgw_heat',
  FINSLER_HKS: 'finsler_hks',
  ASMWD: 'asmwd',
  DWKS: 'dwks',
  SHAPE_INDEX: 'shape_index',
  CASORATI: 'casorati',
  WILLMORE_ENERGY: 'willmore_energy',
  INTEGRAL_INVARIANT: 'integral_invariant',
  ZERNIKE_3D: 'zernike_3d',
  SDF: 'sdf',
  AGD: 'agd',
  ECCENTRICITY: 'eccentricity',
  ECT: 'ect',
  PHT: 'pht',
  FRACTAL_DIM: 'fractal_dim',
} as const;
export type DescriptorType = (typeof DescriptorType)[keyof typeof DescriptorType];

/** Every descriptor by name. */
export const DESCRIPTOR_IDS = Object.values(DescriptorType) as [DescriptorType, ...DescriptorType[]];

const INTRINSIC: Invariances = {
  translation: true,
  rotation: true,
  scale: false,
  isometry: true,
  order: true,
  signs: true,
  basis: true,
};
const RIGID: Invariances = { ...INTRINSIC, isometry: false };

const TABLE: ReadonlyArray<Omit<DescriptorInfo, 'unavailable'> & { readonly unavailable?: string }> = [
  {
    id: 'shapedna',
    title: 'ShapeDNA',
    family: 'global_spectrum',
    domain: 'shape',
    source: 'spectrum',
    lengthPower: 0,
    formula: 'lambda_i A, i above the zero modes (other normalisations: volume, fiedler, weyl, none)',
    needs: [],
    parameters: ['shapedna_normalisation'],
    invariance: { ...INTRINSIC, scale: true },
    cost: 'O(k)',
    reference: 'Reuter, Wolter & Peinecke 2006',
  },
  {
    id: 'hks',
    title: 'Heat kernel signature',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: -2,
    formula: 'sum_i exp(-lambda_i t) phi_i(x)^2',
    needs: [],
    parameters: ['hks_times', 'hks_normalisation'],
    invariance: INTRINSIC,
    cost: 'O(n k times)',
    reference: 'Sun, Ovsjanikov & Guibas 2009',
  },
  {
    id: 'si_hks',
    title: 'Scale-invariant heat kernel signature',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: 0,
    formula: '|FFT(d log HKS / d log t)|, low frequencies without the constant',
    needs: [],
    parameters: ['si_hks_frequencies'],
    invariance: { ...INTRINSIC, scale: true },
    cost: 'O(256 n k)',
    reference: 'Bronstein & Kokkinos 2010',
  },
  {
    id: 'wks',
    title: 'Wave kernel signature',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: -2,
    formula: 'sum_i phi_i(x)^2 g_e(lambda_i) / sum_i g_e(lambda_i), g a Gaussian in ln lambda',
    needs: [],
    parameters: ['wks_energies', 'wks_factor', 'wks_sigma'],
    invariance: INTRINSIC,
    cost: 'O(n k energies)',
    reference: 'Aubry, Schlickewei & Cremers 2011',
  },
  {
    id: 'gps',
    title: 'Global point signature',
    family: 'embedding',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: 0,
    formula: 'phi_i(x) / sqrt(lambda_i); only norms, distances and their histogram mean something',
    needs: [],
    parameters: ['gps_pairs', 'gps_bins'],
    invariance: { ...INTRINSIC, scale: true, signs: false, basis: false },
    cost: 'O(n k)',
    reference: 'Rustamov 2007',
  },
  {
    id: 'bates_sp',
    title: 'Symmetric polynomials of the heat signature',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: null,
    formula: 'elementary symmetric polynomials of exp(-lambda_j t) phi_j(x)^2',
    needs: [],
    parameters: ['polynomial_order', 'polynomial_times'],
    invariance: INTRINSIC,
    cost: 'O(n k times)',
    reference: 'Bates, Pafundi, Kanel, Liu & Mio 2011',
  },
  {
    id: 'bks',
    title: 'Biharmonic kernel signature',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: 2,
    formula: 'sum_i phi_i(x)^2 / lambda_i^2',
    needs: [],
    parameters: [],
    invariance: INTRINSIC,
    cost: 'O(n k)',
    reference: 'Lipman, Rustamov & Funkhouser 2010',
  },
  {
    id: 'ibks',
    title: 'Biharmonic kernel signature with curvature (heuristic)',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'spectrum_and_surface',
    lengthPower: 2,
    formula: 'bks(x) + alpha mean over the neighbours y of |K(y)| A bks(y); K the Gaussian curvature',
    needs: [],
    parameters: ['ibks_alpha', 'ibks_rings'],
    invariance: INTRINSIC,
    cost: 'O(n k)',
    reference: 'Heuristic after Yan, Zhou, Zhang & Geng 2024; not their method',
  },
  {
    id: 'wesd',
    title: 'Weighted spectral distance',
    family: 'shape_distance',
    domain: 'pair',
    source: 'spectrum',
    lengthPower: 0,
    formula: '(sum_n |1/lambda_n - 1/xi_n|^p)^(1/p) of area-normalised eigenvalues',
    needs: ['reference'],
    parameters: ['wesd_p'],
    invariance: { ...INTRINSIC, scale: true },
    cost: 'O(k) per pair',
    reference: 'Konukoglu, Glocker, Criminisi & Pohl 2013; here of surfaces',
  },
  {
    id: 'biharmonic',
    title: 'Biharmonic distance',
    family: 'point_distance',
    domain: 'point_pair',
    source: 'spectrum',
    lengthPower: 1,
    formula: 'd^2 = sum_i (phi_i(x) - phi_i(y))^2 / lambda_i^2',
    needs: [],
    parameters: ['distance_sources'],
    invariance: INTRINSIC,
    cost: 'O(n k sources)',
    reference: 'Lipman, Rustamov & Funkhouser 2010',
  },
  {
    id: 'commute_time',
    title: 'Commute-time distance',
    family: 'point_distance',
    domain: 'point_pair',
    source: 'spectrum',
    lengthPower: 0,
    formula: 'd^2 = sum_i (phi_i(x) - phi_i(y))^2 / lambda_i; grows with k without bound',
    needs: [],
    parameters: ['distance_sources'],
    invariance: { ...INTRINSIC, scale: true },
    cost: 'O(n k sources)',
    reference: 'Qiu & Hancock 2007',
  },
  {
    id: 'diffusion',
    title: 'Diffusion distance',
    family: 'point_distance',
    domain: 'point_pair',
    source: 'spectrum',
    lengthPower: -1,
    formula: 'd^2 = sum_i exp(-2 lambda_i t) (phi_i(x) - phi_i(y))^2',
    needs: [],
    parameters: ['distance_sources', 'diffusion_time'],
    invariance: INTRINSIC,
    cost: 'O(n k sources)',
    reference: 'Coifman & Lafon 2006',
  },
  {
    id: 'sgw_mexican_hat',
    title: 'Spectral graph wavelet signature, Mexican hat',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: -2,
    formula: 'sum_i g(s lambda_i) phi_i(x)^2, g(x) = x exp(-x)',
    needs: [],
    parameters: ['wavelet_scales', 'wavelet_energy'],
    invariance: INTRINSIC,
    cost: 'O(n k scales)',
    reference: 'Hammond, Vandergheynst & Gribonval 2011; Li & Ben Hamza 2013',
  },
  {
    id: 'sgw_heat',
    title: 'Spectral graph wavelet signature, heat',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'spectrum',
    lengthPower: -2,
    formula: 'sum_i g(s lambda_i) phi_i(x)^2, g(x) = exp(-x)',
    needs: [],
    parameters: ['wavelet_scales', 'wavelet_energy'],
    invariance: INTRINSIC,
    cost: 'O(n k scales)',
    reference: 'Hammond, Vandergheynst & Gribonval 2011; Li & Ben Hamza 2013',
  },
  {
    id: 'finsler_hks',
    title: 'Heat kernel signature of the Finsler operator',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'operators',
    lengthPower: -2,
    formula: 'HKS of a divergence-form operator whose diffusivity follows from the dual Randers metric',
    needs: [],
    parameters: ['hks_times'],
    invariance: RIGID,
    cost: 'one eigenproblem per direction',
    reference: 'Weber, Dages, Gao & Cremers 2024',
    unavailable:
      'the diffusivity tensor of the published operator has not been established from the paper; hks and asmwd are the nearest',
  },
  {
    id: 'asmwd',
    title: 'Anisotropic spectral wavelet descriptor',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'operators',
    lengthPower: -2,
    formula: 'Mexican hat signature of the anisotropic operator, direction by direction',
    needs: [],
    parameters: ['asmwd_directions', 'asmwd_alpha', 'asmwd_k', 'wavelet_scales'],
    invariance: RIGID,
    cost: 'one eigenproblem per direction',
    reference: 'Li, Liu, Hu, Chen & Liu 2021',
  },
  {
    id: 'dwks',
    title: 'Wave kernel signature of shape differences',
    family: 'pair_descriptor',
    domain: 'pair',
    source: 'operators',
    lengthPower: -2,
    formula: 'sum_j w_e(mu_j) (sum_i phi_i(x) psi_ij)^2, (mu, psi) of the difference operator to a reference',
    needs: ['reference'],
    parameters: ['dwks_basis', 'dwks_energies', 'dwks_factor'],
    invariance: INTRINSIC,
    cost: 'O(n basis energies)',
    reference: 'Magnet & Ovsjanikov 2021; Rustamov et al. 2013',
  },
  {
    id: 'shape_index',
    title: 'Shape index',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'surface',
    lengthPower: 0,
    formula: '(2/pi) atan2(k1 + k2, k1 - k2): +1 cap, 0 saddle, -1 cup',
    needs: [],
    parameters: [],
    invariance: { ...RIGID, scale: true },
    cost: 'O(n)',
    reference: 'Koenderink & van Doorn 1992',
  },
  {
    id: 'casorati',
    title: 'Casorati curvature (curvedness)',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'surface',
    lengthPower: -1,
    formula: 'sqrt((k1^2 + k2^2) / 2)',
    needs: [],
    parameters: [],
    invariance: RIGID,
    cost: 'O(n)',
    reference: 'Koenderink & van Doorn 1992; Casorati 1890',
  },
  {
    id: 'willmore_energy',
    title: 'Willmore energy',
    family: 'global_scalar',
    domain: 'shape',
    source: 'surface',
    lengthPower: 0,
    formula: 'integral of H^2 (4 pi for a sphere), and of H^2 - K',
    needs: [],
    parameters: [],
    invariance: { ...RIGID, scale: true },
    cost: 'O(n)',
    reference: 'Willmore 1965',
  },
  {
    id: 'integral_invariant',
    title: 'Integral invariant',
    family: 'vertex_signature',
    domain: 'vertex',
    source: 'surface',
    lengthPower: 0,
    formula: 'part of a ball around x inside the solid; radii relative to sqrt(A)',
    needs: ['closed'],
    parameters: ['integral_radii', 'integral_directions'],
    invariance: { ...RIGID, scale: true },
    cost: 'O(n directions log n)',
    reference: 'Manay et al. 2006; Pottmann et al. 2009',
  },
  {
    id: 'zernike_3d',
    title: '3-D Zernike descriptor',
    family: 'global_scalar',
    domain: 'shape',
    source: 'surface',
    lengthPower: 0,
    formula: 'norms over m of the Zernike moments of the solid',
    needs: ['closed'],
    parameters: ['zernike_order'],
    invariance: { ...RIGID, scale: true },
    cost: 'O(n order^3)',
    reference: 'Canterakis 1999; Novotni & Klein 2003',
  },
  {
    id: 'sdf',
    title: 'Shape diameter function',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'surface',
    lengthPower: 1,
    formula: 'weighted mean length of inward rays in a cone',
    needs: ['closed'],
    parameters: ['sdf_rays', 'sdf_half_angle'],
    invariance: RIGID,
    cost: 'O(n rays log n)',
    reference: 'Shapira, Shamir & Cohen-Or 2008',
  },
  {
    id: 'agd',
    title: 'Average geodesic distance',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'surface',
    lengthPower: 1,
    formula: '(1/A) sum_j m_j d(x, j)',
    needs: ['connected'],
    parameters: ['geodesic_sources', 'geodesics'],
    invariance: INTRINSIC,
    cost: 'O(sources n log n)',
    reference: 'Hilaga et al. 2001',
  },
  {
    id: 'eccentricity',
    title: 'Geodesic eccentricity',
    family: 'vertex_scalar',
    domain: 'vertex',
    source: 'surface',
    lengthPower: 1,
    formula: 'max_j d(x, j)',
    needs: ['connected'],
    parameters: ['geodesic_sources', 'geodesics'],
    invariance: INTRINSIC,
    cost: 'O(sources n log n)',
    reference: 'Ion et al. 2007',
  },
  {
    id: 'ect',
    title: 'Euler characteristic transform',
    family: 'global_topology',
    domain: 'shape',
    source: 'surface',
    lengthPower: 0,
    formula: 'vertices - edges + triangles at or below each height, along each direction',
    needs: ['alignment'],
    parameters: ['ect_thresholds', 'align'],
    invariance: { ...RIGID, rotation: false, scale: true },
    cost: 'O(directions n log n)',
    reference: 'Turner, Mukherjee & Boyer 2014',
  },
  {
    id: 'pht',
    title: 'Persistent homology transform',
    family: 'global_topology',
    domain: 'shape',
    source: 'surface',
    lengthPower: 1,
    formula: 'births and deaths of parts and loops by height, along each direction',
    needs: ['alignment'],
    parameters: ['pht_shortest', 'align'],
    invariance: { ...RIGID, rotation: false },
    cost: 'O(directions n log n)',
    reference: 'Turner, Mukherjee & Boyer 2014',
  },
  {
    id: 'fractal_dim',
    title: 'Box-counting dimension',
    family: 'global_scalar',
    domain: 'shape',
    source: 'surface',
    lengthPower: 0,
    formula: 'slope of ln boxes against ln 1/side, sides 1/4 to 1/32 of the longest edge of the bounding box',
    needs: [],
    parameters: ['fractal_offsets'],
    invariance: { ...RIGID, rotation: false, scale: true },
    cost: 'O(area / smallest box)',
    reference: 'Box counting; a smooth surface gives about 2',
  },
];

/** Every descriptor by its id, in the order of {@link DESCRIPTOR_IDS}. */
export const DESCRIPTORS: Readonly<Record<DescriptorType, DescriptorInfo>> = Object.fromEntries(
  TABLE.map((row) => [row.id, { unavailable: null, ...row }]),
) as Record<DescriptorType, DescriptorInfo>;

/** Unit in words, of a power of mm: `mm^-2`; `1` without unit. Surfaces scaled to unit area have none. */
export function unitText(lengthPower: number, isScaled = false): string {
  if (isScaled || lengthPower === 0) return '1';
  return lengthPower === 1 ? 'mm' : `mm^${lengthPower}`;
}
