import { describe, expect, test } from 'vitest';
import { SeededRandom, seededRandom } from '../../../src/numerics/random.js';

describe('seeded random numbers', () => {
  test('the generator is xoshiro128** 1.1', () => {
    // The first output is rotl(2 * 5, 7) * 9 = 11520; it leaves the words 7, 0, 1026, 12288, so the second is 0
    // and the third rotl(1029 * 5, 7) * 9 with word 1 = 7 ^ 0 ^ 1026 = 1029.
    const random = SeededRandom.fromState([1, 2, 3, 4]);
    expect([random.nextUint32(), random.nextUint32(), random.nextUint32()]).toEqual([11520, 0, 5927040]);
  });

  test('equal seed and purpose give equal numbers, another seed or purpose gives others', () => {
    const draw = (seed: number, purpose: string) => {
      const random = seededRandom(seed, purpose);
      return Array.from({ length: 8 }, () => random.nextUint32());
    };
    expect(draw(7, 'shuffling')).toEqual(draw(7, 'shuffling'));
    expect(draw(7, 'shuffling')).not.toEqual(draw(8, 'shuffling'));
    expect(draw(7, 'shuffling')).not.toEqual(draw(7, 'initialisation'));
  });

  test('a stored state continues with the same numbers, also through JSON', () => {
    const random = seededRandom(3, 'shuffling');
    random.permutation(10);
    const stored = JSON.parse(JSON.stringify(random.state())) as number[];
    const ahead = [random.normal(), random.uniform(), random.below(10)];
    const resumed = SeededRandom.fromState(stored);
    expect([resumed.normal(), resumed.uniform(), resumed.below(10)]).toEqual(ahead);
  });

  test('uniform and normal numbers have the moments they should', () => {
    const random = seededRandom(1, 'moments');
    const count = 100_000;
    const uniform = Array.from({ length: count }, () => random.uniform());
    const normal = Array.from({ length: count }, () => random.normal());
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / count;
    const normalMean = mean(normal);
    const variance = mean(normal.map((value) => (value - normalMean) ** 2));
    // Five standard errors: 5 / sqrt(12 n) = 0.0046, 5 / sqrt(n) = 0.016, variance 5 sqrt(2 / n) = 0.022.
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(0.0046);
    expect(Math.min(...uniform.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform.slice(0, 1000))).toBeLessThan(1);
    expect(Math.abs(normalMean)).toBeLessThan(0.016);
    expect(Math.abs(variance - 1)).toBeLessThan(0.022);
  });

  test('a permutation holds every index once and all orders occur equally often', () => {
    const random = seededRandom(5, 'orders');
    const counts = new Map<string, number>();
    for (let run = 0; run < 6000; run++) {
      const order = random.permutation(3);
      expect([...order].sort()).toEqual([0, 1, 2]);
      counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 1000 expected each; 5 standard deviations of the binomial are 144.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(144);
    expect(random.permutation(0)).toEqual([]);
  });

  test.each([-1, 2 ** 32, 0.5, Number.NaN])('seed %d is refused', (seed) => {
    expect(() => seededRandom(seed, 'x')).toThrow(/seed must be a whole number from 0 to 4294967295/);
  });

  test.each([[[0, 0, 0, 0]], [[1, 2, 3]], [[1, 2, 3, -4]], [[1, 2, 3, 2 ** 32]]])(
    'state %j is refused',
    (state) => {
      expect(() => SeededRandom.fromState(state)).toThrow(RangeError);
    },
  );

  test.each([0, 1.5, 2 ** 32 + 1])('bound %d is refused', (bound) => {
    expect(() => seededRandom(0, 'x').below(bound)).toThrow(RangeError);
  });
});
