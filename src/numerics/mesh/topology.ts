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
 * @param faces - (m, 3), row per triangle, 0-based; a triangle that uses a corner twice is not allowed
 * @param vertexCount - number of vertices, also of those in no triangle
 */
export function meshTopology(faces: ArrayLike<number>, vertexCount: number): MeshTopology {
  const sides = faces.length;
  const keys = new Float64Array(sides);
  for (let side = 0; side < sides; side++) {
    const face = side - (side % 3);
    const a = faces[face + ((side + 1) % 3)]!;
    const b = faces[face + ((side + 2) % 3)]!;
    keys[side] = Math.min(a, b) * vertexCount + Math.max(a, b);
  }
  const sorted = Float64Array.from(keys).sort();
  const unique: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < sides; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) {
      unique.push(sorted[i]!);
      counts.push(0);
    }
    counts[counts.length - 1]!++;
  }
  const edges = new Int32Array(2 * unique.length);
  const positions = new Map<number, number>();
  unique.forEach((key, e) => {
    edges[2 * e] = Math.floor(key / vertexCount);
    edges[2 * e + 1] = key % vertexCount;
    positions.set(key, e);
  });
  const faceEdges = Int32Array.from(keys, (key) => positions.get(key)!);
  return {
    vertexCount,
    faceCount: sides / 3,
    edges,
    faceEdges,
    edgeFaceCounts: Int32Array.from(counts),
    ...adjacency(edges, vertexCount),
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

/**
 * Connected parts: vertices that are joined by edges.
 *
 * @returns count, and (n) the part of each vertex in order of first appearance; -1 for a vertex in no triangle
 */
export function meshComponents({ neighbourStarts, neighbours, vertexCount }: MeshTopology): {
  readonly count: number;
  readonly part: Int32Array;
} {
  const part = new Int32Array(vertexCount).fill(-1);
  let count = 0;
  const stack: number[] = [];
  for (let start = 0; start < vertexCount; start++) {
    if (part[start] !== -1 || neighbourStarts[start] === neighbourStarts[start + 1]) continue;
    stack.push(start);
    part[start] = count;
    for (let vertex = stack.pop(); vertex !== undefined; vertex = stack.pop()) {
      for (let i = neighbourStarts[vertex]!; i < neighbourStarts[vertex + 1]!; i++) {
        const other = neighbours[i]!;
        if (part[other] !== -1) continue;
        part[other] = count;
        stack.push(other);
      }
    }
    count++;
  }
  return { count, part };
}
