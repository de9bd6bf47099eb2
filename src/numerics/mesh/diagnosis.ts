/** What is wrong with a triangle mesh, what that means for descriptors, and how to mend it. */
import { meshGeometry, triangle } from './geometry.js';
import { countRepeats, firstEqualFaces, firstEqualRows } from './coincidence.js';
import type { MeshRepair } from './settings.js';
import { faceOrientation } from './orientation.js';
import {
  boundaryMask,
  eulerCharacteristic,
  meshComponents,
  meshTopology,
  type MeshTopology,
} from './topology.js';
import { checkFaceTable, properFaces, selectFaces } from './triangle-check.js';

/** Unit that the size of a mesh speaks for, where it speaks: brains and their parts are 1 cm to 40 cm. */
export type UnitGuess = 'mm' | 'm' | 'um' | null;

/** Something found in a mesh that may disturb computations, with how often and what mends it. */
export interface MeshFinding {
  readonly code:
    | 'non_finite'
    | 'empty'
    | 'components'
    | 'boundary'
    | 'non_manifold_edges'
    | 'non_manifold_vertices'
    | 'orientation'
    | 'not_orientable'
    | 'inward'
    | 'degenerate_faces'
    | 'slivers'
    | 'duplicate_faces'
    | 'duplicate_vertices'
    | 'unreferenced_vertices'
    | 'units'
    | 'point_cloud'
    | 'solid';
  /** `note`: descriptors are right; `warning`: some are not what they seem; `error`: nothing can be computed. */
  readonly severity: 'note' | 'warning' | 'error';
  /** Number of elements concerned. */
  readonly count: number;
  /** What was found, one sentence. */
  readonly message: string;
  readonly cure: string;
  /** The safe repair that removes it, where there is one. */
  readonly repair: MeshRepair | null;
}

/** Facts about a mesh; written to quality files as it is. */
export interface MeshDiagnosis {
  readonly vertices: number;
  readonly faces: number;
  readonly edges: number;
  /** Of the vertices, edges and faces in use. */
  readonly euler_characteristic: number;
  /** Handles of a closed, orientable, connected manifold; null for any other. */
  readonly genus: number | null;
  readonly components: number;
  /** Vertices of each component, largest first, at most ten. */
  readonly component_sizes: readonly number[];
  readonly boundary_edges: number;
  readonly boundary_loops: number;
  readonly non_manifold_edges: number;
  /** Vertices whose triangles form more than one fan. */
  readonly non_manifold_vertices: number;
  /** Edges whose two triangles run along them in the same sense. */
  readonly inconsistent_edges: number;
  readonly is_closed: boolean;
  readonly is_orientable: boolean;
  readonly degenerate_faces: number;
  /** Triangles with an angle under 1 degree, degenerate ones not counted. */
  readonly sliver_faces: number;
  /** Degrees, of the triangles with area; null without any. */
  readonly smallest_angle: number | null;
  readonly duplicate_faces: number;
  /** Vertices at the place of an earlier one, to the last bit. */
  readonly duplicate_vertices: number;
  readonly unreferenced_vertices: number;
  readonly non_finite_vertices: number;
  /** Unit squared. */
  readonly area: number;
  /** Enclosed, unit cubed, negative for normals that point inward; null for an open mesh. */
  readonly volume: number | null;
  /** Longest side of the bounding box. */
  readonly extent: number;
  readonly unit_guess: UnitGuess;
  readonly findings: readonly MeshFinding[];
}

const SLIVER_DEGREES = 1;
const LISTED_COMPONENTS = 10;

/**
 * Looks a mesh over. Nothing is changed: see repairMesh for what can be mended safely.
 *
 * @param vertices - (n, 3), row per vertex; coordinates that are not finite are counted
 * @param faces - (m, 3), row per triangle, vertex numbers from 0
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (a face names no vertex)
 */
