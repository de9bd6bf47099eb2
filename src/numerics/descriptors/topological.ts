/** Descriptors by heights along directions: Euler characteristic transform and persistent homology transform. */
import { meshTopology } from '../mesh/topology.js';

/** The 26 normalised vectors of {-1, 0, 1}^3 without 0, x slowest, (26, 3). */
export const CUBE_DIRECTIONS: Float64Array = cubeDirections();

function cubeDirections(): Float64Array {
  const rows: number[] = [];
  for (const x of [-1, 0, 1]) {
    for (const y of [-1, 0, 1]) {
      for (const z of [-1, 0, 1]) {
        const length = Math.hypot(x, y, z);
        if (length > 0) rows.push(x / length, y / length, z / length);
      }
    }
  }
  return Float64Array.from(rows);
}

/** Euler characteristic curves of a surface, a row per direction. */
export interface EulerCurves {
  /** (directions, thresholds), whole numbers. */
  readonly curves: Int32Array;
  /** (thresholds), heights from -radius to radius, unit of the coordinates. */
  readonly thresholds: Float64Array;
  /** Mean of the vertices. */
  readonly centre: readonly [number, number, number];
  /** Largest distance of a vertex from the centre. */
  readonly radius: number;
}

/**
 * Euler characteristic transform: for each direction and height, vertices - edges + triangles whose vertices all lie
 * at or below the height. Not invariant to rotation: align the meshes first.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), row per triangle
 * @param options.directions - (d, 3), unit vectors; the 26 of a cube where absent
 * @param options.thresholds - number of heights
 * @see Turner, Mukherjee & Boyer 2014
 */
export function eulerCurves(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  options: { readonly directions?: Float64Array; readonly thresholds?: number } = {},
): EulerCurves {
  const { directions = CUBE_DIRECTIONS, thresholds: count = 32 } = options;
  const { centre, radius } = centreOf(vertices);
  const { edges } = meshTopology(faces, vertices.length / 3);
  // Ends first, then the steps between, so that the last threshold is the radius itself and not a rounded sum.
  const thresholds = Float64Array.from({ length: count }, (_, i) =>
    i === count - 1 ? radius : -radius + i * ((2 * radius) / (count - 1)),
  );
  const curves = new Int32Array((directions.length / 3) * count);
  for (let d = 0; d < directions.length / 3; d++) {
    const heights = heightsAlong(vertices, centre, directions.subarray(3 * d, 3 * d + 3));
    const curve = curves.subarray(d * count, (d + 1) * count);
    addSimplices(curve, thresholds, heights, 1, (i) => heights[i]!);
    addSimplices(curve, thresholds, { length: edges.length / 2 }, -1, (e) =>
      Math.max(heights[edges[2 * e]!]!, heights[edges[2 * e + 1]!]!),
    );
    addSimplices(curve, thresholds, { length: faces.length / 3 }, 1, (t) =>
      Math.max(heights[faces[3 * t]!]!, heights[faces[3 * t + 1]!]!, heights[faces[3 * t + 2]!]!),
    );
    for (let i = 1; i < count; i++) curve[i]! += curve[i - 1]!;
  }
  return { curves, thresholds, centre, radius };
}

/** Counts each simplex at the first threshold that reaches its height. */
function addSimplices(
  curve: Int32Array,
  thresholds: Float64Array,
  { length }: { readonly length: number },
  sign: 1 | -1,
  heightOf: (i: number) => number,
): void {
  for (let i = 0; i < length; i++) {
    const height = heightOf(i);
    let [low, high] = [0, thresholds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (thresholds[middle]! >= height) high = middle;
      else low = middle + 1;
    }
    if (low < thresholds.length) curve[low]! += sign;
  }
}

/** Persistence of one height function. */
export interface HeightDiagram {
  readonly direction: readonly [number, number, number];
  /** Heights at which components begin that never end, ascending: one per connected part. */
  readonly essentialBirths: Float64Array;
  /** (p, 2): birth and death of components, the longest-lived first; pairs of no length are left out. */
  readonly components: Float64Array;
  /**
   * (p, 2): birth and death of loops of a closed surface, by duality with the components from above; empty where the
   * surface is open.
   */
  readonly loops: Float64Array;
}

/**
 * Persistent homology transform: lower-star persistence of the height along each direction, degree 0 and, for closed
 * surfaces, degree 1 of loops that are filled. Loops that never end (handles) are not listed.
 *
 * @param directions - (d, 3), unit vectors; the six axis directions where absent
 * @param shortest - pairs that live at most as long are dropped, unit of the coordinates
 * @see Turner, Mukherjee & Boyer 2014
 */
