import { expect, test } from 'vitest';
import { GradientGuard } from '../../../../src/numerics/registration/gradient-guard.js';

const warmedUp = (norm = 2) => {
  const guard = new GradientGuard();
  for (let step = 0; step < 20; step++) guard.factorFor(norm);
  return guard;
};

test('ordinary gradients pass unchanged, however they grow from step to step', () => {
  const guard = new GradientGuard();
  for (let step = 0; step < 400; step++) expect(guard.factorFor(0.3 * 1.02 ** step)).toBe(1);
});

test('an outlier is shortened to four times the running mean', () => {
  const guard = warmedUp(2);
  expect(guard.factorFor(8)).toBe(1);
  const typical = 0.98 * 2 + 0.02 * 8;
  expect(guard.factorFor(160)).toBeCloseTo((4 * typical) / 160, 12);
});

test('outliers do not teach the guard that they are usual', () => {
  const guard = warmedUp(1);
  for (let step = 0; step < 5; step++) guard.factorFor(1e6);
  expect(guard.exportState().typical).toBeLessThan(1.5);
});

test('nothing is shortened before the usual size is known, nor when it is not finite', () => {
  const guard = new GradientGuard();
  expect(guard.factorFor(1)).toBe(1);
  expect(guard.factorFor(1e9)).toBe(1);
  expect(warmedUp().factorFor(NaN)).toBe(1);
  expect(warmedUp().factorFor(Infinity)).toBe(1);
});

test('a stored guard goes on where it stopped', () => {
  const guard = warmedUp(3);
  const stored = new GradientGuard();
  stored.importState(JSON.parse(JSON.stringify(guard.exportState())));
  expect(stored.factorFor(100)).toBe(guard.factorFor(100));
});
