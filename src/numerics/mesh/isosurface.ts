/** Surfaces from volumes. */
import { ProcessingError } from '../../errors.js';
import { meshTopology } from './topology.js';

/** A triangle mesh. */
export interface TriangleMesh {
  /** (n, 3) */
  readonly vertices: Float64Array;
  /** (m, 3), counter-clockwise seen from where values are below the level. */
  readonly faces: Int32Array;
}

/** The six tetrahedra of a cube around its diagonal, corners as bits x + 2 y + 4 z: equal in all cubes, so that they fit. */
const TETRAHEDRA = [
  [0, 1, 3, 7],
  [0, 3, 2, 7],
  [0, 2, 6, 7],
  [0, 6, 4, 7],
  [0, 4, 5, 7],
  [0, 5, 1, 7],
] as const;

/**
 * Surface where a volume passes a level, by marching tetrahedra: closed, without holes or ambiguous cases; what lies
 * outside the volume has the value `outside`.
 *
 * @param values - shape `shape`, last axis fastest; a sample above the level is inside
 * @param affine - (4, 4) row-major, voxel to world; voxel indices where absent
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (nothing is above the level, or `outside` is)
 * @see Doi & Koide 1991
 */
export function isosurface(
  values: ArrayLike<number>,
  shape: readonly [number, number, number],
  level: number,
  affine?: ArrayLike<number>,
  outside = 0,
): TriangleMesh {
  const where = 'isosurface';
  const [nx, ny, nz] = shape;
  if (values.length !== nx * ny * nz) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${values.length} values for a volume of ${shape.join(' x ')}`,
      {
        where,
        cure: 'give one value per voxel, last axis fastest',
      },
    );
  }
  if (outside > level) {
    throw new ProcessingError('INVALID_ARGUMENT', `the outside, ${outside}, is above the level ${level}`, {
      where,
      cure: 'give a level above the value outside the volume',
    });
  }
  // One layer of samples around the volume.
  const [wy, wz] = [ny + 2, nz + 2];
  const sample = (x: number, y: number, z: number): number =>
    x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? outside : values[(x * ny + y) * nz + z]!;
  const number = (x: number, y: number, z: number): number => ((x + 1) * wy + y + 1) * wz + z + 1;
  const vertices: number[] = [];
  const faces: number[] = [];
  const known = new Map<number, number>();
  const total = (nx + 2) * wy * wz;
  const corner = { numbers: new Float64Array(8), values: new Float64Array(8), places: new Float64Array(24) };
  const crossing = (p: number, q: number): number => {
    const [low, high] = corner.numbers[p]! < corner.numbers[q]! ? [p, q] : [q, p];
    const key = corner.numbers[low]! * total + corner.numbers[high]!;
    const found = known.get(key);
    if (found !== undefined) return found;
    const part = (level - corner.values[low]!) / (corner.values[high]! - corner.values[low]!);
    for (let axis = 0; axis < 3; axis++) {
      const [a, b] = [corner.places[3 * low + axis]!, corner.places[3 * high + axis]!];
      vertices.push(a + part * (b - a));
    }
    known.set(key, vertices.length / 3 - 1);
    return vertices.length / 3 - 1;
  };
  for (let x = -1; x < nx; x++) {
    for (let y = -1; y < ny; y++) {
      for (let z = -1; z < nz; z++) {
        let inside = 0;
        for (let c = 0; c < 8; c++) {
          const [i, j, k] = [x + (c & 1), y + ((c >> 1) & 1), z + (c >> 2)];
          corner.values[c] = sample(i, j, k);
          corner.numbers[c] = number(i, j, k);
          corner.places.set([i, j, k], 3 * c);
          if (corner.values[c]! > level) inside++;
        }
        if (inside === 0 || inside === 8) continue;
        for (const tetrahedron of TETRAHEDRA) cut(tetrahedron, corner.values, level, crossing, faces);
      }
    }
  }
  if (faces.length === 0) {
    throw new ProcessingError('INVALID_ARGUMENT', `no voxel is above ${level}`, {
      where,
      cure: 'give a label that the volume has, or less smoothing',
    });
  }
  return inWorld(Float64Array.from(vertices), Int32Array.from(faces), affine);
}

/** Triangles of one tetrahedron; its corners are in an order of positive volume. */
function cut(
  [a, b, c, d]: readonly [number, number, number, number],
  values: Float64Array,
  level: number,
  crossing: (p: number, q: number) => number,
  faces: number[],
): void {
  const isInside = (p: number): boolean => values[p]! > level;
  const mask = (isInside(a) ? 1 : 0) + (isInside(b) ? 2 : 0) + (isInside(c) ? 4 : 0) + (isInside(d) ? 8 : 0);
  // For each single corner the other three, counter-clockwise seen from it: even permutations keep the volume positive.
  const orders = [
    [a, b, c, d],
    [b, a, d, c],
    [c, d, a, b],
    [d, c, b, a],
  ] as const;
  const single = [1, 2, 4, 8].indexOf(mask);
  const missing = [14, 13, 11, 7].indexOf(mask);
  if (single >= 0 || missing >= 0) {
    const [p, q, r, s] = orders[single >= 0 ? single : missing]!;
    const triangle = [crossing(p, q), crossing(p, r), crossing(p, s)] as const;
    if (single >= 0) faces.push(...triangle);
    else faces.push(triangle[0], triangle[2], triangle[1]);
    return;
  }
  const pairs: readonly (readonly [number, readonly [number, number, number, number]])[] = [
    [3, [a, b, c, d]],
    [5, [a, c, d, b]],
    [9, [a, d, b, c]],
    [6, [b, c, a, d]],
    [10, [b, d, c, a]],
    [12, [c, d, a, b]],
  ];
  const found = pairs.find(([wanted]) => wanted === mask);
  if (found === undefined) return;
  const [p, q, r, s] = found[1];
  const [pr, ps, qr, qs] = [crossing(p, r), crossing(p, s), crossing(q, r), crossing(q, s)];
  faces.push(pr, ps, qs, pr, qs, qr);
}

function inWorld(vertices: Float64Array, faces: Int32Array, affine?: ArrayLike<number>): TriangleMesh {
  if (affine === undefined) return { vertices, faces };
  const m = Array.from(affine);
  for (let i = 0; i < vertices.length; i += 3) {
    const [x, y, z] = [vertices[i]!, vertices[i + 1]!, vertices[i + 2]!];
    for (let row = 0; row < 3; row++) {
      vertices[i + row] = m[4 * row]! * x + m[4 * row + 1]! * y + m[4 * row + 2]! * z + m[4 * row + 3]!;
    }
  }
  const determinant =
    m[0]! * (m[5]! * m[10]! - m[6]! * m[9]!) -
    m[1]! * (m[4]! * m[10]! - m[6]! * m[8]!) +
    m[2]! * (m[4]! * m[9]! - m[5]! * m[8]!);
  // A mirrored space turns triangles over.
  if (determinant < 0) for (let t = 0; t < faces.length; t += 3) faces.set([faces[t + 1]!, faces[t]!], t);
  return { vertices, faces };
}

/** Options of drawing the surface of a label. */
export interface LabelSurfaceOptions {
  /**
   * Standard deviation of the Gaussian that the mask is smoothed with, voxels; 0 for none. It draws a surface of radius r
   * in by its square over r.
   */
  readonly smoothing?: number;
  /** Taubin cycles (0.5, -0.53) on the surface. */
  readonly cycles?: number;
}

/**
 * Surface of a label of a volume: its mask is smoothed, cut at one half, and the surface smoothed without shrinking. Only the
 * part of the volume around the label is worked on.
 *
 * @param labels - shape `shape`, last axis fastest
 * @param wanted - label or labels that make the region
 * @param affine - (4, 4) row-major, voxel to world
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (the volume has none of the labels, or so few voxels of them that
 *   nothing is above one half when they are smoothed)
 * @see Taubin 1995
 */
export function labelSurface(
  labels: ArrayLike<number>,
  shape: readonly [number, number, number],
  wanted: number | readonly number[],
  affine: ArrayLike<number>,
  { smoothing = 1, cycles = 15 }: LabelSurfaceOptions = {},
): TriangleMesh {
  if (labels.length !== shape[0] * shape[1] * shape[2]) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${labels.length} labels for a volume of ${shape.join(' x ')}`,
      {
        where: 'labelSurface',
        cure: 'give one label per voxel, last axis fastest',
      },
    );
  }
  const chosen = new Set(typeof wanted === 'number' ? [wanted] : wanted);
  const box = boxOf(labels, shape, chosen, smoothing > 0 ? gaussianReach(smoothing) + 1 : 1);
  if (box === null) {
    throw new ProcessingError('INVALID_ARGUMENT', `no voxel has the label ${[...chosen].join(' or ')}`, {
      where: 'labelSurface',
      cure: 'look at the labels of the volume',
    });
  }
  const { start, size } = box;
  const mask = new Float64Array(size[0] * size[1] * size[2]);
  for (let x = 0, at = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      const row = ((start[0] + x) * shape[1] + start[1] + y) * shape[2] + start[2];
      for (let z = 0; z < size[2]; z++, at++) if (chosen.has(labels[row + z]!)) mask[at] = 1;
    }
  }
  const smooth = smoothing > 0 ? gaussianSmoothed(mask, size, smoothing) : mask;
  if (!smooth.some((value) => value > 0.5)) {
    const voxels = mask.reduce((sum, value) => sum + value, 0);
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `the label ${[...chosen].join(' or ')} (${voxels} voxel${voxels === 1 ? '' : 's'}) vanishes under smoothing ${smoothing}`,
      { where: 'labelSurface', cure: 'lower smoothing; 0 draws the voxels as they are' },
    );
  }
  const { vertices, faces } = isosurface(smooth, size, 0.5, startingAt(affine, start));
  return { vertices: taubinSmoothed(vertices, faces, cycles), faces };
}