export function heightDiagrams(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  options: { readonly directions?: ArrayLike<number>; readonly shortest?: number } = {},
): HeightDiagram[] {
  const { directions = [1, 0, 0, 0, 1, 0, 0, 0, 1, -1, 0, 0, 0, -1, 0, 0, 0, -1], shortest = 1e-9 } = options;
  const { centre } = centreOf(vertices);
  const topology = meshTopology(faces, vertices.length / 3);
  const isClosed = topology.edgeFaceCounts.every((count) => count === 2);
  return Array.from({ length: directions.length / 3 }, (_, d) => {
    const direction = [directions[3 * d]!, directions[3 * d + 1]!, directions[3 * d + 2]!] as const;
    const heights = heightsAlong(vertices, centre, direction);
    const below = componentPairs(heights, topology, shortest);
    // Alexander duality on a closed surface: a loop below a height dies where a component above is born.
    const above = isClosed
      ? componentPairs(
          heights.map((height) => -height),
          topology,
          shortest,
        )
      : undefined;
    const loops = (above?.pairs ?? []).map(([birth, death]) => [-death, -birth] as const);
    return {
      direction,
      essentialBirths: Float64Array.from(below.essential),
      components: Float64Array.from(longestFirst(below.pairs).flat()),
      loops: Float64Array.from(longestFirst(loops).flat()),
    };
  });
}

type Pair = readonly [birth: number, death: number];

function longestFirst(pairs: readonly Pair[]): Pair[] {
  return [...pairs].sort((a, b) => b[1] - b[0] - (a[1] - a[0]) || a[0] - b[0]);
}

/** Elder rule: where two components meet, the one that began higher ends. */
function componentPairs(
  heights: Float64Array,
  { neighbourStarts, neighbours }: ReturnType<typeof meshTopology>,
  shortest: number,
): { pairs: Pair[]; essential: number[] } {
  const n = heights.length;
  const order = Int32Array.from({ length: n }, (_, i) => i)
    .filter((i) => neighbourStarts[i] !== neighbourStarts[i + 1])
    .sort((a, b) => heights[a]! - heights[b]! || a - b);
  const rank = new Int32Array(n);
  order.forEach((vertex, i) => {
    rank[vertex] = i;
  });
  // The root of a component is its lowest vertex.
  const parent = new Int32Array(n).fill(-1);
  const rootOf = (vertex: number): number => {
    let root = vertex;
    while (parent[root] !== root) root = parent[root]!;
    for (let at = vertex; at !== root;) [at, parent[at]] = [parent[at]!, root];
    return root;
  };
  const pairs: Pair[] = [];
  for (const vertex of order) {
    parent[vertex] = vertex;
    for (let i = neighbourStarts[vertex]!; i < neighbourStarts[vertex + 1]!; i++) {
      const other = neighbours[i]!;
      if (parent[other] === -1) continue;
      const [a, b] = [rootOf(vertex), rootOf(other)];
      if (a === b) continue;
      const [elder, younger] = rank[a]! < rank[b]! ? [a, b] : [b, a];
      parent[younger] = elder;
      if (heights[vertex]! - heights[younger]! > shortest) pairs.push([heights[younger]!, heights[vertex]!]);
    }
  }
  const essential = [...order]
    .filter((vertex) => parent[vertex] === vertex)
    .map((vertex) => heights[vertex]!);
  return { pairs, essential };
}

function centreOf(vertices: ArrayLike<number>): {
  centre: readonly [number, number, number];
  radius: number;
} {
  const sums: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < vertices.length; i++) sums[i % 3]! += vertices[i]!;
  const centre = sums.map((sum) => sum / (vertices.length / 3)) as [number, number, number];
  let radius = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    const [x, y, z] = [vertices[i]! - centre[0], vertices[i + 1]! - centre[1], vertices[i + 2]! - centre[2]];
    radius = Math.max(radius, Math.sqrt(x * x + y * y + z * z));
  }
  return { centre, radius };
}

function heightsAlong(
  vertices: ArrayLike<number>,
  centre: readonly [number, number, number],
  direction: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(
    { length: vertices.length / 3 },
    (_, i) =>
      (vertices[3 * i]! - centre[0]) * direction[0]! +
      (vertices[3 * i + 1]! - centre[1]) * direction[1]! +
      (vertices[3 * i + 2]! - centre[2]) * direction[2]!,
  );
}
