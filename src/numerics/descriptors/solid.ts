/** Descriptors of the solid that a closed surface encloses, by rays: shape diameter and integral invariants. */
import { ProcessingError } from '../../errors.js';
import { TriangleTree, type Crossing } from '../mesh/bvh.js';
import { meshGeometry } from '../mesh/geometry.js';
import { boundaryMask, meshTopology } from '../mesh/topology.js';

/** Golden angle, radians, as the reference rays turn from one to the next. */
const GOLDEN_ANGLE = 2.399963;
/** Part of the longest side of the bounding box below which a crossing is the vertex' own triangle. */
const OWN_SURFACE = 1e-9;

/** Options of the shape diameter function. */
export interface ShapeDiameterOptions {
  /** Half the opening of the cone, radians. */
  readonly halfAngle?: number;
  readonly rays?: number;
  /** Vertices to compute; all where absent. */
  readonly vertices?: ArrayLike<number>;
  /** `ln(4 s + 1) / ln 5` with s scaled to [0, 1] over the vertices. */
  readonly logarithmic?: boolean;
}

/**
 * Shape diameter of each vertex: how thick the solid is there. Rays in a cone around the inward normal, first
 * crossings that leave the solid, those within one standard deviation of their median, averaged with the weight
 * 1 / angle.
 *
 * @param vertices - (n, 3), row per vertex, mm
 * @param faces - (m, 3), closed, normals outward
 * @returns (vertices asked for), mm, NaN where no ray leaves the solid; without unit when `logarithmic`
 * @throws ProcessingError INVALID_ARGUMENT when the surface is open
 * @see Shapira, Shamir & Cohen-Or 2008
 */
export function shapeDiameter(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  options: ShapeDiameterOptions = {},
): Float64Array {
  const { halfAngle = Math.PI / 3, rays = 30, logarithmic = false } = options;
  const { tree, normals, nearest } = solidOf(vertices, faces, 'the shape diameter');
  const chosen = options.vertices ?? Array.from({ length: vertices.length / 3 }, (_, i) => i);
  const cone = Array.from({ length: rays }, (_, j) => {
    const cosine = 1 - ((1 - Math.cos(halfAngle)) * (j + 0.5)) / rays;
    return {
      cosine,
      sine: Math.sqrt(1 - cosine * cosine),
      azimuth: j * GOLDEN_ANGLE,
      angle: Math.acos(cosine),
    };
  });
  const diameters = Float64Array.from(chosen, (vertex) => {
    const origin = pointAt(vertices, vertex);
    const normal = pointAt(normals, vertex);
    const [first, second] = tangentFrame(normal);
    const lengths: number[] = [];
    const weights: number[] = [];
    for (const { cosine, sine, azimuth, angle } of cone) {
      const direction = [0, 1, 2].map(
        (axis) =>
          sine * (Math.cos(azimuth) * first[axis]! + Math.sin(azimuth) * second[axis]!) -
          cosine * normal[axis]!,
      );
      const hit = nearestOf(tree.crossings(origin, direction, nearest));
      if (hit === undefined || hit.orientation <= 0) continue;
      lengths.push(hit.distance);
      weights.push(1 / angle);
    }
    return trimmedMean(lengths, weights);
  });
  return logarithmic ? toLogarithm(diameters) : diameters;
}

/** Options of the share of a ball that lies inside a surface. */
export interface BallFractionOptions {
  /** Directions on a Fibonacci sphere. */
  readonly directions?: number;
  /** Vertices to compute; all where absent. */
  readonly vertices?: ArrayLike<number>;
}

/**
 * Integral invariant: the part of the ball around a vertex that lies inside the solid. 1/2 - 3 H r / 16 for a small
 * radius r and mean curvature H.
 *
 * @param radii - (r), in the unit of the coordinates
 * @returns (vertices asked for, r), row per vertex, 0 to 1
 * @throws ProcessingError INVALID_ARGUMENT when the surface is open
 * @see Manay et al. 2006; Pottmann et al. 2009
 */
export function ballFractions(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  radii: ArrayLike<number>,
  options: BallFractionOptions = {},
): Float64Array {
  const { directions = 500 } = options;
  const { tree, nearest } = solidOf(vertices, faces, 'the integral invariant');
  const chosen = options.vertices ?? Array.from({ length: vertices.length / 3 }, (_, i) => i);
  const out = new Float64Array(chosen.length * radii.length);
  const sphere = fibonacciSphere(directions);
  for (let row = 0; row < chosen.length; row++) {
    const origin = pointAt(vertices, chosen[row]!);
    for (let d = 0; d < directions; d++) {
      const crossings = tree.crossings(origin, sphere.subarray(3 * d, 3 * d + 3), nearest);
      // Along a ray the solid is entered and left in turn; the first crossing says where it starts.
      crossings.sort((a, b) => a.distance - b.distance);
      let isInside = (crossings[0]?.orientation ?? -1) > 0;
      let from = 0;
      for (const { distance, orientation } of crossings) {
        if (isInside && orientation > 0) addShell(out, row, radii, from, distance, directions);
        isInside = orientation < 0;
        from = distance;
      }
    }
  }
  return out;
}

