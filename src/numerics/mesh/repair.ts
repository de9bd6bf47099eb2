import { firstEqualFaces, firstEqualRows } from './coincidence.js';
import { checkFaceTable, properFaces, selectFaces } from './triangle-check.js';
import { orientedFaces } from './orientation.js';
import { MESH_REPAIRS, SAFE_REPAIRS, type MeshRepair } from './settings.js';
import { meshComponents, meshTopology } from './topology.js';
import { ProcessingError } from '../../errors.js';

/** A mended mesh, and where the vertices of the given one are in it. */
export interface RepairedMesh {
  /** (n', 3) */
  readonly vertices: Float64Array;
  /** (m', 3) */
  readonly faces: Int32Array;
  /** (n): where each vertex of the input is now, -1 where it was dropped. */
  readonly vertexMap: Int32Array;
  /** What was changed, with the number of vertices or triangles concerned; repairs without effect are left out. */
  readonly changes: readonly { readonly repair: MeshRepair; readonly count: number }[];
}

/**
 * Mends a mesh: vertices at one place become one, triangles without area and repetitions go, triangles are turned alike
 * and outward, vertices in no triangle go. Only on request the largest connected part alone is kept.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), row per triangle, vertex numbers from 0
 * @param repairs - which ones; they are made in the order of MESH_REPAIRS
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (a face names no vertex, an unknown repair)
 */
export function repairMesh(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  repairs: readonly MeshRepair[] = SAFE_REPAIRS,
): RepairedMesh {
  checkFaceTable('repairMesh', vertices, faces);
  const unknown = repairs.find((repair) => !MESH_REPAIRS.includes(repair));
  if (unknown !== undefined) {
    throw new ProcessingError('INVALID_ARGUMENT', `no repair is called ${unknown}`, {
      where: 'repairMesh',
      cure: `choose from ${MESH_REPAIRS.join(', ')}`,
    });
  }
  let mesh: Work = {
    vertices: Float64Array.from(vertices),
    faces: Int32Array.from(faces),
    vertexMap: Int32Array.from({ length: vertices.length / 3 }, (_, i) => i),
  };
  const changes: { repair: MeshRepair; count: number }[] = [];
  for (const repair of MESH_REPAIRS) {
    if (!repairs.includes(repair)) continue;
    const { count, ...mended } = STEPS[repair](mesh);
    mesh = mended;
    if (count > 0) changes.push({ repair, count });
  }
  return { ...mesh, changes };
}

/**
 * Values of the mended mesh at the vertices of the mesh that was given: NaN where a vertex was dropped.
 *
 * @param values - (n', columns)
 * @returns (n, columns)
 */
export function onOriginalVertices(
  values: ArrayLike<number>,
  columns: number,
  vertexMap: Int32Array,
): Float64Array {
  const out = new Float64Array(vertexMap.length * columns).fill(NaN);
  vertexMap.forEach((vertex, i) => {
    if (vertex < 0) return;
    for (let c = 0; c < columns; c++) out[i * columns + c] = values[vertex * columns + c]!;
  });
  return out;
}

interface Work {
  readonly vertices: Float64Array;
  readonly faces: Int32Array;
  readonly vertexMap: Int32Array;
}

type Step = (mesh: Work) => Work & { readonly count: number };

const STEPS: Readonly<Record<MeshRepair, Step>> = {
  merge_duplicate_vertices: (mesh) => {
    const first = firstEqualRows(mesh.vertices);
    const keep = Uint8Array.from(first, (own, i) => (own === i ? 1 : 0));
    const faces = mesh.faces.map((vertex) => first[vertex]!);
    const { count, ...kept } = keepVertices({ ...mesh, faces }, keep);
    // Dropped vertices live on in the one they were merged with.
    const vertexMap = mesh.vertexMap.map((vertex) => (vertex < 0 ? -1 : kept.place[first[vertex]!]!));
    return { vertices: kept.vertices, faces: kept.faces, vertexMap, count };
  },
  drop_degenerate_faces: (mesh) => keepFaces(mesh, properFaces(mesh.vertices, mesh.faces)),
  drop_duplicate_faces: (mesh) =>
    keepFaces(
      mesh,
      Uint8Array.from(firstEqualFaces(mesh.faces), (own, t) => (own === t ? 1 : 0)),
    ),
  largest_component: (mesh) => {
    const { count, part } = meshComponents(topologyOf(mesh));
    if (count < 2) return { ...mesh, count: 0 };
    const areas = new Float64Array(count);
    for (let t = 0; t < mesh.faces.length; t += 3) areas[part[mesh.faces[t]!]!]!++;
    const largest = areas.indexOf(Math.max(...areas));
    const keep = Uint8Array.from({ length: mesh.faces.length / 3 }, (_, t) =>
      part[mesh.faces[3 * t]!] === largest ? 1 : 0,
    );
    const kept = keepFaces(mesh, keep);
    const inPart = Uint8Array.from(part, (own) => (own === largest ? 1 : 0));
    const { vertices, faces, vertexMap } = keepVertices(kept, inPart);
    return { vertices, faces, vertexMap, count: kept.count };
  },
  drop_unreferenced: (mesh) => {
    const keep = new Uint8Array(mesh.vertices.length / 3);
    for (const vertex of mesh.faces) keep[vertex] = 1;
    const { vertices, faces, vertexMap, count } = keepVertices(mesh, keep);
    return { vertices, faces, vertexMap, count };
  },
  orient: (mesh) => {
    const { faces, turned } = orientedFaces(mesh.vertices, mesh.faces);
    return { ...mesh, faces, count: turned };
  },
};

/** The topology of a mesh in which a triangle may still use a corner twice. */
function topologyOf({ vertices, faces }: Work): ReturnType<typeof meshTopology> {
  return meshTopology(selectFaces(faces, properFaces(vertices, faces)), vertices.length / 3);
}

function keepFaces(mesh: Work, keep: Uint8Array): Work & { readonly count: number } {
  const faces = selectFaces(mesh.faces, keep);
  return { ...mesh, faces, count: (mesh.faces.length - faces.length) / 3 };
}

function keepVertices(
  { vertices, faces, vertexMap }: Work,
  keep: Uint8Array,
): Work & { readonly count: number; readonly place: Int32Array } {
  const place = new Int32Array(keep.length).fill(-1);
  const out = new Float64Array(3 * keep.reduce((sum, mark) => sum + mark, 0));
  let at = 0;
  keep.forEach((mark, i) => {
    if (mark === 0) return;
    for (let axis = 0; axis < 3; axis++) out[3 * at + axis] = vertices[3 * i + axis]!;
    place[i] = at++;
  });
  return {
    vertices: out,
    faces: faces.map((vertex) => place[vertex]!),
    vertexMap: vertexMap.map((vertex) => (vertex < 0 ? -1 : place[vertex]!)),
    count: keep.length - at,
    place,
  };
}
