import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/engine/events.js';
import { ReusedBatch } from '../../../src/engine/reused-batch.js';

test('reused instances are told together, in order, and not in lines without end', () => {
  const told: RunEvent[] = [];
  const batch = new ReusedBatch((event) => told.push(event));
  const ids = Array.from({ length: 1234 }, (_, i) => `n[${i}]`);
  batch.flush();
  for (const id of ids) batch.add(id);
  batch.flush();
  batch.flush();
  expect(told.flatMap((event) => (event.type === 'nodes-reused' ? event.ids : []))).toEqual(ids);
  expect(told).toHaveLength(3);
});
