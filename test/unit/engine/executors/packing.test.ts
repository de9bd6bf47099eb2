import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evenPacks, packSize, throttleFor } from '../../../../src/engine/executors/packing.js';

test.each([
  [null, 60_000, 8],
  [1000, 60_000, 60],
  [7000, 60_000, 9],
  [60_000, 60_000, 1],
  [3_600_000, 60_000, 1],
  [0, 60_000, 200],
  [1000, 0, 1],
  [null, 0, 1],
])('nodes of %s ms, jobs of at least %i ms: %i in a job', (expected, packMs, size) => {
  expect(packSize(expected, packMs)).toBe(size);
});

test('packs hold everything once, in order, and differ by one at most', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.integer({ min: 1, max: 60 }), (count, size) => {
      const things = Array.from({ length: count }, (_, i) => i);
      const packs = evenPacks(things, size);
      const lengths = packs.map((pack) => pack.length);
      expect(packs.flat()).toEqual(things);
      expect(packs).toHaveLength(Math.ceil(count / size));
      if (count > 0) {
        expect(Math.max(...lengths)).toBeLessThanOrEqual(size);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test.each([
  [null, 100, 50, null],
  [4, 0, 50, 4],
  [4, 3, 50, 1],
  [4, 4, 50, 0],
  [4, 9, 50, 0],
  [10, 0, 3, 3],
])('limit %s with %i taken, %i elements: %s', (limit, taken, elements, throttle) => {
  expect(throttleFor(limit, taken, elements)).toBe(throttle);
});
