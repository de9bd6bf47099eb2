import { connectedComponents } from '../spectral/graph.js';

/** Edges of a triangle mesh and what lies beside them. */
export interface MeshTopology {
  readonly vertexCount: number;
  readonly faceCount: number;
  /** (e, 2): the smaller vertex first, ascending. */
  readonly edges: Int32Array;
  /** (m, 3): edge of the side that lies opposite the corner. */
  readonly faceEdges: Int32Array;
  /** (e): number of triangles at the edge; 1 on a boundary, 2 inside, more where the mesh is not a manifold. */
  readonly edgeFaceCounts: Int32Array;
  /** Start of each vertex' neighbours in `neighbours`, (n + 1). */
  readonly neighbourStarts: Int32Array;
  /** Vertices that share an edge, ascending for each vertex. */
  readonly neighbours: Int32Array;
}

/**
 * Edges, components, boundary and genus of a triangle mesh.
 *
 * @param faces - (m, 3), row per triangle, 0-based; a triangle that uses a corner twice is not allowed
 * @param vertexCount - number of vertices, also of those in no triangle
 */
export function meshTopology(faces: ArrayLike<number>, vertexCount: number): MeshTopology {
  const sides = faces.length;
  const low = new Int32Array(sides);
  const high = new Int32Array(sides);
  const starts = new Int32Array(vertexCount + 1);
  for (let side = 0; side < sides; side++) {
    const face = side - (side % 3);
    const a = faces[face + ((side + 1) % 3)]!;
    const b = faces[face + ((side + 2) % 3)]!;
    low[side] = Math.min(a, b);
    high[side] = Math.max(a, b);
    starts[low[side]! + 1]!++;
  }
  for (let i = 0; i < vertexCount; i++) starts[i + 1]! += starts[i]!;
  // Sides by their smaller end; each of these short lists is then sorted by the larger one.
  const bySmaller = new Int32Array(sides);
  const next = starts.slice(0, vertexCount);
  for (let side = 0; side < sides; side++) bySmaller[next[low[side]!]!++] = side;
  const edges = new Int32Array(2 * sides);
  const counts = new Int32Array(sides);
  const faceEdges = new Int32Array(sides);
  let count = 0;
  for (let i = 0; i < vertexCount; i++) {
    const own = bySmaller.subarray(starts[i], starts[i + 1]);
    if (own.length > 1) own.sort((p, q) => high[p]! - high[q]!);
    for (let at = 0; at < own.length; at++) {
      const side = own[at]!;
      if (at === 0 || high[side] !== high[own[at - 1]!]) {
        edges[2 * count] = i;
        edges[2 * count + 1] = high[side]!;
        count++;
      }
      faceEdges[side] = count - 1;
      counts[count - 1]!++;
    }
  }
  const found = edges.slice(0, 2 * count);
  return {
    vertexCount,
    faceCount: sides / 3,
    edges: found,
    faceEdges,
    edgeFaceCounts: counts.slice(0, count),
    ...adjacency(found, vertexCount),
  };
}

function adjacency(
  edges: Int32Array,
  vertexCount: number,
): Pick<MeshTopology, 'neighbourStarts' | 'neighbours'> {
  const neighbourStarts = new Int32Array(vertexCount + 1);
  for (const vertex of edges) neighbourStarts[vertex + 1]!++;
  for (let i = 0; i < vertexCount; i++) neighbourStarts[i + 1]! += neighbourStarts[i]!;
  const next = neighbourStarts.slice(0, vertexCount);
  const neighbours = new Int32Array(edges.length);
  // Larger ends first would break the order: edges ascend by their smaller end, so all smaller neighbours come first.
  for (let e = 0; e < edges.length; e += 2) neighbours[next[edges[e + 1]!]!++] = edges[e]!;
  for (let e = 0; e < edges.length; e += 2) neighbours[next[edges[e]!]!++] = edges[e + 1]!;
  return { neighbourStarts, neighbours };
}

/** Vertices minus edges plus triangles, counting only vertices that belong to a triangle. */
export function eulerCharacteristic({ neighbourStarts, edges, faceCount }: MeshTopology): number {
  let used = 0;
  for (let i = 1; i < neighbourStarts.length; i++) if (neighbourStarts[i] !== neighbourStarts[i - 1]) used++;
  return used - edges.length / 2 + faceCount;
}

/** (n): 1 for vertices at an edge of one triangle only. */
export function boundaryMask({ edges, edgeFaceCounts, vertexCount }: MeshTopology): Uint8Array {
  const mask = new Uint8Array(vertexCount);
  edgeFaceCounts.forEach((count, e) => {
    if (count !== 1) return;
    mask[edges[2 * e]!] = 1;
    mask[edges[2 * e + 1]!] = 1;
  });
  return mask;
}

/** Vertices at an edge of one triangle only, ascending. */
export function boundaryVertices(faces: ArrayLike<number>): Int32Array {
  let vertexCount = 0;
  for (let i = 0; i < faces.length; i++) vertexCount = Math.max(vertexCount, faces[i]! + 1);
  const mask = boundaryMask(meshTopology(faces, vertexCount));
  return Int32Array.from(mask.keys()).filter((vertex) => mask[vertex] === 1);
}

/**
 * Connected parts: vertices that are joined by edges.
 *
 * @returns count, and (n) the part of each vertex in order of first appearance; -1 for a vertex in no triangle
 */
export function meshComponents({ neighbourStarts, neighbours, vertexCount }: MeshTopology): {
  readonly count: number;
  readonly part: Int32Array;
} {
  const { component } = connectedComponents({ size: vertexCount, starts: neighbourStarts, neighbours });
  // A vertex alone is a component of the graph, and none of the surface.
  const numbers = new Map<number, number>();
  const part = component.map((own, vertex) => {
    if (neighbourStarts[vertex] === neighbourStarts[vertex + 1]) return -1;
    const number = numbers.get(own) ?? numbers.size;
    numbers.set(own, number);
    return number;
  });
  return { count: numbers.size, part };
}
