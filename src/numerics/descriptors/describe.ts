/** Any descriptor by its name, with everything that is needed to read its numbers. */
import { ProcessingError } from '../../errors.js';
import { meshCurvatures } from '../mesh/curvature.js';
import { EdgeGeodesics } from '../mesh/edge-geodesic.js';
import { ExactGeodesics } from '../mesh/exact-geodesic.js';
import { HeatGeodesics } from '../mesh/heat-geodesic.js';
import { meshGeometry, type MeshGeometry } from '../mesh/geometry.js';
import { boundaryMask, meshTopology, type MeshTopology } from '../mesh/topology.js';
import { seededRandom } from '../random.js';
import { alignToPrincipalAxes } from './align.js';
import { anisotropicWavelets } from './anisotropic-wavelets.js';
import { scalesOf, type DescriptorScales, type SpectrumRange } from './cohort-scales.js';
import { curvedness, shapeIndex, willmoreEnergy } from './curvature-scalars.js';
import { distanceScalars, type DistanceScalars } from './distance-scalars.js';
import { vertexFeatures, type Feature } from './features.js';
import { boxCounts } from './fractal.js';
import { neighbourBiharmonicSignature } from './neighbour-signature.js';
import {
  DESCRIPTORS,
  unitText,
  type DescriptorDomain,
  type DescriptorType,
  type Invariances,
} from './registry.js';
import type { DescriptorSettings } from './settings.js';
import {
  biharmonicSignature,
  heatKernelSignature,
  heatTimes,
  scaleInvariantSignature,
  symmetricPolynomials,
  waveKernelSignature,
  waveletSignature,
  wholeSpectrum,
  zeroModes,
  type Spectrum,
} from './signatures.js';
import { ballFractions, shapeDiameter } from './solid.js';
import {
  globalPointSignature,
  pointSignatureHistogram,
  shapeDna,
  spreadDistances,
  type PointDistance,
} from './spectral-distances.js';
import { eulerCurves, heightDiagrams } from './topological.js';
import { zernikeDescriptor } from './zernike.js';

/** A surface to describe. */
export interface SurfaceToDescribe {
  /** (n, 3), row per vertex. */
  readonly vertices: Float64Array;
  /** (m, 3), row per triangle. */
  readonly faces: Int32Array;
  /** Null where no descriptor of the spectrum is asked for. */
  readonly spectrum: Spectrum | null;
  /** (n), of a point cloud (`faces` is empty): area that each point stands for. Only descriptors of the spectrum apply to it. */
  readonly areas?: Float64Array | null;
}

/** Options of computing a descriptor by name. */
export interface DescribeOptions {
  readonly settings: DescriptorSettings;
  /** Ranges of the study; null: of this spectrum alone, which cannot be compared with another. */
  readonly range: SpectrumRange | null;
  readonly seed?: number;
}

/** A descriptor of one surface. */
export interface DescriptorResult {
  readonly id: DescriptorType;
  readonly domain: DescriptorDomain;
  /** Row-major. */
  readonly values: Float64Array;
  /** (rows, columns): a row per vertex for the domains `vertex` and `point_pair`. */
  readonly shape: readonly [number, number];
  readonly columns: readonly string[];
  /** A unit per column. */
  readonly units: readonly string[];
  /** What was used: times, energies, radii, number of modes. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly invariance: Invariances;
  /** What a table of a cohort takes. */
  readonly features: readonly Feature[];
}

type Body = Pick<DescriptorResult, 'values' | 'columns' | 'parameters'> & {
  readonly rows: number;
  readonly units?: readonly string[];
  readonly features?: readonly Feature[];
};

/**
 * Computes one descriptor. With normalisation `area` it is that of the surface scaled to area 1. Vertices in no triangle are
 * no part of the surface: values are NaN there.
 *
 * @throws ProcessingError INVALID_ARGUMENT where the surface is not what the descriptor needs (closed, connected), or the
 *   descriptor is one of two surfaces or unavailable
 */
