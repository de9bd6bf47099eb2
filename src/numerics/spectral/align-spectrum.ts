import { ProcessingError } from '../../errors.js';
import {
  areaNormalised,
  commonModes,
  heatKernelSignature,
  logSpaced,
  waveEnergies,
  waveKernelSignature,
  zeroModes,
  type Spectrum,
} from '../descriptors/signatures.js';
import { matrix, multiply, type Matrix } from '../linalg/matrix.js';
import { singularValues } from '../linalg/singular-values.js';
import { KdTree } from '../mesh/kd-tree.js';
import {
  functionalMap,
  functionCoefficients,
  mapOfPoints,
  nearestOrthogonal,
  zoomOut,
  type MappedShape,
} from './functional-map.js';
import type { AlignmentStart } from './settings.js';

/** Vertices that ZoomOut looks at while the map grows; the last map is of all. */
const SAMPLES = 1500;

/** A surface whose eigenvectors are to be aligned, or aligned to. */
export interface AlignmentShape extends MappedShape {
  /** (n, 3): needed for the start `coordinates`. */
  readonly vertices?: ArrayLike<number>;
}

/** How eigenvectors of two surfaces are brought to the same signs and bases. */
export interface AlignmentOptions {
  /**
   * `vertices`: equal numbers are equal places (surfaces with the same triangles); `coordinates`: the nearest vertex, for
   * surfaces in one space; `descriptors`: heat and wave kernel signatures, which cannot tell mirror images apart.
   */
  readonly start?: AlignmentStart;
  /** Eigenpairs of the first map; fewer where that would cut a group of equal eigenvalues. */
  readonly startSize?: number;
  /** Refinement by ZoomOut; never for the start `vertices`. */
  readonly refine?: boolean;
}

/** Eigenvectors of a surface in the order and with the signs of those of a reference. */
export interface AlignedSpectrum {
  /** (n, k): the surface's eigenvectors, turned by `rotation`: mass-orthonormal as before. */
  readonly eigenvectors: Float64Array;
  /** (k, k): column j holds mode j of the reference in the modes of the surface; orthogonal. */
  readonly rotation: Matrix;
  /** (k, k): the functional map from the reference before it was made orthogonal. */
  readonly map: Matrix;
  /** (n): vertex of the reference that corresponds, -1 for a vertex in no triangle. */
  readonly points: Int32Array;
  /** (k), descending: singular values of the map, 1 where a mode of the reference is found again as a whole. */
  readonly singularValues: Float64Array;
  /** (k): squared length of the diagonal entry; 1 where mode j of the surface is mode j of the reference or its negative. */
  readonly agreement: Float64Array;
}

/**
 * Aligns the eigenvectors of a surface to those of a reference by a functional map, so that values of mode j can be
 * compared between subjects: signs, exchanged modes and turned eigenspaces are undone, and nothing else. Modes of eigenvalue 0
 * are kept apart from the others.
 *
 * @param subject - eigenpairs of the surface, k of them
 * @param reference - eigenpairs of the reference, k of them too
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (no coordinates)
 */
