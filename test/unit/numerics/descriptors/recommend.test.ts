import { describe, expect, test } from 'vitest';

import {
  areaUnderCurve,
  ANALYSIS_OBJECTIVES,
  crossValidated,
  ELIGIBILITY,
  recommendDescriptor,
  seededRandom,
  surrogateSurfaces,
} from '../../../../src/numerics.js';
import { icosphere } from '../../../support/analytic-meshes.js';

const ball = icosphere(1, 10);
/** A long one without symmetry, so that its axes are defined. */
const egg = {
  vertices: ball.vertices.map((value, i) => (i % 3 === 0 ? 2 * value + 0.02 * value * value : value)),
  faces: ball.faces,
};
/** Cheap ones only. */
const QUICK = {
  surrogates: 20,
  k: 12,
  permutations: 99,
  settings: { integral_directions: 20, zernike_order: 4, gps_pairs: 200 },
};

describe('the classifier', () => {
  test('tells groups apart that differ and not those that do not; ties count half', () => {
    const random = seededRandom(5, 'features');
    const labels = Array.from({ length: 30 }, (_, i) => i % 2);
    const good = Float64Array.from(labels.flatMap((label) => [random.normal() + 3 * label, random.normal()]));
    const noise = Float64Array.from(labels.flatMap(() => [random.normal(), random.normal()]));
    const seen = crossValidated(good, labels, seededRandom(1, 'folds'), { permutations: 199 });
    expect(seen.auc).toBeGreaterThan(0.9);
    expect(seen.effect).toBeGreaterThan(1);
    expect(seen.p).toBe(1 / 200);
    const blind = crossValidated(noise, labels, seededRandom(1, 'folds'), { permutations: 199 });
    expect(blind.p).toBeGreaterThan(0.05);
    expect(areaUnderCurve([1, 2, 2, 3], [0, 0, 1, 1])).toBe(3.5 / 4);
  });

  test('does not see the size or the offset of a feature', () => {
    const random = seededRandom(6, 'features');
    const labels = Array.from({ length: 20 }, (_, i) => i % 2);
    const features = Float64Array.from(labels, (label) => random.normal() + label);
    const other = features.map((value) => 1e6 * value - 300);
    const one = crossValidated(features, labels, seededRandom(1, 'folds'), { permutations: 9 });
    const two = crossValidated(other, labels, seededRandom(1, 'folds'), { permutations: 9 });
    expect(two.auc).toBe(one.auc);
    expect(two.effect).toBeCloseTo(one.effect, 6);
  });
});

describe('surrogates', () => {
  test.each(ANALYSIS_OBJECTIVES)(
    '%s: smooth, in parts of the size, the same from the same seed',
    (objective) => {
      const make = (factor: number) =>
        surrogateSurfaces(
          egg.vertices.map((value) => factor * value),
          egg.faces,
          objective,
          seededRandom(3, 'surrogates'),
          { count: 10, noise: 0 },
        );
      const [small, large] = [make(1), make(4)];
      expect(small.map(({ label }) => label)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
      expect(small[0]!.vertices).toEqual(egg.vertices);
      expect(small[1]!.vertices).not.toEqual(egg.vertices);
      large.forEach(({ vertices }, s) => {
        vertices.forEach((value, i) => expect(value / 4).toBeCloseTo(small[s]!.vertices[i]!, 9));
      });
    },
  );
});

describe('recommendDescriptor', () => {
  test('a whole that shrinks is seen by what keeps size, every eligible member is tried or says why not', () => {
    const found = recommendDescriptor(egg.vertices, egg.faces, {
      objective: 'longitudinal_change',
      ...QUICK,
    });
    expect(found.map(({ descriptor }) => descriptor).sort()).toEqual(
      [...ELIGIBILITY.longitudinal_change].sort(),
    );
    expect(found.every(({ status }) => status === 'evaluated')).toBe(true);
    const [first] = found;
    if (first?.status !== 'evaluated') throw new Error('nothing was evaluated');
    expect(first.auc).toBeGreaterThan(0.8);
    // Relative radii and counts by height do not see size: near chance.
    const blind = found.find(({ descriptor }) => descriptor === 'integral_invariant');
    if (blind?.status !== 'evaluated') throw new Error('integral_invariant was not evaluated');
    expect(blind.auc).toBeLessThan(first.auc);
    const again = recommendDescriptor(egg.vertices, egg.faces, {
      objective: 'longitudinal_change',
      ...QUICK,
      eligibility: { longitudinal_change: ['hks'] },
    });
    expect(again).toEqual(found.filter(({ descriptor }) => descriptor === 'hks'));
  });

  test.each(['group_discrimination', 'lateralization', 'subregion_detection'] as const)(
    '%s: every eligible member is evaluated on a closed surface, but the one that is not available',
    (objective) => {
      const found = recommendDescriptor(egg.vertices, egg.faces, { objective, ...QUICK });
      expect(found.map(({ descriptor }) => descriptor).sort()).toEqual([...ELIGIBILITY[objective]].sort());
      const others = found.filter(({ status }) => status !== 'evaluated');
      const unavailable = ELIGIBILITY[objective].filter((id) => id === 'finsler_hks');
      expect(others.map(({ descriptor }) => descriptor)).toEqual(unavailable);
      for (const one of found) {
        if (one.status !== 'evaluated') continue;
        expect(one.auc, one.descriptor).toBeGreaterThanOrEqual(0);
        expect(one.auc, one.descriptor).toBeLessThanOrEqual(1);
        expect(one.score, one.descriptor).toBeGreaterThan(0);
      }
    },
  );

  test('an open surface has no thickness, and what is unavailable says so', () => {
    const found = recommendDescriptor(egg.vertices, egg.faces.subarray(3), {
      objective: 'subregion_detection',
      ...QUICK,
      eligibility: { subregion_detection: ['sdf', 'finsler_hks', 'bks'] },
    });
    expect(found.map((one) => [one.descriptor, one.status])).toEqual([
      ['bks', 'evaluated'],
      ['sdf', 'excluded'],
      ['finsler_hks', 'excluded'],
    ]);
    expect(found[1]).toMatchObject({ reason: 'the mesh is open' });
  });

  test('too few surrogates are refused', () => {
    expect(() =>
      recommendDescriptor(egg.vertices, egg.faces, { objective: 'lateralization', surrogates: 6 }),
    ).toThrow('6 surrogates are too few');
  });
});
