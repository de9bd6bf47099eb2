import { ProcessingError } from '../../errors.js';
import type { MeshTopology } from '../mesh/topology.js';
import { biharmonicSignature, type Spectrum } from './signatures.js';

/** Options of signatures that hear their neighbours. */
export interface NeighbourSignatureOptions {
  /** Weight of the neighbours. */
  readonly alpha?: number;
  /** Neighbours are the vertices at most this many edges away. */
  readonly rings?: number;
}

/**
 * Biharmonic kernel signature with a part of the neighbours, weighed by how curved they are:
 * bks(x) + alpha mean_y |K(y)| A bks(y), y over the edge rings around x. A heuristic with the name of the improved
 * biharmonic kernel signature (ibks), not the method of that publication.
 *
 * @param gaussian - (n), Gaussian curvature, unit^-2; vertices without (NaN, on a boundary) are no neighbours
 * @param area - of the surface, unit squared: makes the weight dimensionless
 * @returns (n), unit^2
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function neighbourBiharmonicSignature(
  spectrum: Spectrum,
  gaussian: ArrayLike<number>,
  area: number,
  { neighbours, neighbourStarts, vertexCount }: MeshTopology,
  { alpha = 0.1, rings = 2 }: NeighbourSignatureOptions = {},
): Float64Array {
  const signature = biharmonicSignature(spectrum);
  if (gaussian.length !== vertexCount || signature.length !== vertexCount) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${signature.length} signatures and ${gaussian.length} curvatures for ${vertexCount} vertices`,
      { where: 'neighbourBiharmonicSignature', cure: 'give spectrum, curvature and topology of one mesh' },
    );
  }
  if (!Number.isInteger(rings) || rings < 1) {
    throw new ProcessingError('INVALID_ARGUMENT', `${rings} rings of neighbours`, {
      where: 'neighbourBiharmonicSignature',
      cure: 'give 1 or more',
    });
  }
  const seen = new Int32Array(vertexCount).fill(-1);
  return signature.map((own, x) => {
    let front = [x];
    seen[x] = x;
    let [sum, count] = [0, 0];
    for (let ring = 0; ring < rings; ring++) {
      const next: number[] = [];
      for (const vertex of front) {
        for (let e = neighbourStarts[vertex]!; e < neighbourStarts[vertex + 1]!; e++) {
          const y = neighbours[e]!;
          if (seen[y] === x) continue;
          seen[y] = x;
          next.push(y);
          const weighted = Math.abs(gaussian[y]!) * area * signature[y]!;
          if (Number.isNaN(weighted)) continue;
          sum += weighted;
          count++;
        }
      }
      front = next;
    }
    return count === 0 ? own : own + (alpha * sum) / count;
  });
}
