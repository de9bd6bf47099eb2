import { ProcessingError } from '../../errors.js';
import { eigsh, type Eigenpairs, type EigshOptions } from './eigsh.js';
import type { OperatorPair } from './mesh-operator.js';
import { principalSubmatrix } from './sparse-matrix.js';

/**
 * The k smallest eigenpairs of an operator on vertices. Vertices without mass (in no usable triangle) take no part; their
 * rows are NaN.
 *
 * @throws ProcessingError as eigsh, and SHAPE_MISMATCH when fewer than k vertices have mass
 */
export function operatorSpectrum(
  { stiffness, mass }: OperatorPair,
  { k = 100, solver = 'auto', threads }: Pick<EigshOptions, 'k' | 'solver' | 'threads'> = {},
): Eigenpairs {
  const n = stiffness.rows;
  const hasMass = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    for (let e = mass.rowStarts[i]!; e < mass.rowStarts[i + 1]!; e++) if (mass.values[e]! > 0) hasMass[i] = 1;
  }
  const kept = Int32Array.from(hasMass.keys()).filter((i) => hasMass[i] === 1);
  if (k > kept.length) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${k} eigenpairs of a surface with N = ${kept.length} usable vertices`,
      {
        where: 'operatorSpectrum',
        cure: `ask for at most ${kept.length}`,
      },
    );
  }
  if (kept.length === n) return eigsh(stiffness, mass, { k, solver, threads });
  const pairs = eigsh(principalSubmatrix(stiffness, kept), principalSubmatrix(mass, kept), {
    k,
    solver,
    threads,
  });
  const eigenvectors = new Float64Array(n * k).fill(NaN);
  kept.forEach((vertex, row) => {
    eigenvectors.set(pairs.eigenvectors.subarray(row * k, (row + 1) * k), vertex * k);
  });
  return { ...pairs, n, eigenvectors };
}