type Triple = readonly [number, number, number];

/** The part of a volume that a label and its smoothed rim are in; null: no voxel has it. */
function boxOf(
  labels: ArrayLike<number>,
  shape: Triple,
  chosen: ReadonlySet<number>,
  margin: number,
): { readonly start: Triple; readonly size: Triple } | null {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let x = 0, at = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let z = 0; z < shape[2]; z++, at++) {
        if (!chosen.has(labels[at]!)) continue;
        const place = [x, y, z];
        for (let axis = 0; axis < 3; axis++) {
          low[axis] = Math.min(low[axis]!, place[axis]!);
          high[axis] = Math.max(high[axis]!, place[axis]!);
        }
      }
    }
  }
  if (low[0] === Infinity) return null;
  const start = low.map((first) => Math.max(0, first - margin)) as [number, number, number];
  const size = high.map((last, axis) => Math.min(shape[axis]!, last + margin + 1) - start[axis]!);
  return { start, size: size as [number, number, number] };
}

/** The affine of the part of a volume that starts at a voxel. */
function startingAt(affine: ArrayLike<number>, start: Triple): number[] {
  const moved = Array.from(affine);
  for (let row = 0; row < 3; row++) {
    for (let axis = 0; axis < 3; axis++) moved[4 * row + 3]! += affine[4 * row + axis]! * start[axis]!;
  }
  return moved;
}

