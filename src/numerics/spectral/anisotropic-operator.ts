/** Diffusion that is slower along one direction of the surface than across it. */
import { ProcessingError } from '../../errors.js';
import { cross, dot, minus, norm, plus, row3, scaled, unit, type Vector3 } from '../mesh/vector3.js';
import {
  assemblePair,
  checkMesh,
  triangleShapes,
  usableTriangles,
  type OperatorPair,
} from './mesh-operator.js';
import type { MassKind } from './settings.js';

/** Direction and strength of anisotropy in every triangle. */
export interface DiffusionField {
  /** (m, 3), direction along which diffusion changes; its part in the triangle counts, length and sign do not. */
  readonly directions: ArrayLike<number>;
  /** Diffusivity along the direction is 1 / (1 + alpha), across it 1; one number, or (m). */
  readonly alpha: number | ArrayLike<number>;
  /** Turns the direction in the plane of the triangle, counter-clockwise about its normal, radians. */
  readonly theta?: number;
  /** (m): 1 where there is no direction (umbilic): the mean (1 + 1 / (1 + alpha)) / 2 holds in all directions. */
  readonly isotropic?: ArrayLike<number>;
}

/**
 * Stiffness and mass of div D grad on a triangle mesh: S_ij = sum_T area grad_i . D grad_j with D = p p' / (1 + alpha)
 * + q q', p the direction in the triangle and q = n x p. Symmetric and positive semi-definite by construction, rows sum
 * to 0; alpha = 0 gives the cotangent operator.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3)
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (alpha not above -1), NON_FINITE
 * @see Andreux, Rodola, Aubry & Cremers 2014; Boscaini, Masci, Rodola, Bronstein & Cremers 2016
 */
export function anisotropicOperator(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  field: DiffusionField,
  mass: MassKind = 'lumped',
): OperatorPair {
  const where = 'anisotropicOperator';
  checkMesh(where, vertices, faces);
  checkField(where, faces.length / 3, field);
  const shapes = triangleShapes(vertices, faces);
  const { used } = usableTriangles(faces, shapes);
  // For each corner the number that stands where the cotangent does: S_ab = -weight / 2 for its opposite side ab.
  const weights = new Float64Array(faces.length);
  const { directions, theta = 0 } = field;
  for (let t = 0; t < used.length; t++) {
    if (used[t] === 0) continue;
    const alpha = typeof field.alpha === 'number' ? field.alpha : field.alpha[t]!;
    const along = 1 / (1 + alpha);
    const mean = (1 + along) / 2;
    const plane = planeOf(vertices, faces, t, directions, theta);
    const isIsotropic = field.isotropic?.[t] === 1 || plane === null;
    for (let c = 0; c < 3; c++) {
      if (isIsotropic) {
        weights[3 * t + c] = mean * shapes.cotangents[3 * t + c]!;
        continue;
      }
      // grad_a . D grad_b = (e_a rotated) D (e_b rotated) / (4 area^2): rotation swaps the two axes.
      const [a, b] = [(c + 1) % 3, (c + 2) % 3];
      const product = plane.q[a]! * plane.q[b]! * along + plane.p[a]! * plane.p[b]!;
      weights[3 * t + c] = -product / (2 * shapes.areas[t]!);
    }
  }
  const isVoronoi = mass === 'voronoi';
  const pair = assemblePair(
    vertices.length / 3,
    faces,
    { areas: shapes.areas, cotangents: weights },
    isVoronoi ? 'lumped' : mass,
    used,
  );
  if (!isVoronoi) return pair;
  return {
    stiffness: pair.stiffness,
    mass: assemblePair(vertices.length / 3, faces, shapes, mass, used).mass,
  };
}

/** Parts of the three sides (side c opposite corner c) along p and q; null where the direction is normal to the plane. */
function planeOf(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  t: number,
  directions: ArrayLike<number>,
  theta: number,
): { readonly p: readonly number[]; readonly q: readonly number[] } | null {
  const corner = (c: number): Vector3 => row3(vertices, faces[3 * t + (c % 3)]!);
  const sides = [0, 1, 2].map((c) => minus(corner(c + 2), corner(c + 1)));
  const normal = unit(cross(sides[0]!, sides[1]!));
  const given = row3(directions, t);
  const flat = minus(given, scaled(normal, dot(given, normal)));
  if (!(norm(flat) > 1e-12 * norm(given))) return null;
  const start = unit(flat);
  const p = plus(scaled(start, Math.cos(theta)), scaled(cross(normal, start), Math.sin(theta)));
  const q = cross(normal, p);
  return { p: sides.map((side) => dot(side, p)), q: sides.map((side) => dot(side, q)) };
}

function checkField(where: string, count: number, { directions, alpha, isotropic }: DiffusionField): void {
  const lengths = [
    directions.length / 3,
    typeof alpha === 'number' ? count : alpha.length,
    isotropic?.length ?? count,
  ];
  if (lengths.some((length) => length !== count)) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the field has ${lengths.join(', ')} rows for ${count} triangles`,
      {
        where,
        cure: 'give one direction, and one alpha, per triangle',
      },
    );
  }
  const values = typeof alpha === 'number' ? [alpha] : Array.from(alpha);
  const wrong = values.find((value) => !(value > -1 && value < Infinity));
  if (wrong === undefined) return;
  throw new ProcessingError('INVALID_ARGUMENT', `alpha is ${wrong}: diffusivity would not be positive`, {
    where,
    cure: 'give alpha above -1; 0 for no anisotropy',
  });
}
