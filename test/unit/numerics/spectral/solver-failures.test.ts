/** What users see when the eigen-solver cannot deliver: forced here by kernels that lose digits. */
import { afterEach, expect, test, vi } from 'vitest';

import { eigsh, NotConvergedError } from '../../../../src/numerics.js';
import { ProcessingError } from '../../../../src/errors.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { cotangentOperator } from '../../../../src/numerics/spectral/mesh-operator.js';
import type { LanczosKernels, SolverKernels } from '../../../../src/numerics/spectral/solver-kernels.js';
import { typescriptKernels } from '../../../../src/numerics/spectral/typescript-kernels.js';
import { grid, together } from '../../../support/meshes.js';

const state = vi.hoisted(() => ({ kernels: undefined as SolverKernels | undefined }));
vi.mock('../../../../src/numerics/spectral/choose-kernels.js', () => ({
  chooseKernels: () => state.kernels,
}));
afterEach(() => {
  state.kernels = undefined;
});

const { vertices, faces } = grid(20, 12, 1.6, 1);
const plain = cotangentOperator(vertices, faces);
const draws = seededRandom(1, 'noise');

/** The last entries of the small vectors, from which residuals are told, are large for shifts above the limit. */
function neverConverging(limit: number): LanczosKernels {
  let isAbove = false;
  return {
    ...typescriptKernels,
    solve(symbolic, factor, x, blocks) {
      typescriptKernels.solve(symbolic, factor, x, blocks);
      isAbove = factor.shift > limit;
    },
    smallEigen(size, a, lastEntries) {
      const { values, rows } = typescriptKernels.smallEigen(size, a, lastEntries);
      return { values, rows: isAbove && lastEntries < size ? rows.fill(1) : rows };
    },
  };
}

function failure(run: () => unknown): ProcessingError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ProcessingError);
    return error as ProcessingError;
  }
  throw new Error('it did not fail');
}

test('NOT_CONVERGED: the whole text, and the pairs that were found', () => {
  state.kernels = typescriptKernels;
  const k = 92;
  const right = eigsh(plain.stiffness, plain.mass, { k });
  // The upper of two slices fails.
  const limit = right.eigenvalues[46]!;
  state.kernels = neverConverging(limit);
  const error = failure(() => eigsh(plain.stiffness, plain.mass, { k })) as NotConvergedError;
  expect(error).toBeInstanceOf(NotConvergedError);
  expect(error.code).toBe('NOT_CONVERGED');
  expect(error.message).toMatch(/^block Lanczos did not find \d+ pairs near \d+\.\d+$/);
  expect(error.where).toBe('eigsh');
  expect(error.cure).toBe(
    'the matrix may be ill-conditioned: see the smallest angle of the mesh, or use operator intrinsic_delaunay',
  );
  const { eigenvalues, eigenvectors } = error.partial;
  const found = eigenvalues.length;
  expect(found).toBeGreaterThan(15);
  expect(eigenvectors).toHaveLength(plain.stiffness.rows * found);
  for (let i = 1; i < found; i++) expect(eigenvalues[i]! / right.eigenvalues[i]!).toBeCloseTo(1, 8);
  // Row by row the vectors are those of the full result, up to sign: vector 5 is simple on this rectangle.
  const sign = Math.sign(eigenvectors[5]! * right.eigenvectors[5]!);
  for (let x = 0; x < plain.stiffness.rows; x += 7) {
    expect(sign * eigenvectors[x * found + 5]!).toBeCloseTo(right.eigenvectors[x * k + 5]!, 6);
  }
});

test('NOT_CONVERGED of one part: rows of the others are 0', () => {
  const both = together([grid(20, 12, 1.6, 1), grid(5, 5, 0.2, 0.2)], 3);
  const pair = cotangentOperator(both.vertices, both.faces);
  state.kernels = typescriptKernels;
  const limit = eigsh(pair.stiffness, pair.mass, { k: 47 }).eigenvalues[46]!;
  state.kernels = neverConverging(limit);
  const error = failure(() => eigsh(pair.stiffness, pair.mass, { k: 92 })) as NotConvergedError;
  const { eigenvalues, eigenvectors } = error.partial;
  expect(eigenvectors).toHaveLength(pair.stiffness.rows * eigenvalues.length);
  expect(eigenvectors.subarray(21 * 13 * eigenvalues.length).every((value) => value === 0)).toBe(true);
  expect(eigenvectors.subarray(0, eigenvalues.length).every((value) => value !== 0)).toBe(true);
});

