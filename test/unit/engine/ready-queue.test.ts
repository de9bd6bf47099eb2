import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadyQueue } from '../../../src/engine/ready-queue.js';

test('entries leave by priority, then by index, whatever the order they came in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60 }), fc.integer(), (levels, seed) => {
      const queue = new ReadyQueue(Float64Array.from(levels));
      const order = levels
        .map((_, i) => i)
        .sort((a, b) => ((a * 7919 + seed) % 61) - ((b * 7919 + seed) % 61));
      for (const index of order) queue.push(index);
      const left: number[] = [];
      while (queue.size > 0) left.push(queue.pop());
      const expected = levels
        .map((_, i) => i)
        .sort((a, b) => (levels[b] as number) - (levels[a] as number) || a - b);
      expect(left).toEqual(expected);
    }),
  );
});

test('an empty queue gives -1', () => {
  expect(new ReadyQueue(new Float64Array(0)).pop()).toBe(-1);
});
