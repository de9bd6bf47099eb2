/** Which descriptors see a change of a surface. */
import { ProcessingError } from '../../errors.js';
import { meshComponents, meshTopology } from '../mesh/topology.js';
import { meshGeometry } from '../mesh/geometry.js';
import { seededRandom } from '../random.js';
import { functionCoefficients, shapeDifferences } from '../spectral/functional-map.js';
import { laplaceBeltrami } from '../spectral/laplace-beltrami.js';
import { crossValidated, type ClassifierResult } from '../stats/ridge-classifier.js';
import { derivativeEnergies, derivativeWaveSignature } from './derivative-wave-signature.js';
import { describeSurface, isDescriptorOfOneSurface, rangeOf } from './describe.js';
import {
  ELIGIBILITY,
  exclusionReason,
  type AnalysisObjective,
  type EligibilityRegistry,
} from './eligibility.js';
import { vertexFeatures } from './features.js';
import { DESCRIPTORS, type DescriptorType } from './registry.js';
import { DescriptorSettings } from './settings.js';
import { weightedSpectralDistance } from './spectral-distances.js';
import { areaNormalised, zeroModes, type Spectrum } from './signatures.js';
import { surrogateSurfaces } from './surrogates.js';

/** Areas from half to twice: what the area difference of a map has eigenvalues of. */
const DIFFERENCE_ENERGIES = derivativeEnergies([0.5, 2], 8);