test('ILL_CONDITIONED: the whole text, with the numbers that were measured', () => {
  // The last step of the polish loses digits.
  state.kernels = {
    ...typescriptKernels,
    combine(size, basis, count, coefficients, outCount, out) {
      typescriptKernels.combine(size, basis, count, coefficients, outCount, out);
      for (let i = 0; i < out.length; i++) out[i]! *= 1 + 1e-7 * draws.normal();
    },
  };
  const error = failure(() => eigsh(plain.stiffness, plain.mass, { k: 20 }));
  expect(error.code).toBe('ILL_CONDITIONED');
  expect(error.message).toMatch(
    /^the eigenpairs are not accurate: backward residual \d\.\de-\d+, orthonormality \d\.\de-\d+$/,
  );
  expect(error.where).toBe('eigsh');
  expect(error.cure).toBe(
    'the matrix has lost its digits: see the smallest angle of the mesh, or use operator intrinsic_delaunay',
  );
});

test('pivots that grow at the first shifts: neighbouring ones are tried and the result is the same', () => {
  state.kernels = typescriptKernels;
  const right = eigsh(plain.stiffness, plain.mass, { k: 40 });
  const tried: number[] = [];
  state.kernels = {
    ...typescriptKernels,
    factor(symbolic, pair, shift) {
      const factor = typescriptKernels.factor(symbolic, pair, shift);
      tried.push(shift);
      // Every other interior factor is said to be bad.
      return tried.length % 2 === 1 && shift > 0 ? { ...factor, growth: 1e6 } : factor;
    },
  };
  const { eigenvalues, certificate } = eigsh(plain.stiffness, plain.mass, { k: 40 });
  expect(tried.length).toBeGreaterThan(2);
  expect(certificate.count).toBe(right.certificate.count);
  for (let i = 1; i < 40; i++) expect(eigenvalues[i]! / right.eigenvalues[i]!).toBeCloseTo(1, 11);
});

test('no shift with digits: all pairs come from one definite factor, with the same result', () => {
  state.kernels = typescriptKernels;
  const right = eigsh(plain.stiffness, plain.mass, { k: 30 });
  const used = new Set<number>();
  state.kernels = {
    ...typescriptKernels,
    factor(symbolic, pair, shift) {
      const factor = typescriptKernels.factor(symbolic, pair, shift);
      return shift > 0 ? { ...factor, growth: 1e13 } : factor;
    },
    slices(symbolic, pair, tasks) {
      for (const { factor } of tasks) used.add(Math.sign(factor.shift));
      return typescriptKernels.slices(symbolic, pair, tasks);
    },
  } satisfies SolverKernels;
  const { eigenvalues, certificate, quality } = eigsh(plain.stiffness, plain.mass, { k: 30 });
  expect([...used]).toEqual([-1]);
  expect(certificate.count).toBe(right.certificate.count);
  expect(quality.orthonormality).toBeLessThan(1e-13);
  expect(eigenvalues[0]).toBe(0);
  for (let i = 1; i < 30; i++) expect(eigenvalues[i]! / right.eigenvalues[i]!).toBeCloseTo(1, 11);
});

test('ILL_CONDITIONED: no factor has digits', () => {
  state.kernels = {
    ...typescriptKernels,
    factor: (symbolic, pair, shift) => ({
      ...typescriptKernels.factor(symbolic, pair, shift),
      growth: Infinity,
    }),
  };
  const error = failure(() => eigsh(plain.stiffness, plain.mass, { k: 30 }));
  expect(error.code).toBe('ILL_CONDITIONED');
  expect(error.message).toBe('no shift gives a factor with digits');
  expect(error.cure).toBe('look for entries that are far too large, as triangles without area give them');
});
