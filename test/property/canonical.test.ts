import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalBytes, canonicalDigest } from '../../src/engine/canonical.js';

/** JSON-like values with every number, and no text that is not Unicode. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.double(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 3 }), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

/** Reads the canonical form back: what can be read back is not confused with anything else. */
function decode(bytes: Buffer): unknown {
  let at = 0;
  const count = (): number => bytes.readUInt32LE((at += 4) - 4);
  const text = (): string => {
    const length = count();
    return bytes.toString('utf8', at, (at += length));
  };
  const value = (): unknown => {
    const tag = String.fromCharCode(bytes[at] as number);
    at += 1;
    switch (tag) {
      case 'N':
        return null;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'D':
        return bytes.readDoubleLE((at += 8) - 8);
      case 'S':
        return text();
      case 'A':
        return Array.from({ length: count() }, value);
      case 'O':
        return Object.fromEntries(Array.from({ length: count() }, () => [text(), value()]));
      default:
        throw new Error(`tag ${tag}`);
    }
  };
  const result = value();
  expect(at).toBe(bytes.length);
  return result;
}

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, shuffled(item)]),
  );
}

describe('canonical form', () => {
  test('can be read back, so two values never share one', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(canonicalBytes(value))).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test('does not depend on the order of fields', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(canonicalDigest(shuffled(value))).toBe(canonicalDigest(value));
      }),
      { numRuns: 300 },
    );
  });

  test('equal bytes if and only if equal values', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const same = canonicalBytes(a).equals(canonicalBytes(b));
        let equal = true;
        try {
          expect(a).toStrictEqual(b);
        } catch {
          equal = false;
        }
        expect(same).toBe(equal);
      }),
      { numRuns: 500 },
    );
  });
});
