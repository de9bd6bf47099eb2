import { angleDefects } from '../mesh/curvature.js';
import { meshTopology } from '../mesh/topology.js';

/**
 * Biharmonic signature raised by the curvature around: b(x) + alpha * mean of |K(y)| A b(y) over the neighbours y of x, K the
 * angle defect over the area of the vertex, A the area of the surface. A heuristic, not the method of the work that it is
 * named after.
 *
 * @param signature - (n), biharmonic signature
 * @param masses - (n), area of each vertex
 * @param rings - neighbours are up to so many edges away
 * @returns (n), unit of the signature
 */
export function curvatureBiharmonic(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  signature: ArrayLike<number>,
  masses: ArrayLike<number>,
  { alpha = 0.1, rings = 1 }: { readonly alpha?: number; readonly rings?: number } = {},
): Float64Array {
  const n = masses.length;
  const area = Array.from(masses).reduce((sum, mass) => sum + mass, 0);
  const defects = angleDefects(vertices, faces);
  const raised = Float64Array.from({ length: n }, (_, i) =>
    masses[i]! > 0 ? (Math.abs(defects[i]!) / masses[i]!) * area * signature[i]! : NaN,
  );
  const { neighbourStarts, neighbours } = meshTopology(faces, n);
  const seen = new Int32Array(n).fill(-1);
  return Float64Array.from({ length: n }, (_, start) => {
    const around: number[] = [start];
    seen[start] = start;
    for (let ring = 0, from = 0; ring < rings; ring++) {
      const to = around.length;
      for (; from < to; from++) {
        const vertex = around[from]!;
        for (let e = neighbourStarts[vertex]!; e < neighbourStarts[vertex + 1]!; e++) {
          const other = neighbours[e]!;
          if (seen[other] === start) continue;
          seen[other] = start;
          around.push(other);
        }
      }
    }
    const others = around.slice(1);
    if (others.length === 0) return signature[start]!;
    const mean = others.reduce((sum, vertex) => sum + raised[vertex]!, 0) / others.length;
    return signature[start]! + alpha * mean;
  });
}
