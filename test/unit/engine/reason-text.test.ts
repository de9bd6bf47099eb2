import { expect, test } from 'vitest';

import { reasonText } from '../../../src/engine/reason-text.js';

test('values whose kept beginnings are the same are not shown', () => {
  const reason = (before: string, after: string) =>
    reasonText({ kind: 'params', port: 'config', before, after });
  expect(reason('{"a":1...', '{"a":1...')).toBe('parameter config changed');
  expect(reason('1', '2')).toBe('parameter config changed: 1 -> 2');
});

test('a setting inside a parameter is named, and how many more changed', () => {
  const reason = { kind: 'params', port: 'training', setting: 'optimizer.epochs' } as const;
  expect(reasonText({ ...reason, before: '150', after: '200' })).toBe(
    'parameter training.optimizer.epochs changed: 150 -> 200',
  );
  expect(reasonText({ ...reason, before: '150', after: '200', others: 2 })).toBe(
    'parameter training.optimizer.epochs changed: 150 -> 200 (and 2 more of its settings)',
  );
});
