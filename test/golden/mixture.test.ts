/** Responsibilities and shares of several templates against reference/atlas/golden (`scalars.mixture`). */
import { expect, test } from 'vitest';
import { mixtureValue, nextShares } from '../../src/numerics/registration/mixture.js';
import { goldenNumbers } from '../support/golden-atlas.js';
import { hasReference } from '../support/reference.js';

interface Mixture {
  readonly L: number[][];
  readonly pi: number[];
  readonly beta: number;
  readonly objective: number[];
  readonly responsibilities: number[][];
  readonly pi_next: number[];
}

test.skipIf(!hasReference)('objective, responsibilities and next shares', () => {
  const golden = (goldenNumbers() as unknown as { scalars: { mixture: Mixture } }).scalars.mixture;
  const values = golden.L.map((losses) => mixtureValue(losses, golden.pi, golden.beta));
  const relative = (found: number, expected: number): number =>
    Math.abs(found - expected) / Math.abs(expected);
  values.forEach(({ objective, responsibilities }, i) => {
    expect(relative(objective, golden.objective[i]!)).toBeLessThan(1e-9);
    responsibilities.forEach((r, k) => {
      expect(relative(r, golden.responsibilities[i]![k]!)).toBeLessThan(1e-9);
    });
  });
  nextShares(values.map(({ responsibilities }) => responsibilities)).pi.forEach((share, k) => {
    expect(relative(share, golden.pi_next[k]!)).toBeLessThan(1e-9);
  });
});
