import { expect, test } from 'vitest';

import { ownInformation, ScaledEffects } from '../../../../src/numerics/bayes/models/scaled-effects.js';
import { seededRandom } from '../../../../src/numerics/random.js';

const random = seededRandom(4, 'scaled effects');

test('the density of a coordinate is the normal prior of its effect with the Jacobian', () => {
  for (let i = 0; i < 20; i++) {
    const information = 30 * random.uniform();
    const [logSpread, logNoise, centre, w] = Array.from({ length: 4 }, () => 1.5 * random.normal());
    const scaled = new ScaledEffects(Float64Array.of(information));
    const effectAt = (coordinate: number): number => {
      scaled.set(0, coordinate, logSpread!, logNoise!, centre!);
      return scaled.effects[0]!;
    };
    const jacobian = effectAt(1) - effectAt(0);
    const prior = -0.5 * (effectAt(w!) / Math.exp(logSpread!)) ** 2 - logSpread!;
    expect(scaled.differentiate(0, w!, 0)).toBeCloseTo(prior + Math.log(jacobian), 9);
  }
});

test('given spread, noise and what data say, coordinates are normal (0, 1)', () => {
  // 12 rows of mean 0.7 with noise 0.5: likelihood of the effect normal (0.7, 0.5^2 / 12).
  for (const logSpread of [-4, -1, 0, 3]) {
    const scaled = new ScaledEffects(Float64Array.of(12));
    const logDensity = (w: number): number => {
      scaled.set(0, w, logSpread, Math.log(0.5), 0.7);
      return scaled.differentiate(0, w, 0) - 0.5 * (scaled.effects[0]! - 0.7) ** 2 * (12 / 0.25);
    };
    for (const w of [-2, 0.3, 3]) expect(logDensity(w) - logDensity(0)).toBeCloseTo(-0.5 * w * w, 9);
  }
});

test('a column of its own holds all its rows, one that others repeat holds little', () => {
  const rows = 4;
  const own = [1, 1, -1, -1];
  const other = [1, -1, 1, -1];
  const design = Float64Array.from({ length: rows * 3 }, (_, i) => {
    const row = Math.floor(i / 3);
    return i % 3 === 0 ? own[row]! : other[row]!;
  });
  const [first, second, third] = ownInformation(design, 3);
  expect(first).toBeCloseTo(4, 12);
  // Two equal columns of length 2: (1 + 4 + 4) / (1 + 4) - 1.
  expect(second).toBeCloseTo(0.8, 12);
  expect(third).toBeCloseTo(0.8, 12);
});