export function describeSurface(
  id: DescriptorType,
  surface: SurfaceToDescribe,
  options: DescribeOptions,
): DescriptorResult {
  const info = DESCRIPTORS[id];
  const compute = COMPUTE[id];
  if (compute === undefined) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${id} cannot be computed of one surface: ${info.unavailable ?? 'it compares two'}`,
      { cure: 'leave it out' },
    );
  }
  if (surface.faces.length === 0 && info.source !== 'spectrum') {
    throw new ProcessingError('INVALID_ARGUMENT', `${id} needs triangles, and a point cloud has none`, {
      cure: 'leave it out, or give the surface with its triangles',
    });
  }
  const kept = referencedVertices(surface);
  if (kept !== null) return onAllVertices(describeSurface(id, partOf(surface, kept), options), surface, kept);
  const subject = new Subject(surface, options);
  const isScaled = options.settings.normalisation === 'area';
  const { rows, ...body } = compute(subject, options.settings);
  const unit = unitText(info.lengthPower ?? 0, isScaled);
  const units = body.units ?? body.columns.map(() => unit);
  return {
    id,
    domain: info.domain,
    values: body.values,
    shape: [rows, body.columns.length],
    columns: body.columns,
    units,
    parameters: {
      normalisation: options.settings.normalisation,
      ...(info.source === 'surface' ? {} : { k: subject.spectrum.eigenvalues.length }),
      ...body.parameters,
    },
    invariance: { ...info.invariance, scale: info.invariance.scale || isScaled },
    features:
      body.features ?? vertexFeatures(body.values, body.columns, units, subject.geometry.barycentricAreas),
  };
}

/** Vertices that a triangle names, ascending; null where they are all, or there is no triangle. */
function referencedVertices({ vertices, faces }: SurfaceToDescribe): Int32Array | null {
  const isNamed = new Uint8Array(vertices.length / 3);
  for (const vertex of faces) isNamed[vertex] = 1;
  if (faces.length === 0 || !isNamed.includes(0)) return null;
  return Int32Array.from(isNamed.keys()).filter((vertex) => isNamed[vertex] === 1);
}

/** The surface without the other vertices, which would move its centre and its extent. */
function partOf({ vertices, faces, spectrum }: SurfaceToDescribe, kept: Int32Array): SurfaceToDescribe {
  const place = new Map(Array.from(kept, (vertex, i) => [vertex, i]));
  const rowsOf = (table: Float64Array, columns: number): Float64Array => {
    const rows = new Float64Array(kept.length * columns);
    kept.forEach((vertex, i) => {
      rows.set(table.subarray(vertex * columns, (vertex + 1) * columns), i * columns);
    });
    return rows;
  };
  return {
    vertices: rowsOf(vertices, 3),
    faces: faces.map((vertex) => place.get(vertex)!),
    spectrum: spectrum && {
      eigenvalues: spectrum.eigenvalues,
      eigenvectors: rowsOf(spectrum.eigenvectors, spectrum.eigenvalues.length),
      ...(spectrum.certificate && { certificate: spectrum.certificate }),
    },
  };
}

function onAllVertices(
  result: DescriptorResult,
  { vertices }: SurfaceToDescribe,
  kept: Int32Array,
): DescriptorResult {
  if (result.domain !== 'vertex' && result.domain !== 'point_pair') return result;
  const [, columns] = result.shape;
  const n = vertices.length / 3;
  const values = new Float64Array(n * columns).fill(NaN);
  kept.forEach((vertex, i) => {
    values.set(result.values.subarray(i * columns, (i + 1) * columns), vertex * columns);
  });
  const all = { ...result, values, shape: [n, columns] as const };
  if (result.domain === 'vertex') return all;
  const sources = (result.parameters['sources'] as number[]).map((vertex) => kept[vertex]!);
  return {
    ...all,
    columns: sources.map((vertex) => `from_${vertex}`),
    parameters: { ...result.parameters, sources },
  };
}

/** The surface in its scale, with what several descriptors need, made when asked for. */
class Subject {
  readonly vertices: Float64Array;
  readonly faces: Int32Array;
  readonly raw: SurfaceToDescribe;
  readonly rawGeometry: MeshGeometry;
  readonly seed: number;
  readonly #options: DescribeOptions;
  readonly #factor: number;
  #geometry: MeshGeometry | null = null;
  #topology: MeshTopology | null = null;
  #spectrum: Spectrum | null = null;
  #scales: DescriptorScales | null = null;

  constructor(raw: SurfaceToDescribe, options: DescribeOptions) {
    this.raw = raw;
    this.#options = options;
    this.seed = options.seed ?? 0;
    this.rawGeometry = geometryOf(raw, 1);
    this.#factor = options.settings.normalisation === 'area' ? 1 / Math.sqrt(this.rawGeometry.area) : 1;
    this.vertices = raw.vertices.map((value) => value * this.#factor);
    this.faces = raw.faces;
  }

  get geometry(): MeshGeometry {
    return (this.#geometry ??= geometryOf({ ...this.raw, vertices: this.vertices }, this.#factor));
  }

  get topology(): MeshTopology {
    return (this.#topology ??= meshTopology(this.faces, this.vertices.length / 3));
  }

  get spectrum(): Spectrum {
    if (this.#spectrum !== null) return this.#spectrum;
    const { spectrum } = this.raw;
    if (spectrum === null) {
      throw new ProcessingError('INVALID_ARGUMENT', 'the descriptor needs the eigenpairs of the surface', {
        cure: 'compute them first, with laplaceBeltrami',
      });
    }
    const factor = this.#factor;
    const { eigenvalues, eigenvectors } = wholeSpectrum(spectrum);
    const k = spectrum.eigenvalues.length;
    if (eigenvalues.length < k && zeroModes(eigenvalues) === eigenvalues.length) {
      throw new ProcessingError('INVALID_ARGUMENT', `k = ${k} cuts the first group of equal eigenvalues`, {
        cure: `ask for ${spectrum.certificate?.count ?? 2 * k} eigenpairs or more`,
      });
    }
    return (this.#spectrum = {
      eigenvalues: Float64Array.from(eigenvalues, (value) => value / factor ** 2),
      eigenvectors: eigenvectors.map((value) => value / factor),
    });
  }

  get scales(): DescriptorScales {
    if (this.#scales !== null) return this.#scales;
    const { range, settings } = this.#options;
    return (this.#scales = scalesOf(range ?? rangeOf(this.spectrum.eigenvalues), settings));
  }

  get vertexCount(): number {
    return this.vertices.length / 3;
  }

  /** The surface as the topological descriptors see it. */
  aligned(): Float64Array {
    return this.#options.settings.align === 'none'
      ? this.vertices
      : alignToPrincipalAxes(this.vertices, this.geometry.barycentricAreas);
  }
}

/** Geometry of a surface, or of a point cloud as far as its areas say it; these are scaled by the square of `factor`. */
function geometryOf({ vertices, faces, areas }: SurfaceToDescribe, factor: number): MeshGeometry {
  const mesh = meshGeometry(vertices, faces);
  if (faces.length > 0) return mesh;
  if (areas?.length !== vertices.length / 3) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `a point cloud of ${vertices.length / 3} points has ${areas?.length ?? 0} areas`,
      { cure: 'give the area that each point stands for, as cloudLaplaceBeltrami has it' },
    );
  }
  const barycentricAreas = areas.map((own) => own * factor ** 2);
  return {
    ...mesh,
    barycentricAreas,
    area: barycentricAreas.reduce((sum, own) => sum + own, 0),
    volume: NaN,
  };
}

/** Every edge has two triangles. */
function isClosed({ vertices, faces }: SurfaceToDescribe): boolean {
  return (
    faces.length > 0 && boundaryMask(meshTopology(faces, vertices.length / 3)).every((mark) => mark === 0)
  );
}

/** First eigenvalue above 0, and the last. */
export function rangeOf(eigenvalues: ArrayLike<number>): SpectrumRange {
  const first = eigenvalues[zeroModes(eigenvalues)];
  const last = eigenvalues[eigenvalues.length - 1];
  if (first === undefined || last === undefined || !(first > 0)) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the spectrum has no eigenvalue above 0', {
      cure: 'compute more eigenpairs than the surface has parts',
    });
  }
  return { first_eigenvalue: first, last_eigenvalue: last };
}

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

/** A signature with a row per vertex. */
function signature(
  subject: Subject,
  values: Float64Array,
  prefix: string,
  parameters: Readonly<Record<string, unknown>>,
): Body {
  const columns = values.length / subject.vertexCount;
  return { values, rows: subject.vertexCount, columns: named(prefix, columns), parameters };
}

function scalar(
  subject: Subject,
  values: Float64Array,
  name: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Body {
  return { values, rows: subject.vertexCount, columns: [name], parameters };
}

function wavelets(kernel: 'mexican_hat' | 'heat') {
  return (subject: Subject, { wavelet_energy }: DescriptorSettings): Body => {
    const { waveletScales } = subject.scales;
    const values = waveletSignature(subject.spectrum, kernel, waveletScales, wavelet_energy);
    return signature(subject, values, 's', { scales: [...waveletScales], energy: wavelet_energy });
  };
}

function pointDistances(id: DescriptorType, distanceOf: (scales: DescriptorScales) => PointDistance) {
  return (subject: Subject, { distance_sources, normalisation }: DescriptorSettings): Body => {
    const distance = distanceOf(subject.scales);
    const { area } = subject.geometry;
    const { sources, distances, rootMeanSquare } = spreadDistances(
      subject.spectrum,
      distance,
      area,
      distance_sources,
    );
    const unit = unitText(DESCRIPTORS[id].lengthPower ?? 0, normalisation === 'area');
    let largest = 0;
    for (const value of distances) if (value > largest) largest = value;
    return {
      values: distances,
      rows: subject.vertexCount,
      columns: Array.from(sources, (vertex) => `from_${vertex}`),
      parameters: {
        sources: [...sources],
        ...(distance.kind === 'diffusion' ? { time: distance.time } : {}),
      },
      features: [
        { name: 'rms', value: rootMeanSquare, unit },
        { name: 'largest', value: largest, unit },
      ],
    };
  };
}

function geodesicsOf(
  kind: DescriptorSettings['geodesics'],
  { vertices, faces, topology }: Subject,
): Pick<EdgeGeodesics, 'from'> {
  switch (kind) {
    case 'heat':
      return new HeatGeodesics(vertices, faces);
    case 'exact':
      return new ExactGeodesics(vertices, faces);
    case 'edges':
      return new EdgeGeodesics(vertices, topology);
  }
}

function geodesic(pick: (found: DistanceScalars) => Float64Array, name: string) {
  return (subject: Subject, { geodesic_sources, geodesics: kind }: DescriptorSettings): Body => {
    const geodesics = geodesicsOf(kind, subject);
    const found = distanceScalars(
      (source) => geodesics.from([source]),
      subject.geometry.barycentricAreas,
      geodesic_sources,
    );
    return scalar(subject, pick(found), name, { sources: found.sources.length, distance: kind });
  };
}

type Compute = (subject: Subject, settings: DescriptorSettings) => Body;

/** Euler's constant: the sum of 1 / i up to k is ln k and this. */
const EULER = 0.5772156649015329;

/** How many entries of a long vector become features. */
const FEATURES = 20;

const COMPUTE: Partial<Record<DescriptorType, Compute>> = {
  shapedna: ({ raw, rawGeometry }, { shapedna_normalisation: normalisation }) => {
    const { area, volume } = rawGeometry;
    if (normalisation === 'volume' && !isClosed(raw)) {
      throw new ProcessingError('INVALID_ARGUMENT', 'normalisation by volume needs a closed surface', {
        cure: 'close the surface, or choose another shapedna_normalisation',
      });
    }
    const values = shapeDna(raw.spectrum!.eigenvalues, normalisation, { area, volume });
    const unit = normalisation === 'none' ? unitText(-2) : unitText(0);
    return {
      values,
      rows: 1,
      columns: named('l', values.length),
      units: Array.from(values, () => unit),
      // A value needs no eigenspace to be whole.
      parameters: { k: raw.spectrum!.eigenvalues.length, shapedna_normalisation: normalisation },
      features: Array.from(values.subarray(0, FEATURES), (value, i) => ({ name: `l${i + 1}`, value, unit })),
    };
  },
  hks: (subject, { hks_normalisation }) => {
    const { times } = subject.scales;
    return signature(subject, heatKernelSignature(subject.spectrum, times, hks_normalisation), 't', {
      times: [...times],
      hks_normalisation,
    });
  },
  si_hks: (subject, { si_hks_frequencies: frequencies, normalisation }) => {
    // In the unit of the coordinates only times that follow from its own spectrum make it independent of scale.
    const isOwn = normalisation === 'none';
    const times = isOwn ? heatTimes(subject.spectrum.eigenvalues, 256) : subject.scales.denseTimes;
    return signature(subject, scaleInvariantSignature(subject.spectrum, { times, frequencies }), 'f', {
      range: isOwn ? 'of this surface' : 'of the study',
      first_time: times[0],
      last_time: times.at(-1),
      times: times.length,
      frequencies,
    });
  },
  wks: (subject) => {
    const { energies } = subject.scales;
    return signature(subject, waveKernelSignature(subject.spectrum, energies), 'e', {
      energies: [...energies.energies],
      sigma: energies.sigma,
    });
  },
  gps: (subject, { gps_pairs: pairs, gps_bins: bins }) => {
    const embedding = globalPointSignature(subject.spectrum);
    const columns = embedding.length / subject.vertexCount;
    const norms = Float64Array.from({ length: subject.vertexCount }, (_, x) => {
      let sum = 0;
      for (let i = x * columns; i < (x + 1) * columns; i++) sum += embedding[i]! ** 2;
      return Math.sqrt(sum);
    });
    const { barycentricAreas } = subject.geometry;
    const random = seededRandom(subject.seed, 'gps pairs');
    // By Weyl's law of k modes, so that the bins of all surfaces of a study are the same.
    const reach = 3 * Math.sqrt((Math.log(columns + 1) + EULER) / (2 * Math.PI));
    const { fractions } = pointSignatureHistogram(
      subject.spectrum,
      barycentricAreas,
      () => random.uniform(),
      {
        pairs,
        bins,
        largest: reach,
      },
    );
    return {
      ...signature(subject, embedding, 'g', { histogram: [...fractions], histogram_reach: reach, pairs }),
      // Single coordinates change sign from surface to surface: norms and distances do not.
      features: [
        ...vertexFeatures(norms, ['norm'], ['1'], barycentricAreas).map((feature) => ({
          ...feature,
          name: `norm_${feature.name}`,
        })),
        {
          name: 'distance_mean',
          value: fractions.reduce((sum, share, bin) => sum + (share * reach * (bin + 0.5)) / bins, 0),
          unit: '1',
        },
      ],
    };
  },
  bates_sp: (subject, { polynomial_order: order, normalisation }) => {
    const times = subject.scales.polynomialTimes;
    const columns = Array.from(times, (_, t) => named(`t${t + 1}_e`, order)).flat();
    return {
      values: symmetricPolynomials(subject.spectrum, times, order),
      rows: subject.vertexCount,
      columns,
      units: columns.map((_, i) => unitText(-2 * ((i % order) + 1), normalisation === 'area')),
      parameters: { times: [...times], order },
    };
  },
  bks: (subject) => scalar(subject, biharmonicSignature(subject.spectrum), 'bks'),
  ibks: (subject, { ibks_alpha: alpha, ibks_rings: rings }) => {
    const { gaussian } = meshCurvatures(subject.vertices, subject.faces);
    const { area } = subject.geometry;
    const values = neighbourBiharmonicSignature(subject.spectrum, gaussian, area, subject.topology, {
      alpha,
      rings,
    });
    return scalar(subject, values, 'ibks', { alpha, rings });
  },
  biharmonic: pointDistances('biharmonic', () => ({ kind: 'biharmonic' })),
  commute_time: pointDistances('commute_time', () => ({ kind: 'commute_time' })),
  diffusion: pointDistances('diffusion', ({ diffusionTime: time }) => ({ kind: 'diffusion', time })),
  sgw_mexican_hat: wavelets('mexican_hat'),
  sgw_heat: wavelets('heat'),
  asmwd: (subject, { asmwd_directions, asmwd_alpha: alpha, asmwd_k }) => {
    const { waveletScales: scales } = subject.scales;
    // A small surface has fewer pairs than that.
    const k = Math.min(asmwd_k, subject.vertexCount);
    const { values, umbilicFaces } = anisotropicWavelets(subject.vertices, subject.faces, {
      angles: asmwd_directions,
      alpha,
      k,
      scales,
    });
    return {
      values,
      rows: subject.vertexCount,
      columns: named('a', asmwd_directions).flatMap((angle) => named(`${angle}_s`, scales.length)),
      parameters: {
        scales: [...scales],
        angles: asmwd_directions,
        alpha,
        anisotropic_k: k,
        triangles_without_direction: umbilicFaces,
      },
    };
  },
  shape_index: (subject) =>
    scalar(subject, shapeIndex(meshCurvatures(subject.vertices, subject.faces)), 'shape_index'),
  casorati: (subject) =>
    scalar(subject, curvedness(meshCurvatures(subject.vertices, subject.faces)), 'curvedness'),
  willmore_energy: ({ vertices, faces }) => {
    const { meanSquared, excess, excluded } = willmoreEnergy(meshCurvatures(vertices, faces));
    return {
      values: Float64Array.of(meanSquared, excess),
      rows: 1,
      columns: ['energy', 'excess'],
      parameters: { boundary_vertices_left_out: excluded },
      features: [
        { name: 'energy', value: meanSquared, unit: '1' },
        { name: 'excess', value: excess, unit: '1' },
      ],
    };
  },
  integral_invariant: (subject, { integral_radii, integral_directions: directions }) => {
    const side = Math.sqrt(subject.geometry.area);
    const radii = integral_radii.map((radius) => radius * side);
    return signature(subject, ballFractions(subject.vertices, subject.faces, radii, { directions }), 'r', {
      radii,
      directions,
    });
  },
  zernike_3d: ({ vertices, faces }, { zernike_order }) => {
    const { values, orders } = zernikeDescriptor(vertices, faces, zernike_order);
    const columns = orders.map(([n, l]) => `n${n}_l${l}`);
    return {
      values,
      rows: 1,
      columns,
      parameters: { order: zernike_order },
      features: columns.slice(0, FEATURES).map((name, i) => ({ name, value: values[i]!, unit: '1' })),
    };
  },
  sdf: (subject, { sdf_rays: rays, sdf_half_angle }) =>
    scalar(
      subject,
      shapeDiameter(subject.vertices, subject.faces, { rays, halfAngle: (sdf_half_angle * Math.PI) / 180 }),
      'diameter',
      { rays, half_angle_degrees: sdf_half_angle },
    ),
  agd: geodesic(({ average }) => average, 'average_distance'),
  eccentricity: geodesic(({ eccentricity }) => eccentricity, 'eccentricity'),
  ect: (subject, { ect_thresholds, align }) => {
    const { curves, thresholds, radius } = eulerCurves(subject.aligned(), subject.faces, {
      thresholds: ect_thresholds,
    });
    const directions = curves.length / thresholds.length;
    const mean = thresholds.map(
      (_, t) =>
        Array.from({ length: directions }, (_, d) => curves[d * thresholds.length + t]!).reduce(
          (a, b) => a + b,
        ) / directions,
    );
    return {
      values: Float64Array.from(curves),
      rows: directions,
      columns: Array.from(thresholds, (_, i) => `h${i + 1}`),
      parameters: { align, radius, thresholds: 'evenly from -radius to radius about the mean vertex' },
      features: [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875].map((share) => ({
        name: `mean_at_${share}`,
        value: mean[Math.round(share * (thresholds.length - 1))]!,
        unit: '1',
      })),
    };
  },
  pht: (subject, { pht_shortest, align, normalisation }) => {
    const shortest = pht_shortest * Math.sqrt(subject.geometry.area);
    const diagrams = heightDiagrams(subject.aligned(), subject.faces, { shortest });
    const unit = unitText(1, normalisation === 'area');
    const rows = diagrams.flatMap(({ components, loops }, direction) =>
      [components, loops].flatMap((pairs, degree) =>
        Array.from({ length: pairs.length / 2 }, (_, i) => [
          direction,
          degree,
          pairs[2 * i]!,
          pairs[2 * i + 1]!,
        ]),
      ),
    );
    const lives = (degree: number): number[] =>
      rows.filter((row) => row[1] === degree).map((row) => row[3]! - row[2]!);
    const features = [0, 1].flatMap((degree): Feature[] => [
      { name: `pairs_${degree}`, value: lives(degree).length, unit: '1' },
      { name: `persistence_${degree}`, value: lives(degree).reduce((sum, life) => sum + life, 0), unit },
      { name: `longest_${degree}`, value: Math.max(0, ...lives(degree)), unit },
    ]);
    return {
      values: Float64Array.from(rows.flat()),
      rows: rows.length,
      columns: ['direction', 'degree', 'birth', 'death'],
      units: ['1', '1', unit, unit],
      parameters: { align, shortest, directions: diagrams.map(({ direction }) => direction) },
      features,
    };
  },
  fractal_dim: ({ vertices, faces, seed }, { fractal_offsets }) => {
    const random = seededRandom(seed, 'fractal offsets');
    const offset = (): [number, number, number] => [random.uniform(), random.uniform(), random.uniform()];
    const found = Array.from({ length: fractal_offsets }, (_, i) =>
      boxCounts(vertices, faces, i === 0 ? [0, 0, 0] : offset()),
    );
    const mean = (of: (one: (typeof found)[number]) => number): number =>
      found.reduce((sum, one) => sum + of(one), 0) / found.length;
    const features = [
      { name: 'dimension', value: mean(({ dimension }) => dimension), unit: '1' },
      { name: 'r2', value: mean(({ r2 }) => r2), unit: '1' },
    ];
    return {
      values: Float64Array.from(features, ({ value }) => value),
      rows: 1,
      columns: ['dimension', 'r2'],
      parameters: {
        sides: found[0]!.sides,
        counts: found[0]!.counts,
        offsets: fractal_offsets,
        note: 'a smooth surface gives about 2 at these scales',
      },
      features,
    };
  },
};

/** Whether {@link describeSurface} can compute it. */
export function isDescriptorOfOneSurface(id: DescriptorType): boolean {
  return COMPUTE[id] !== undefined;
}
