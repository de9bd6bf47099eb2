import { expect, test } from 'vitest';

import { reasonText } from '../../../src/engine/reason-text.js';

test('values whose kept beginnings are the same are not shown', () => {
  const reason = (before: string, after: string) =>
    reasonText({ kind: 'params', port: 'config', before, after });
  expect(reason('{"a":1...', '{"a":1...')).toBe('parameter config changed');
  expect(reason('1', '2')).toBe('parameter config changed: 1 -> 2');
});
