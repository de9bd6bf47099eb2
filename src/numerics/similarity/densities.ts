import type { MapPair } from './map-pair.js';

/** How the masses of two maps agree; p = A / sum A, q = B / sum B. NaN where a map has no mass. */
export interface DensityAgreement {
  /** Sum of min(p, q): 1 for maps of one shape, 0 for maps apart. */
  readonly density_overlap: number;
  /** Sum of sqrt(p q): 1 for maps of one shape, 0 for maps apart. */
  readonly bhattacharyya: number;
  /** Jensen-Shannon divergence of p and q, bits: 0 for maps of one shape, 1 for maps apart. */
  readonly jensen_shannon_bits: number;
  /** 2 sum min(A, B) / (sum A + sum B), also of unequal mass; NaN where neither map has mass. */
  readonly soft_dice: number;
  /** sum A / sum B. */
  readonly mass_ratio: number;
  /** Distance of the centres of mass, mm. */
  readonly centroid_distance_mm: number;
}

/** Agreement of two maps as distributions of mass. */
export function densityAgreement(pair: MapPair): DensityAgreement {
  const { a, b } = pair;
  let [sumA, sumB, shared] = [0, 0, 0];
  for (let v = 0; v < a.length; v++) {
    sumA += a[v]!;
    sumB += b[v]!;
    shared += Math.min(a[v]!, b[v]!);
  }
  const softDice = (2 * shared) / (sumA + sumB);
  if (sumA === 0 || sumB === 0) {
    return {
      density_overlap: NaN,
      bhattacharyya: NaN,
      jensen_shannon_bits: NaN,
      soft_dice: softDice,
      mass_ratio: NaN,
      centroid_distance_mm: NaN,
    };
  }
  return {
    ...distributionAgreement(a, b, sumA, sumB),
    soft_dice: softDice,
    mass_ratio: sumA / sumB,
    centroid_distance_mm: centroidDistanceMm(pair),
  };
}

function distributionAgreement(a: ArrayLike<number>, b: ArrayLike<number>, sumA: number, sumB: number) {
  let [overlap, bhattacharyya, divergence] = [0, 0, 0];
  for (let v = 0; v < a.length; v++) {
    const p = a[v]! / sumA;
    const q = b[v]! / sumB;
    const middle = (p + q) / 2;
    overlap += Math.min(p, q);
    bhattacharyya += Math.sqrt(p * q);
    if (p > 0) divergence += 0.5 * p * Math.log2(p / middle);
    if (q > 0) divergence += 0.5 * q * Math.log2(q / middle);
  }
  return { density_overlap: overlap, bhattacharyya, jensen_shannon_bits: divergence };
}

function centroidDistanceMm({ a, b, shape, affine }: MapPair): number {
  const [ofA, ofB] = [centroid(a, shape), centroid(b, shape)];
  const voxels = ofA.map((value, axis) => value - ofB[axis]!);
  const world = [0, 1, 2].map((row) =>
    voxels.reduce((sum, value, column) => sum + affine[4 * row + column]! * value, 0),
  );
  return Math.hypot(...world);
}

/** Centre of mass in voxel coordinates; the mass is not 0. */
function centroid(map: ArrayLike<number>, [X, Y, Z]: MapPair['shape']): [number, number, number] {
  let [mass, alongX, alongY, alongZ] = [0, 0, 0, 0];
  for (let x = 0, v = 0; x < X; x++) {
    for (let y = 0; y < Y; y++) {
      for (let z = 0; z < Z; z++, v++) {
        const value = map[v]!;
        mass += value;
        alongX += x * value;
        alongY += y * value;
        alongZ += z * value;
      }
    }
  }
  return [alongX / mass, alongY / mass, alongZ / mass];
}
