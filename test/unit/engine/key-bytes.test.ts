import { describe, expect, test } from 'vitest';
import { canonicalDigest } from '../../../src/engine/canonical.js';
import { KeyBytes } from '../../../src/engine/key-bytes.js';
import { OutputDigests } from '../../../src/engine/output-digests.js';

describe('the bytes of a key', () => {
  test.each([
    ['no part', []],
    ['one part', [['input', 'x', 'a'.repeat(64)]]],
    [
      'names beyond ASCII, and a name twice',
      [
        ['params', 'größe', 'ab'],
        ['input', 'größe', 'cd'],
        ['params', 'größe', 'ef'],
      ],
    ],
    ['many parts', Array.from({ length: 300 }, (_, i) => ['input', `x[${i}]`, String(i)])],
  ])('are the canonical form: %s', (_what, parts) => {
    const bytes = new KeyBytes();
    // The second one is not changed by what the first left behind.
    for (const round of [1, 2]) {
      bytes.begin();
      for (const [kind, name, digest] of parts as [string, string, string][])
        bytes.part(kind, name, { digest });
      expect([round, bytes.digest()]).toEqual([round, canonicalDigest(['node/1', parts])]);
    }
  });
});

test('digests of outputs are kept by instance and port', () => {
  const digests = new OutputDigests(1);
  const digest = (letter: string): string => letter.repeat(64);
  digests.set(0, 'y', digest('a'));
  digests.set(0, 'z', digest('b'));
  digests.set(9, 'z', digest('c'));
  const asked: [number, string][] = [
    [0, 'y'],
    [0, 'z'],
    [9, 'z'],
    [9, 'y'],
    [5, 'y'],
    [100, 'y'],
    [0, 'w'],
  ];
  expect(asked.map(([index, port]) => digests.get(index, port))).toEqual([
    digest('a'),
    digest('b'),
    digest('c'),
    null,
    null,
    null,
    null,
  ]);
});
