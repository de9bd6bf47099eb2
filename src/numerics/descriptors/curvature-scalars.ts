/** Descriptors of the principal curvatures of a vertex: shape index, curvedness, Willmore energy. */
import type { Curvatures } from '../mesh/curvature.js';

/** Flatter than this, per unit of the coordinates, a vertex has no shape index. */
const FLAT = 1e-9;

/**
 * Shape index: +1 cap, +0.5 ridge, 0 saddle, -0.5 rut, -1 cup, for outward normals.
 *
 * @returns (n), -1 to 1; NaN where the surface is flat and at boundary vertices
 * @see Koenderink & van Doorn 1992
 */
export function shapeIndex({ kappa1, kappa2 }: Pick<Curvatures, 'kappa1' | 'kappa2'>): Float64Array {
  return kappa1.map((k1, i) => {
    const k2 = kappa2[i]!;
    // A comparison with NaN is false, so that boundary vertices stay NaN.
    return Math.sqrt((k1 * k1 + k2 * k2) / 2) >= FLAT ? (2 / Math.PI) * Math.atan2(k1 + k2, k1 - k2) : NaN;
  });
}

/**
 * Casorati curvature, also called curvedness: sqrt((k1^2 + k2^2) / 2).
 *
 * @returns (n), unit^-1; NaN at boundary vertices
 */
export function curvedness({ kappa1, kappa2 }: Pick<Curvatures, 'kappa1' | 'kappa2'>): Float64Array {
  return kappa1.map((k1, i) => Math.sqrt((k1 * k1 + kappa2[i]! ** 2) / 2));
}

/** The Willmore energy of a surface, two ways. */
export interface WillmoreEnergy {
  /** Integral of H^2: 4 pi for a sphere, at least that for any closed surface, without unit. */
  readonly meanSquared: number;
  /** Integral of H^2 - K: 0 for a sphere. */
  readonly excess: number;
  /** Boundary vertices that were left out; with any, the energy is not that of a closed surface. */
  readonly excluded: number;
}

/** Willmore energy over the vertices that are not on a boundary. */
export function willmoreEnergy(curvatures: Curvatures): WillmoreEnergy {
  const { meanSquared, gaussian, areas, boundary } = curvatures;
  let [energy, excess, excluded] = [0, 0, 0];
  for (let i = 0; i < areas.length; i++) {
    if (boundary[i] === 1) excluded++;
    if (Number.isNaN(meanSquared[i])) continue;
    energy += meanSquared[i]! * areas[i]!;
    excess += (meanSquared[i]! - gaussian[i]!) * areas[i]!;
  }
  return { meanSquared: energy, excess, excluded };
}
