import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ConfigError } from '../../../src/errors.js';
import { canonicalBytes, canonicalDigest } from '../../../src/engine/canonical.js';

const hex = (value: unknown): string => canonicalBytes(value).toString('hex');

function refusal(value: unknown): ConfigError {
  try {
    canonicalBytes(value);
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('was accepted');
}

describe('canonical form', () => {
  test('is fixed byte by byte', () => {
    expect(hex(null)).toBe('4e');
    expect(hex(false)).toBe('46');
    expect(hex(true)).toBe('54');
    expect(hex(1)).toBe('44000000000000f03f');
    expect(hex('é')).toBe('5302000000c3a9');
    expect(hex([1])).toBe('410100000044000000000000f03f');
    expect(hex({ b: null, a: true })).toBe('4f020000000100000061540100000062' + '4e');
    expect(hex(new Uint16Array([1, 258]))).toBe('590b00000055696e743136417272617902000000' + '01000201');
  });

  test('the digest is SHA-256 of the bytes', () => {
    const bytes = canonicalBytes({ a: [1, 'x'] });
    expect(canonicalDigest({ a: [1, 'x'] })).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('keeps apart what looks alike', () => {
    const values = [
      0, -0, NaN, Infinity, '0', '', null, false, [], {}, [[]], [null], { a: null }, { a: [] }, ['a'], 'a',
      new Uint8Array(), new Int8Array(), new Float64Array([1]), [1], '1', ['ab'], ['a', 'b'],
      { a: 'b' }, ['a', { b: 1 }], 'e\u0301', '\u00e9',
    ]; // prettier-ignore
    expect(new Set(values.map(hex)).size).toBe(values.length);
  });

  test('there is one NaN', () => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, 0xfff8000000000001n);
    expect(hex(view.getFloat64(0))).toBe(hex(NaN));
  });

  test('undefined fields are left out, null is kept', () => {
    expect(hex({ a: 1, b: undefined })).toBe(hex({ a: 1 }));
    expect(hex({ a: 1, b: null })).not.toBe(hex({ a: 1 }));
  });

  test('fields are in code point order, also beyond the basic plane', () => {
    // U+FFFF comes before U+10000, although its UTF-16 unit is larger than the surrogate's.
    const bytes = hex({ '\u{10000}': 1, '\uffff': 2 });
    expect(bytes.indexOf('efbfbf')).toBeLessThan(bytes.indexOf('f0908080'));
    expect(hex({ '\uffff': 2, '\u{10000}': 1 })).toBe(bytes);
  });

  test.each([
    ['a map', { x: { y: new Map() } }, 'x.y is a Map'],
    ['a set', [new Set()], '[0] is a Set'],
    ['a date', { d: new Date(0) }, 'd is a Date'],
    ['a function', { f: () => 1 }, 'f is a function'],
    ['a symbol', { s: Symbol('s') }, 's is a symbol'],
    ['a bigint', { n: [1, 2n] }, 'n[1] is a bigint'],
    ['undefined in a list', { l: [1, undefined] }, 'l[1] is undefined'],
    ['a class instance', { c: new (class Thing {})() }, 'c is a Thing'],
    ['half a surrogate pair', { t: 'x\ud800' }, 't holds half a surrogate pair'],
    ['half a surrogate pair in a name', { 'x\udc00': 1 }, 'x\udc00 holds half a surrogate pair'],
    ['a view without elements', { v: new DataView(new ArrayBuffer(2)) }, 'v is a DataView'],
    ['a field named by a symbol', { o: { [Symbol('s')]: 1 } }, 'o has a symbol as field name'],
  ])('%s is refused with its path', (_what, value, message) => {
    const error = refusal(value);
    expect(error.code).toBe('CANONICAL');
    expect(error.message).toBe(`${message}, which has no canonical form`);
    expect(error.cure).toBe('use plain objects, arrays, numbers, text, booleans, null or typed arrays');
  });

  test('a cyclic value is refused, not a stack overflow', () => {
    const value: Record<string, unknown> = {};
    value['a'] = value;
    expect(refusal(value).message).toContain('nested deeper than 500 levels');
  });
});