/** Options of `recommendDescriptors`: the objective, and how copies are made. */
export interface RecommendOptions {
  readonly objective: AnalysisObjective;
  /** Deformed copies, half of them with the change. */
  readonly surrogates?: number;
  /** Typical height of random bumps on every copy, part of sqrt(area). */
  readonly noise?: number;
  /** Eigenpairs per copy. */
  readonly k?: number;
  readonly permutations?: number;
  readonly seed?: number;
  /** Parameters of the descriptors; `normalisation` is chosen by the objective. */
  readonly settings?: Partial<DescriptorSettings>;
  /** Other members than the built-in ones. */
  readonly eligibility?: Partial<EligibilityRegistry>;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A descriptor with its score on deformed copies, or why it was not tried. */
export type Recommendation =
  | ({
      readonly descriptor: DescriptorType;
      readonly status: 'evaluated';
      /** 0.5 AUC + 0.3 balanced accuracy + 0.2 min(effect / 2, 1). */
      readonly score: number;
      readonly cost: string;
    } & ClassifierResult)
  | { readonly descriptor: DescriptorType; readonly status: 'excluded'; readonly reason: string };

/**
 * Tries the descriptors that are eligible for an objective: the surface is deformed many times, half of the copies carry the change
 * of the objective, and a cross-validated classifier says how well the features of a descriptor tell them from the others.
 *
 * The answer is about this kind of change and this surface: a guide to a choice, not a power calculation.
 *
 * @returns evaluated ones by score, then excluded ones with the reason
 * @throws ProcessingError INVALID_ARGUMENT (fewer than 10 surrogates), and what laplaceBeltrami throws
 */
export function recommendDescriptor(
  vertices: Float64Array,
  faces: Int32Array,
  options: RecommendOptions,
): Recommendation[] {
  const { objective, surrogates = 30, noise = 0.005, k = 30, permutations = 500, seed = 42 } = options;
  if (surrogates < 10) {
    throw new ProcessingError('INVALID_ARGUMENT', `${surrogates} surrogates are too few for five folds`, {
      where: 'recommendDescriptor',
      cure: 'ask for 10 or more',
    });
  }
  const topology = meshTopology(faces, vertices.length / 3);
  const traits = {
    isClosed: topology.edgeFaceCounts.every((count) => count === 2),
    components: meshComponents(topology).count,
  };
  const members = options.eligibility?.[objective] ?? ELIGIBILITY[objective];
  const excluded: Recommendation[] = [];
  const tried: DescriptorType[] = [];
  for (const descriptor of members) {
    const reason = exclusionReason(descriptor, traits);
    if (reason === null) tried.push(descriptor);
    else excluded.push({ descriptor, status: 'excluded', reason });
  }
  // What is made of smaller and larger copies cannot be seen where size is divided out.
  const normalisation = objective === 'longitudinal_change' ? 'none' : 'area';
  const settings = DescriptorSettings.parse({
    ...options.settings,
    normalisation,
    shapedna_normalisation: normalisation,
  });
  const spectrumOf = (points: Float64Array): Spectrum => laplaceBeltrami(points, faces, { k });
  const sized = (spectrum: Spectrum, points: Float64Array): Spectrum =>
    normalisation === 'none' ? spectrum : areaNormalised(spectrum, meshGeometry(points, faces).area);
  const spectrumAtRest = spectrumOf(vertices);
  const reference = sized(spectrumAtRest, vertices);
  const range = rangeOf(reference.eigenvalues);
  const copies = surrogateSurfaces(vertices, faces, objective, seededRandom(seed, 'surrogates'), {
    count: surrogates,
    noise,
  });
  const rows = new Map<DescriptorType, number[]>(tried.map((id) => [id, []]));
  const failed = new Map<DescriptorType, string>();
  copies.forEach((copy, done) => {
    const spectrum = spectrumOf(copy.vertices);
    for (const id of tried) {
      if (failed.has(id)) continue;
      try {
        rows.get(id)!.push(...featuresOf(id, copy.vertices, spectrum));
      } catch (error) {
        if (!(error instanceof ProcessingError)) throw error;
        failed.set(id, error.message);
      }
    }
    options.onProgress?.(done + 1, copies.length);
  });

  function featuresOf(id: DescriptorType, points: Float64Array, spectrum: Spectrum): number[] {
    if (isDescriptorOfOneSurface(id)) {
      return describeSurface(
        id,
        { vertices: points, faces, spectrum },
        { settings, range, seed },
      ).features.map(({ value }) => value);
    }
    if (id === 'dwks') return differenceFeatures(spectrum, points);
    // A distance between two shapes is taken to the surface itself.
    const [own, other] = [sized(spectrum, points), reference].map(({ eigenvalues }) =>
      Array.from(eigenvalues).slice(zeroModes(eigenvalues)),
    );
    return [weightedSpectralDistance(own!, other!, settings.wesd_p)];
  }

  /** Wave kernel signature of the area difference between the surface and a copy of it: equal numbers are equal places. */
  function differenceFeatures(spectrum: Spectrum, points: Float64Array): number[] {
    const target = {
      eigenvalues: spectrum.eigenvalues,
      eigenvectors: spectrum.eigenvectors,
      masses: meshGeometry(points, faces).barycentricAreas,
    };
    const map = functionCoefficients(target, spectrumAtRest.eigenvectors);
    const { area } = shapeDifferences(map, spectrumAtRest.eigenvalues, spectrum.eigenvalues);
    const signature = derivativeWaveSignature(spectrumAtRest, area, DIFFERENCE_ENERGIES);
    const names = Array.from(DIFFERENCE_ENERGIES.energies, (_, e) => `e${e + 1}`);
    const { barycentricAreas } = meshGeometry(vertices, faces);
    return vertexFeatures(signature, names, names, barycentricAreas).map(({ value }) => value);
  }

  const labels = copies.map(({ label }) => label);
  const evaluated = tried.flatMap((descriptor): (Recommendation & { status: 'evaluated' })[] => {
    const reason = failed.get(descriptor);
    if (reason !== undefined) {
      excluded.push({ descriptor, status: 'excluded', reason });
      return [];
    }
    const features = Float64Array.from(rows.get(descriptor)!, (value) =>
      Number.isFinite(value) ? value : 0,
    );
    const random = seededRandom(seed, `classifier ${descriptor}`);
    const result = crossValidated(features, labels, random, { permutations });
    const gain = Math.min(Math.max(result.effect, 0) / 2, 1);
    const score = 0.5 * result.auc + 0.3 * result.balancedAccuracy + 0.2 * gain;
    return [{ descriptor, status: 'evaluated', score, cost: DESCRIPTORS[descriptor].cost, ...result }];
  });
  evaluated.sort((a, b) => b.score - a.score || a.descriptor.localeCompare(b.descriptor));
  return [...evaluated, ...excluded];
}