export function alignSpectrum(
  subject: AlignmentShape,
  reference: AlignmentShape,
  { start = 'coordinates', startSize = 20, refine = true }: AlignmentOptions = {},
): AlignedSpectrum {
  const k = reference.eigenvalues.length;
  const where = 'alignSpectrum';
  if (subject.eigenvalues.length !== k) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${subject.eigenvalues.length} modes for ${k} of the reference`,
      {
        where,
        cure: 'compute the same number of eigenpairs for all surfaces',
      },
    );
  }
  const size: readonly [number, number] = [k, k];
  const small = commonModes(subject, reference, Math.min(startSize, k));
  let points: Int32Array;
  let map: Matrix;
  if (start === 'descriptors') {
    const first = descriptorMap(subject, reference, small);
    ({ map, points } = zoomOut(first, reference, subject, { size: k, samples: SAMPLES }));
  } else {
    points = start === 'vertices' ? sameVertices(subject, reference) : nearestVertices(subject, reference);
    if (refine && start === 'coordinates') {
      const first = mapOfPoints(points, reference, subject, [small, small]);
      ({ map, points } = zoomOut(first, reference, subject, { size: k, samples: SAMPLES }));
    } else map = mapOfPoints(points, reference, subject, size);
  }
  const rotation = alignedRotation(map, subject, reference);
  return {
    eigenvectors: turnedModes(subject, rotation),
    rotation,
    map,
    points,
    singularValues: singularValues(map).values,
    agreement: Float64Array.from({ length: k }, (_, j) => rotation.values[j * k + j]! ** 2),
  };
}

/** The orthogonal matrix nearest to the map; modes of eigenvalue 0 are turned among themselves where both have as many. */
function alignedRotation(map: Matrix, subject: MappedShape, reference: MappedShape): Matrix {
  const zeros = zeroModes(subject.eigenvalues);
  if (zeros === 0 || zeros !== zeroModes(reference.eigenvalues)) return nearestOrthogonal(map);
  const k = map.rows;
  const out = matrix(k, k);
  for (const [from, to] of [
    [0, zeros],
    [zeros, k],
  ] as const) {
    const side = to - from;
    const block = matrix(side, side);
    for (let i = 0; i < side; i++) {
      block.values.set(map.values.subarray((from + i) * k + from, (from + i) * k + to), i * side);
    }
    const turned = nearestOrthogonal(block).values;
    for (let i = 0; i < side; i++)
      out.values.set(turned.subarray(i * side, (i + 1) * side), (from + i) * k + from);
  }
  return out;
}

/** Map from reference to subject by signatures at dimensionless times and energies, the same for both. */
function descriptorMap(subject: MappedShape, reference: MappedShape, size: number): Matrix {
  const [from, to] = [reference, subject].map((shape) => unitArea(shape)) as [Normalised, Normalised];
  const times = logSpaced(1e-3, 10 ** -0.5, 12);
  const energies = waveEnergies(from.spectrum.eigenvalues, 12);
  const [source, target] = [from, to].map(({ shape, spectrum }) => {
    const heat = functionCoefficients(shape, heatKernelSignature(spectrum, times), size);
    const wave = functionCoefficients(shape, waveKernelSignature(spectrum, energies), size);
    return joined(heat, wave);
  }) as [Matrix, Matrix];
  // Columns weigh alike: each is scaled by its length on the reference.
  for (let c = 0; c < source.columns; c++) {
    let squares = 0;
    for (let i = 0; i < size; i++) squares += source.values[i * source.columns + c]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    for (const table of [source, target]) {
      for (let i = 0; i < size; i++) table.values[i * table.columns + c]! *= scale;
    }
  }
  const eigenvalues = [from, to].map(({ spectrum }) =>
    Float64Array.from(spectrum.eigenvalues).subarray(0, size),
  );
  return functionalMap(source, target, { eigenvalues: [eigenvalues[0]!, eigenvalues[1]!] });
}

interface Normalised {
  readonly spectrum: Spectrum;
  readonly shape: MappedShape;
}

function unitArea({ eigenvalues, eigenvectors, masses }: MappedShape): Normalised {
  const area = Array.from(masses).reduce((sum, mass) => sum + mass, 0);
  const spectrum = areaNormalised({ eigenvalues, eigenvectors }, area);
  return { spectrum, shape: { ...spectrum, masses: Float64Array.from(masses, (mass) => mass / area) } };
}

function joined(a: Matrix, b: Matrix): Matrix {
  const columns = a.columns + b.columns;
  const values = new Float64Array(a.rows * columns);
  for (let i = 0; i < a.rows; i++) {
    values.set(a.values.subarray(i * a.columns, (i + 1) * a.columns), i * columns);
    values.set(b.values.subarray(i * b.columns, (i + 1) * b.columns), i * columns + a.columns);
  }
  return { rows: a.rows, columns, values };
}

function sameVertices(subject: MappedShape, reference: MappedShape): Int32Array {
  if (subject.masses.length !== reference.masses.length) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${subject.masses.length} vertices and ${reference.masses.length} of the reference do not correspond by number`,
      { where: 'alignSpectrum', cure: "choose the start 'coordinates' or 'descriptors'" },
    );
  }
  const k = reference.eigenvalues.length;
  return Int32Array.from({ length: subject.masses.length }, (_, x) =>
    Number.isNaN(subject.eigenvectors[x * k]) || Number.isNaN(reference.eigenvectors[x * k]) ? -1 : x,
  );
}

function nearestVertices(subject: AlignmentShape, reference: AlignmentShape): Int32Array {
  if (subject.vertices === undefined || reference.vertices === undefined) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      "the start 'coordinates' needs the vertices of both surfaces",
      {
        where: 'alignSpectrum',
        cure: "give them, or choose the start 'descriptors'",
      },
    );
  }
  const k = reference.eigenvalues.length;
  const used = Int32Array.from({ length: reference.masses.length }, (_, x) => x).filter(
    (x) => !Number.isNaN(reference.eigenvectors[x * k]),
  );
  const tree = new KdTree(Float64Array.from(reference.vertices), 3, used);
  const queries = Float64Array.from(subject.vertices);
  return Int32Array.from({ length: subject.masses.length }, (_, x) =>
    Number.isNaN(subject.eigenvectors[x * k]) ? -1 : (tree.nearest(queries, x, 1).points[0] ?? -1),
  );
}

/** Eigenvectors times rotation. */
function turnedModes({ eigenvectors, masses }: MappedShape, rotation: Matrix): Float64Array {
  const table = { rows: masses.length, columns: rotation.rows, values: eigenvectors };
  return multiply(table, rotation).values;
}