function addShell(
  out: Float64Array,
  row: number,
  radii: ArrayLike<number>,
  from: number,
  to: number,
  directions: number,
): void {
  for (let r = 0; r < radii.length; r++) {
    const radius = radii[r]!;
    const [a, b] = [Math.min(from / radius, 1), Math.min(to / radius, 1)];
    out[row * radii.length + r]! += (b ** 3 - a ** 3) / directions;
  }
}

/** Points of nearly equal spacing on the unit sphere, (count, 3). */
export function fibonacciSphere(count: number): Float64Array {
  const points = new Float64Array(3 * count);
  const turn = Math.PI * (3 - Math.sqrt(5));
  for (let i = 0; i < count; i++) {
    const z = 1 - (2 * i + 1) / count;
    const radius = Math.sqrt(1 - z * z);
    points.set([radius * Math.cos(i * turn), radius * Math.sin(i * turn), z], 3 * i);
  }
  return points;
}

function solidOf(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  what: string,
): { tree: TriangleTree; normals: Float64Array; nearest: number } {
  const open = boundaryMask(meshTopology(faces, vertices.length / 3)).indexOf(1);
  if (open >= 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${what} needs a closed surface; vertex ${open} is on a boundary`,
      {
        cure: 'close the surface, or leave this descriptor out',
      },
    );
  }
  const extents = [0, 1, 2].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < vertices.length; i += 3) {
      low = Math.min(low, vertices[i]!);
      high = Math.max(high, vertices[i]!);
    }
    return high - low;
  });
  return {
    tree: new TriangleTree(vertices, faces),
    normals: meshGeometry(vertices, faces).vertexNormals,
    nearest: OWN_SURFACE * Math.max(...extents),
  };
}

function pointAt(rows: ArrayLike<number>, i: number): [number, number, number] {
  return [rows[3 * i]!, rows[3 * i + 1]!, rows[3 * i + 2]!];
}

/** e1 = a x n, normalised, with a the coordinate axis that n is farthest from; e2 = n x e1. */
function tangentFrame([x, y, z]: readonly [number, number, number]): [number[], number[]] {
  const sizes = [Math.abs(x), Math.abs(y), Math.abs(z)];
  const axis = sizes.indexOf(Math.min(...sizes));
  const cross = axis === 0 ? [0, -z, y] : axis === 1 ? [z, 0, -x] : [-y, x, 0];
  const length = Math.hypot(...cross);
  const [a, b, c] = cross.map((value) => value / length) as [number, number, number];
  return [
    [a, b, c],
    [y * c - z * b, z * a - x * c, x * b - y * a],
  ];
}

function nearestOf(crossings: readonly Crossing[]): Crossing | undefined {
  let best: Crossing | undefined;
  for (const crossing of crossings)
    if (best === undefined || crossing.distance < best.distance) best = crossing;
  return best;
}

function trimmedMean(lengths: readonly number[], weights: readonly number[]): number {
  const count = lengths.length;
  if (count === 0) return NaN;
  const sorted = [...lengths].sort((a, b) => a - b);
  const median = (sorted[(count - 1) >> 1]! + sorted[count >> 1]!) / 2;
  const mean = lengths.reduce((sum, length) => sum + length, 0) / count;
  const deviation = Math.sqrt(lengths.reduce((sum, length) => sum + (length - mean) ** 2, 0) / count);
  let [sum, total] = [0, 0];
  for (let i = 0; i < count; i++) {
    if (Math.abs(lengths[i]! - median) > deviation) continue;
    sum += weights[i]! * lengths[i]!;
    total += weights[i]!;
  }
  // With two far values the median can lie farther than one deviation from both.
  return total > 0 ? sum / total : median;
}

function toLogarithm(diameters: Float64Array): Float64Array {
  const finite = diameters.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const range = finite.reduce((a, b) => Math.max(a, b), -Infinity) - low;
  return diameters.map(
    (value) => Math.log((4 * (value - low)) / (range === 0 ? 1 : range) + 1) / Math.log(5),
  );
}
