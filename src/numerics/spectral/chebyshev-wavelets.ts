import { ProcessingError } from '../../errors.js';
import { waveletKernel, type WaveletKernel } from '../descriptors/signatures.js';
import type { OperatorPair } from './mesh-operator.js';

/** Options of wavelets without eigenpairs. */
export interface WaveletTransformOptions {
  /** Degree of the polynomial that stands for the kernel. */
  readonly order?: number;
}

/**
 * Wavelet transform of functions on a surface without eigenpairs: g(t M^-1 S) f by Chebyshev polynomials of
 * M^-1/2 S M^-1/2, so that scales mean the same as with eigenpairs.
 *
 * @param pair - stiffness and a diagonal mass (`lumped` or `voronoi`)
 * @param table - (n, columns), functions, row per vertex
 * @param scales - (s), unit^2
 * @returns (n, s * columns), scale by scale
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (a mass that is not diagonal and positive)
 * @see Hammond, Vandergheynst & Gribonval 2011
 */
export function waveletTransform(
  { stiffness, mass }: OperatorPair,
  table: ArrayLike<number>,
  kernel: WaveletKernel,
  scales: ArrayLike<number>,
  { order = 30 }: WaveletTransformOptions = {},
): Float64Array {
  const where = 'waveletTransform';
  const n = stiffness.rows;
  const columns = n === 0 ? 0 : table.length / n;
  if (!Number.isInteger(columns)) {
    throw new ProcessingError('SHAPE_MISMATCH', `${table.length} values for ${n} vertices`, {
      where,
      cure: 'give one row of values per vertex',
    });
  }
  if (mass.values.length !== n || !mass.values.every((value) => value > 0)) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the mass is not diagonal and positive', {
      where,
      cure: 'use lumped or voronoi mass, and drop vertices that belong to no triangle',
    });
  }
  const roots = mass.values.map(Math.sqrt);
  const scaled = stiffness.values.slice();
  let largest = 0;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let e = stiffness.rowStarts[i]!; e < stiffness.rowStarts[i + 1]!; e++) {
      scaled[e]! /= roots[i]! * roots[stiffness.columnIndices[e]!]!;
      sum += Math.abs(scaled[e]!);
    }
    // Gershgorin: no eigenvalue is larger than the largest absolute row sum.
    largest = Math.max(largest, sum);
  }
  const half = Math.max(largest, Number.MIN_VALUE) / 2;
  const coefficients = Array.from(scales, (scale) => chebyshevCoefficients(kernel, scale, half, order));
  const out = new Float64Array(n * scales.length * columns);
  const multiply = (x: Float64Array): Float64Array => {
    const y = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let e = stiffness.rowStarts[i]!; e < stiffness.rowStarts[i + 1]!; e++) {
        sum += scaled[e]! * x[stiffness.columnIndices[e]!]!;
      }
      // The interval from 0 to the bound, moved to -1 to 1.
      y[i] = sum / half - x[i]!;
    }
    return y;
  };
  for (let c = 0; c < columns; c++) {
    let before: Float64Array = Float64Array.from(
      { length: n },
      (_, i) => roots[i]! * table[i * columns + c]!,
    );
    let current: Float64Array = multiply(before);
    const add = (degree: number, term: Float64Array): void => {
      coefficients.forEach((own, s) => {
        const factor = degree === 0 ? own[0]! / 2 : own[degree]!;
        for (let i = 0; i < n; i++)
          out[(i * scales.length + s) * columns + c]! += (factor * term[i]!) / roots[i]!;
      });
    };
    add(0, before);
    for (let degree = 1; degree <= order; degree++) {
      add(degree, current);
      const next = multiply(current);
      for (let i = 0; i < n; i++) next[i] = 2 * next[i]! - before[i]!;
      before = current;
      current = next;
    }
  }
  return out;
}

/** By quadrature at the 2 (order + 1) cosine nodes. */
function chebyshevCoefficients(
  kernel: WaveletKernel,
  scale: number,
  half: number,
  order: number,
): Float64Array {
  const nodes = 2 * (order + 1);
  const values = Float64Array.from({ length: nodes }, (_, j) =>
    waveletKernel(kernel, scale * half * (Math.cos((Math.PI * (j + 0.5)) / nodes) + 1)),
  );
  return Float64Array.from({ length: order + 1 }, (_, degree) =>
    values.reduce(
      (sum, value, j) => sum + (2 / nodes) * value * Math.cos((degree * Math.PI * (j + 0.5)) / nodes),
      0,
    ),
  );
}
