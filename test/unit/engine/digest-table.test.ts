import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DigestTable } from '../../../src/engine/digest-table.js';

test('a digest table grows, keeps what it was given, and knows what it was not', () => {
  const digest = (i: number): string => createHash('sha256').update(String(i)).digest('hex');
  const table = new DigestTable(2);
  for (const i of [0, 1, 7, 300]) table.set(i, digest(i));
  table.set(1, digest(99));
  expect([0, 1, 2, 7, 300, 301].map((i) => table.get(i))).toEqual([
    digest(0),
    digest(99),
    null,
    digest(7),
    digest(300),
    null,
  ]);
});