function gaussianReach(sigma: number): number {
  return Math.ceil(4 * sigma);
}

/** Separable Gaussian; what lies outside the volume counts as 0. */
function gaussianSmoothed(
  values: Float64Array,
  shape: readonly [number, number, number],
  sigma: number,
): Float64Array {
  const reach = gaussianReach(sigma);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  let current = values;
  const strides = [shape[1] * shape[2], shape[2], 1];
  for (let axis = 0; axis < 3; axis++) {
    const [length, stride] = [shape[axis]!, strides[axis]!];
    const next = new Float64Array(values.length);
    for (let at = 0; at < values.length; at++) {
      const value = current[at]!;
      if (value === 0) continue;
      const place = Math.floor(at / stride) % length;
      for (let k = Math.max(-reach, -place); k <= Math.min(reach, length - 1 - place); k++) {
        next[at + k * stride]! += (value * kernel[k + reach]!) / sum;
      }
    }
    current = next;
  }
  return current;
}

/**
 * Taubin's smoothing: every vertex moves half-way to the mean of its neighbours, then a little farther back, so that the
 * surface does not shrink.
 *
 * @param vertices - (n, 3)
 * @returns (n, 3)
 */
export function taubinSmoothed(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  cycles = 10,
): Float64Array {
  const { neighbours, neighbourStarts, vertexCount } = meshTopology(faces, vertices.length / 3);
  let current = Float64Array.from(vertices);
  for (let step = 0; step < 2 * cycles; step++) {
    const factor = step % 2 === 0 ? 0.5 : -0.53;
    const next = current.slice();
    for (let i = 0; i < vertexCount; i++) {
      const [first, last] = [neighbourStarts[i]!, neighbourStarts[i + 1]!];
      if (first === last) continue;
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (let e = first; e < last; e++) sum += current[3 * neighbours[e]! + axis]!;
        next[3 * i + axis]! += factor * (sum / (last - first) - current[3 * i + axis]!);
      }
    }
    current = next;
  }
  return current;
}
