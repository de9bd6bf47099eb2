import { ProcessingError } from '../../errors.js';
import { eigsh, type Eigenpairs } from './eigsh.js';
import type { SolverChoice } from './choose-kernels.js';
import { boundaryVertices } from '../mesh/topology.js';
import { intrinsicDelaunay } from './intrinsic-delaunay.js';
import {
  assemblePair,
  checkMesh,
  operatorTriangles,
  type OperatorPair,
  type TriangleReport,
} from './mesh-operator.js';
import type { DegenerateRule, MassKind, OperatorKind } from './settings.js';
import { principalSubmatrix } from './sparse-matrix.js';
import { robustOperator } from './tufted-cover.js';

/** `neumann`: natural boundary; `dirichlet`: eigenvectors are 0 on the boundary. */
export const BOUNDARY_KINDS = ['neumann', 'dirichlet'] as const;
/** What holds on the boundary of an open surface: `neumann` lets it swing, `dirichlet` holds it at 0. */
export type BoundaryKind = (typeof BOUNDARY_KINDS)[number];

/** Options of `laplaceBeltrami`. */
export interface LaplaceBeltramiOptions {
  /** Eigenpairs, zero modes included. */
  readonly k?: number;
  readonly mass?: MassKind;
  readonly operator?: OperatorKind;
  readonly boundary?: BoundaryKind;
  /** Of the operator `cotangent`: `drop` unless eigenvalues are to be those of LaPy on a mesh with triangles without area. */
  readonly degenerateTriangles?: DegenerateRule;
  readonly solver?: SolverChoice;
  /** As in {@link eigsh}. */
  readonly threads?: number | undefined;
}

/** Operator of a mesh without the vertices that cannot take part. */
export interface MeshOperator extends OperatorPair {
  /** Vertices that the rows stand for, ascending; null where they are all. */
  readonly vertices: Int32Array | null;
  /** Vertices that no usable triangle names. */
  readonly unreferenced: number;
  readonly triangles: TriangleReport;
  /** Area of the usable triangles, unit of the coordinates squared; triangles without area add nothing, also with `lapy`. */
  readonly area: number;
}

/** Eigenpairs of the Laplace-Beltrami operator of a surface. */
export interface LaplaceBeltramiResult extends Eigenpairs {
  /** What was dropped or looks dangerous, one sentence each. */
  readonly warnings: readonly string[];
  readonly area: number;
}

// Beyond this cotangent the rounding of coordinates alone moves eigenvalues visibly.
const DANGEROUS_COTANGENT = 1e6;

/**
 * Stiffness and mass of a surface. Triangles without area (unless `degenerateTriangles` is `lapy`) and vertices without
 * triangle are left out; with boundary `dirichlet` the vertices on the boundary are too.
 *
 * @param vertices - (n, 3), row per vertex, mm in this product
 * @param faces - (m, 3), vertex numbers from 0
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT, NON_FINITE
 */
export function meshOperator(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  {
    mass = 'lumped',
    operator = 'cotangent',
    boundary = 'neumann',
    degenerateTriangles = 'drop',
  }: LaplaceBeltramiOptions = {},
): MeshOperator {
  checkMesh('meshOperator', vertices, faces);
  if (degenerateTriangles === 'lapy' && operator !== 'cotangent') {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `the operator ${operator} takes no triangles without area as LaPy does`,
      {
        where: 'meshOperator',
        cure: "take the operator 'cotangent', or let triangles without area be left out",
      },
    );
  }
  const n = vertices.length / 3;
  const { shapes, areas, used, report } = operatorTriangles(vertices, faces, degenerateTriangles);
  const pair = pairOf(operator);
  const isReferenced = new Uint8Array(n);
  let area = 0;
  for (let t = 0; t < used.length; t++) {
    if (used[t] === 0) continue;
    area += areas[t]!;
    for (let c = 0; c < 3; c++) isReferenced[faces[3 * t + c]!] = 1;
  }
  const unreferenced = isReferenced.reduce((count, is) => count - is, n);
  if (boundary === 'dirichlet') for (const v of boundaryVertices(faces)) isReferenced[v] = 0;
  const kept = Int32Array.from({ length: n }, (_, i) => i).filter((i) => isReferenced[i] === 1);
  const facts = { unreferenced, triangles: report, area };
  if (kept.length === n) return { ...pair, vertices: null, ...facts };
  return {
    stiffness: principalSubmatrix(pair.stiffness, kept),
    mass: principalSubmatrix(pair.mass, kept),
    vertices: kept,
    ...facts,
  };

  function pairOf(kind: OperatorKind): OperatorPair {
    switch (kind) {
      case 'cotangent':
        return assemblePair(n, faces, shapes, mass, used);
      case 'intrinsic_delaunay':
        return intrinsicDelaunay(vertices, faces, { mass, used }).pair;
      case 'robust':
        return robustOperator(vertices, faces, { mass, used }).pair;
    }
  }
}