export function diagnoseMesh(vertices: ArrayLike<number>, faces: ArrayLike<number>): MeshDiagnosis {
  checkFaceTable('diagnoseMesh', vertices, faces);
  const n = vertices.length / 3;
  const { kept, degenerate, slivers, smallestAngle } = shapesOfTriangles(vertices, faces);
  const proper = selectFaces(faces, kept);
  const topology = meshTopology(proper, n);
  const geometry = meshGeometry(vertices, proper);
  const { count: components, part } = meshComponents(topology);
  const { inconsistentEdges, isOrientable } = faceOrientation(proper, topology);
  const boundary = boundaryMask(topology);
  const boundaryEdges = topology.edgeFaceCounts.filter((count) => count === 1).length;
  const nonManifoldEdges = topology.edgeFaceCounts.filter((count) => count > 2).length;
  const fans = fansPerVertex(proper, topology);
  const nonFinite = countNonFinite(vertices);
  const isClosed = boundaryEdges === 0 && nonManifoldEdges === 0 && proper.length > 0;
  const euler = eulerCharacteristic(topology);
  const used = euler + topology.edges.length / 2 - topology.faceCount;
  const isManifold = nonManifoldEdges === 0 && fans === 0;
  const { neighbourStarts } = topology;
  const isUsed = (i: number): boolean => neighbourStarts[i] !== neighbourStarts[i + 1];
  const extent = longestExtent(vertices, isUsed);
  const facts: Omit<MeshDiagnosis, 'findings'> = {
    vertices: n,
    faces: faces.length / 3,
    edges: topology.edges.length / 2,
    euler_characteristic: euler,
    genus: isClosed && isManifold && isOrientable && components === 1 ? 1 - euler / 2 : null,
    components,
    component_sizes: componentSizes(part, components),
    boundary_edges: boundaryEdges,
    boundary_loops: boundaryLoops(topology, boundary),
    non_manifold_edges: nonManifoldEdges,
    non_manifold_vertices: fans,
    inconsistent_edges: inconsistentEdges,
    is_closed: isClosed,
    is_orientable: isOrientable,
    degenerate_faces: degenerate,
    sliver_faces: slivers,
    smallest_angle: smallestAngle,
    duplicate_faces: countRepeats(firstEqualFaces(faces)),
    duplicate_vertices: countRepeats(firstEqualRows(vertices)),
    unreferenced_vertices: n - used,
    non_finite_vertices: nonFinite,
    area: geometry.area,
    volume: isClosed ? geometry.volume : null,
    extent,
    unit_guess: guessUnit(extent),
  };
  return { ...facts, findings: findingsOf(facts) };
}

/** Above this {@link cloudThickness} points fill a volume. */
const SOLID_THICKNESS = 0.5;

/**
 * Looks a point cloud over: what {@link diagnoseMesh} says of triangles is 0 or null.
 *
 * @param points - (n, 3); coordinates that are not finite are counted
 * @param thickness - how far neighbourhoods are from flat, as `cloudThickness` has it; null: not known
 */
export function diagnoseCloud(points: ArrayLike<number>, thickness: number | null): MeshDiagnosis {
  const n = points.length / 3;
  const mesh = diagnoseMesh(points, []);
  const extent = longestExtent(points, () => true);
  const facts: Omit<MeshDiagnosis, 'findings'> = {
    ...mesh,
    is_orientable: false,
    unreferenced_vertices: 0,
    extent,
    unit_guess: guessUnit(extent),
  };
  const found: MeshFinding[] = [];
  const add: AddFinding = (code, severity, count, message, cure, repair = null) => {
    if (count > 0) found.push({ code, severity, count, message, cure, repair });
  };
  add('empty', 'error', n === 0 ? 1 : 0, 'the file has no points', 'look at what the file was made from');
  addNonFinite(facts, add);
  add(
    'point_cloud',
    'warning',
    n,
    `${counted(n, 'point', 'points')} without triangles: the operator is that of a point cloud, the area an estimate, and descriptors of triangles do not apply`,
    'give the surface with its triangles where there is one',
  );
  add(
    'solid',
    'warning',
    thickness !== null && thickness > SOLID_THICKNESS ? n : 0,
    `the points fill a volume (their neighbourhoods are ${(100 * (thickness ?? 0)).toFixed(0)} % as thick as wide): the operator is not that of a surface`,
    'give the points of the surface alone, or the volume of labels with segmentation',
  );
  add(
    'duplicate_vertices',
    'note',
    facts.duplicate_vertices,
    `${counted(facts.duplicate_vertices, 'point', 'points')} at the place of another one: they count once`,
    'nothing; both get the same values',
    'merge_duplicate_vertices',
  );
  addUnits(facts, add);
  return { ...facts, findings: found };
}

