import { TriangleTree } from './bvh.js';
import { meshGeometry } from './geometry.js';
import { meshComponents, meshTopology, type MeshTopology } from './topology.js';

export interface FaceOrientation {
  /** Edges of two triangles that run along them in the same sense. */
  readonly inconsistentEdges: number;
  /** Whether turning some triangles makes all edges consistent; edges with more than two triangles do not count. */
  readonly isOrientable: boolean;
  /** (m): 1 for each triangle to turn over so that its patch is consistent; the larger area of a patch stays. */
  readonly turned: Uint8Array;
  /** (m): patch of each triangle, joined over edges with two triangles. */
  readonly patch: Int32Array;
}

/**
 * How triangles run around, compared over the edges that two of them share.
 *
 * @param faces - (m, 3), the ones of the topology
 * @param areas - (m), decide which side of a patch stays as it is; number of triangles where absent
 */
export function faceOrientation(
  faces: ArrayLike<number>,
  topology: MeshTopology,
  areas?: ArrayLike<number>,
): FaceOrientation {
  const twins = twinSides(topology);
  const count = topology.faceCount;
  const isSame = (side: number, twin: number): boolean => startOf(faces, side) === startOf(faces, twin);
  let inconsistentEdges = 0;
  twins.forEach((twin, side) => {
    if (twin > side && isSame(side, twin)) inconsistentEdges++;
  });
  const patch = new Int32Array(count).fill(-1);
  const turned = new Uint8Array(count);
  let isOrientable = true;
  let patches = 0;
  const stack: number[] = [];
  for (let seed = 0; seed < count; seed++) {
    if (patch[seed] !== -1) continue;
    const members = [seed];
    patch[seed] = patches;
    stack.push(seed);
    for (let face = stack.pop(); face !== undefined; face = stack.pop()) {
      for (let side = 3 * face; side < 3 * face + 3; side++) {
        const twin = twins[side]!;
        if (twin < 0) continue;
        const other = Math.floor(twin / 3);
        const wanted = turned[face]! ^ (isSame(side, twin) ? 1 : 0);
        if (patch[other] === -1) {
          patch[other] = patches;
          turned[other] = wanted;
          members.push(other);
          stack.push(other);
        } else if (turned[other] !== wanted) isOrientable = false;
      }
    }
    keepLarger(members, turned, areas);
    patches++;
  }
  return { inconsistentEdges, isOrientable, turned, patch };
}

function keepLarger(members: readonly number[], turned: Uint8Array, areas?: ArrayLike<number>): void {
  let balance = 0;
  for (const face of members) balance += (turned[face] === 1 ? 1 : -1) * (areas?.[face] ?? 1);
  if (balance > 0) for (const face of members) turned[face]! ^= 1;
}

/** First vertex of a side in the sense of its triangle. */
function startOf(faces: ArrayLike<number>, side: number): number {
  const face = side - (side % 3);
  return faces[face + ((side + 1) % 3)]!;
}

/** For each side (opposite its corner) the side of the other triangle at its edge; -1 unless there are just two. */
export function twinSides({ faceEdges, edgeFaceCounts }: MeshTopology): Int32Array {
  const first = new Int32Array(edgeFaceCounts.length).fill(-1);
  const twins = new Int32Array(faceEdges.length).fill(-1);
  faceEdges.forEach((edge, side) => {
    if (edgeFaceCounts[edge] !== 2) return;
    const other = first[edge]!;
    if (other === -1) {
      first[edge] = side;
      return;
    }
    twins[side] = other;
    twins[other] = side;
  });
  return twins;
}

export interface OrientedFaces {
  /** (m, 3), triangles in the order given. */
  readonly faces: Int32Array;
  /** Triangles that were turned over. */
  readonly turned: number;
}

/**
 * Triangles turned so that neighbours agree and closed parts have their normals outward; a closed part that lies inside
 * an odd number of others is the wall of a cavity, and its normals point into it.
 *
 * Patches that meet only at edges of more than two triangles are turned each for itself.
 */
export function orientedFaces(vertices: ArrayLike<number>, faces: ArrayLike<number>): OrientedFaces {
  const n = vertices.length / 3;
  const topology = meshTopology(faces, n);
  const { turned } = faceOrientation(faces, topology, meshGeometry(vertices, faces).faceAreas);
  const out = Int32Array.from(faces);
  turned.forEach((mark, t) => {
    if (mark === 1) turnOver(out, t);
  });
  const { part } = meshComponents(topology);
  const members = new Map<number, number[]>();
  for (let t = 0; t < topology.faceCount; t++) {
    const own = part[out[3 * t]!]!;
    const list = members.get(own);
    if (list === undefined) members.set(own, [t]);
    else list.push(t);
  }
  const openParts = new Set<number>();
  topology.edgeFaceCounts.forEach((count, e) => {
    if (count !== 2) openParts.add(part[topology.edges[2 * e]!]!);
  });
  const closed = [...members].filter(([own]) => !openParts.has(own));
  const pieces = closed.map(([, list]) =>
    Int32Array.from(list.flatMap((t) => [...out.subarray(3 * t, 3 * t + 3)])),
  );
  const trees = pieces.length > 1 ? pieces.map((piece) => new TriangleTree(vertices, piece)) : [];
  closed.forEach(([, list], own) => {
    const { volume } = meshGeometry(vertices, pieces[own]!);
    const depth = trees.filter(
      (tree, other) => other !== own && isInside(tree, vertices, pieces[own]![0]!),
    ).length;
    if (volume < 0 === (depth % 2 === 0)) for (const t of list) turnOver(out, t);
  });
  let count = 0;
  for (let t = 0; t < topology.faceCount; t++) if (out[3 * t + 1] !== faces[3 * t + 1]) count++;
  return { faces: out, turned: count };
}

function turnOver(faces: Int32Array, t: number): void {
  const held = faces[3 * t + 1]!;
  faces[3 * t + 1] = faces[3 * t + 2]!;
  faces[3 * t + 2] = held;
}

/** Parity of the crossings of a ray in a direction that no mesh is aligned with. */
function isInside(tree: TriangleTree, vertices: ArrayLike<number>, vertex: number): boolean {
  const origin = [0, 1, 2].map((axis) => vertices[3 * vertex + axis]!);
  return tree.crossings(origin, [0.5377, 0.3122, 0.7831], 0).length % 2 === 1;
}