/**
 * The k smallest eigenpairs of the Laplace-Beltrami operator of a triangle mesh: S phi = lambda M phi.
 *
 * Rows of vertices in no triangle are NaN; with boundary `dirichlet` rows on the boundary are 0. Each connected part
 * has one exact eigenvalue 0 with boundary `neumann`.
 *
 * @param vertices - (n, 3), row per vertex; eigenvalues have the unit of the coordinates to the power -2
 * @param faces - (m, 3), vertex numbers from 0
 * @throws ProcessingError as {@link eigsh}, and SHAPE_MISMATCH when fewer than k vertices take part
 * @see Reuter, Wolter & Peinecke 2006 (ShapeDNA); {@link eigsh} for the solver
 */
export function laplaceBeltrami(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  options: LaplaceBeltramiOptions = {},
): LaplaceBeltramiResult {
  const { k = 100, boundary = 'neumann', solver = 'auto', threads } = options;
  const operator = meshOperator(vertices, faces, options);
  const n = vertices.length / 3;
  const taking = operator.stiffness.rows;
  if (k > taking) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${k} eigenpairs of a surface with N = ${taking} usable vertices`,
      {
        where: 'laplaceBeltrami',
        cure: `ask for at most ${taking}`,
      },
    );
  }
  const pairs = eigsh(operator.stiffness, operator.mass, { k, solver, threads });
  const { area } = operator;
  const warnings = describe(operator, pairs.components, boundary);
  if (operator.vertices === null) return { ...pairs, warnings, area };
  const eigenvectors = new Float64Array(n * k).fill(NaN);
  if (boundary === 'dirichlet') {
    for (const v of boundaryVertices(faces)) eigenvectors.fill(0, v * k, (v + 1) * k);
  }
  operator.vertices.forEach((vertex, row) => {
    eigenvectors.set(pairs.eigenvectors.subarray(row * k, (row + 1) * k), vertex * k);
  });
  return { ...pairs, n, eigenvectors, warnings, area };
}

function describe(
  { unreferenced, triangles }: MeshOperator,
  components: number,
  boundary: BoundaryKind,
): string[] {
  const warnings: string[] = [];
  if (unreferenced > 0)
    warnings.push(`${unreferenced} vertices belong to no usable triangle; their rows are NaN`);
  if (triangles.degenerate > 0) warnings.push(`${triangles.degenerate} triangles without area were left out`);
  if (triangles.clamped > 0) {
    warnings.push(
      `${triangles.clamped} triangles without area were taken with 1e-4 of the mean area, as LaPy takes them: ` +
        'the eigenvalues are to be compared with those of LaPy, and are not those of the shape',
    );
  }
  if (components > 1 && boundary === 'neumann') {
    warnings.push(`the surface has ${components} connected parts, and as many eigenvalues 0`);
  }
  if (triangles.largestCotangent > DANGEROUS_COTANGENT) {
    const degrees = ((triangles.smallestAngle * 180) / Math.PI).toExponential(1);
    warnings.push(
      `the smallest angle is ${degrees} degrees (largest cotangent ${triangles.largestCotangent.toExponential(1)}): ` +
        'ill-conditioned; operator intrinsic_delaunay is the cure',
    );
  }
  return warnings;
}