/** Triangles with area, by number; those without are left out of everything else. */
function shapesOfTriangles(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
): {
  readonly kept: Uint8Array;
  readonly degenerate: number;
  readonly slivers: number;
  readonly smallestAngle: number | null;
} {
  const kept = properFaces(vertices, faces);
  let [degenerate, slivers, smallest] = [0, 0, Math.PI];
  for (let t = 0; t < kept.length; t++) {
    if (kept[t] === 0) {
      degenerate++;
      continue;
    }
    const angle = Math.min(...triangle(vertices, faces, 3 * t).angles);
    if (angle < (SLIVER_DEGREES * Math.PI) / 180) slivers++;
    smallest = Math.min(smallest, angle);
  }
  const smallestAngle = degenerate < kept.length ? (smallest * 180) / Math.PI : null;
  return { kept, degenerate, slivers, smallestAngle };
}

function countNonFinite(vertices: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < vertices.length; i += 3) {
    if (!Number.isFinite(vertices[i]! + vertices[i + 1]! + vertices[i + 2]!)) count++;
  }
  return count;
}

function componentSizes(part: Int32Array, components: number): number[] {
  const sizes = new Array<number>(components).fill(0);
  for (const own of part) if (own >= 0) sizes[own]!++;
  return sizes.sort((a, b) => b - a).slice(0, LISTED_COMPONENTS);
}

/** Connected groups of boundary edges. */
function boundaryLoops({ edges, edgeFaceCounts, vertexCount }: MeshTopology, boundary: Uint8Array): number {
  const parent = Int32Array.from({ length: vertexCount }, (_, i) => i);
  const root = (vertex: number): number => {
    let at = vertex;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  let loops = boundary.reduce((sum, mark) => sum + mark, 0);
  edgeFaceCounts.forEach((count, e) => {
    if (count !== 1) return;
    const [a, b] = [root(edges[2 * e]!), root(edges[2 * e + 1]!)];
    if (a === b) return;
    parent[a] = b;
    loops--;
  });
  return loops;
}

/** Vertices whose triangles, joined over the edges at the vertex, fall into more than one group. */
function fansPerVertex(faces: Int32Array, { faceEdges, vertexCount, edges }: MeshTopology): number {
  const parent = Int32Array.from({ length: faces.length }, (_, i) => i);
  const root = (corner: number): number => {
    let at = corner;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  // Corners at the two ends of each edge are joined to the first corner met there.
  const first = new Int32Array(edges.length).fill(-1);
  for (let corner = 0; corner < faces.length; corner++) {
    const face = corner - (corner % 3);
    for (const other of [1, 2]) {
      const edge = faceEdges[face + ((corner + other) % 3)]!;
      const end = 2 * edge + (edges[2 * edge] === faces[corner] ? 0 : 1);
      if (first[end] === -1) first[end] = corner;
      else parent[root(corner)] = root(first[end]!);
    }
  }
  const groups = new Int32Array(vertexCount);
  for (let corner = 0; corner < faces.length; corner++)
    if (parent[corner] === corner) groups[faces[corner]!]!++;
  return groups.filter((count) => count > 1).length;
}

function longestExtent(vertices: ArrayLike<number>, isUsed: (vertex: number) => boolean): number {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length / 3; i++) {
    if (!isUsed(i)) continue;
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis]!, vertices[3 * i + axis]!);
      high[axis] = Math.max(high[axis]!, vertices[3 * i + axis]!);
    }
  }
  return Math.max(0, ...high.map((value, axis) => value - low[axis]!));
}

/** From 1 cm to 40 cm, in the unit that makes it so. */
function guessUnit(extent: number): UnitGuess {
  if (extent >= 10 && extent <= 400) return 'mm';
  if (extent >= 0.01 && extent <= 0.4) return 'm';
  return extent >= 1e4 && extent <= 4e5 ? 'um' : null;
}

type Facts = Omit<MeshDiagnosis, 'findings'>;

function findingsOf(facts: Facts): MeshFinding[] {
  const found: MeshFinding[] = [];
  const add = (
    code: MeshFinding['code'],
    severity: MeshFinding['severity'],
    count: number,
    message: string,
    cure: string,
    repair: MeshRepair | null = null,
  ): void => {
    if (count > 0) found.push({ code, severity, count, message, cure, repair });
  };
  const { degenerate_faces: degenerate } = facts;
  add(
    'empty',
    'error',
    facts.faces > degenerate ? 0 : 1,
    `none of the ${facts.faces} triangles has an area`,
    'give a triangle mesh; this may be a point cloud or an empty file',
  );
  addNonFinite(facts, add);
  add(
    'unreferenced_vertices',
    'warning',
    facts.unreferenced_vertices,
    `${counted(facts.unreferenced_vertices, 'vertex', 'vertices')} in no usable triangle; descriptors are NaN there`,
    'drop them',
    'drop_unreferenced',
  );
  add(
    'duplicate_vertices',
    'warning',
    facts.duplicate_vertices,
    `${counted(facts.duplicate_vertices, 'vertex', 'vertices')} at the place of another one: ` +
      'the surface may be cut there',
    'merge them',
    'merge_duplicate_vertices',
  );
  add(
    'duplicate_faces',
    'warning',
    facts.duplicate_faces,
    `${counted(facts.duplicate_faces, 'triangle', 'triangles')} listed again: their area counts twice`,
    'drop the repetitions',
    'drop_duplicate_faces',
  );
  add(
    'degenerate_faces',
    'warning',
    degenerate,
    `${counted(degenerate, 'triangle', 'triangles')} without area, left out of the operator`,
    'drop them',
    'drop_degenerate_faces',
  );
  addShape(facts, add);
  addOrientation(facts, add);
  return found;
}

type AddFinding = (
  code: MeshFinding['code'],
  severity: MeshFinding['severity'],
  count: number,
  message: string,
  cure: string,
  repair?: MeshRepair | null,
) => void;

function addNonFinite({ non_finite_vertices: count }: Facts, add: AddFinding): void {
  add(
    'non_finite',
    'error',
    count,
    `${counted(count, 'vertex', 'vertices')} with a coordinate that is not finite`,
    'mend the file that the mesh comes from',
  );
}

function addUnits(facts: Facts, add: AddFinding): void {
  add(
    'units',
    'note',
    facts.unit_guess === 'mm' || facts.extent === 0 ? 0 : 1,
    `the longest side is ${facts.extent.toPrecision(3)}: ` +
      (facts.unit_guess === null
        ? 'not the size of a brain structure in mm'
        : `the unit may be ${facts.unit_guess}`),
    'units of results follow the file: convert to mm, or normalise by area',
  );
}

function addShape(facts: Facts, add: AddFinding): void {
  const { components, boundary_edges: open, boundary_loops: loops } = facts;
  add(
    'slivers',
    'warning',
    facts.sliver_faces,
    `${counted(facts.sliver_faces, 'triangle', 'triangles')} with an angle under ${SLIVER_DEGREES} degree ` +
      `(smallest ${facts.smallest_angle?.toPrecision(2)})`,
    'use operator intrinsic_delaunay, or make the mesh again with better triangles',
  );
  add(
    'components',
    'warning',
    components > 1 ? components : 0,
    `${components} connected parts of ${facts.component_sizes.join(', ')}${components > LISTED_COMPONENTS ? ', ...' : ''} ` +
      'vertices: one eigenvalue 0 each, and no geodesic between them',
    'keep the largest one, or treat each part as a surface of its own',
    'largest_component',
  );
  add(
    'boundary',
    'note',
    open,
    `an open surface: ${counted(open, 'boundary edge', 'boundary edges')} in ${counted(loops, 'loop', 'loops')}; ` +
      'descriptors of the solid do not apply',
    'choose boundary neumann (natural) or dirichlet; close the surface where it should be closed',
  );
  add(
    'non_manifold_edges',
    'warning',
    facts.non_manifold_edges,
    `${counted(facts.non_manifold_edges, 'edge', 'edges')} with more than two triangles`,
    'use operator robust, or remove fins and inner walls',
  );
  add(
    'non_manifold_vertices',
    'note',
    facts.non_manifold_vertices,
    `${counted(facts.non_manifold_vertices, 'vertex', 'vertices')} where pieces of surface only touch`,
    'split the vertices where the pieces should be apart',
  );
  addUnits(facts, add);
}

function addOrientation(facts: Facts, add: AddFinding): void {
  if (!facts.is_orientable) {
    add(
      'not_orientable',
      'warning',
      Math.max(1, facts.inconsistent_edges),
      'the surface has one side only: normals, signed curvatures and volume mean nothing',
      'look for a twisted strip or a wrongly merged seam',
    );
    return;
  }
  add(
    'orientation',
    'warning',
    facts.inconsistent_edges,
    `${counted(facts.inconsistent_edges, 'edge', 'edges')} between triangles of opposite orientation`,
    'turn the triangles alike',
    'orient',
  );
  add(
    'inward',
    'warning',
    facts.inconsistent_edges === 0 && facts.volume !== null && facts.volume < 0 ? 1 : 0,
    'normals point inward: the sign of curvatures and volume is reversed',
    'turn all triangles over',
    'orient',
  );
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
