import { describe, expect, test } from 'vitest';
import { checkItemKey, compareKeys } from '../../../src/engine/labels.js';
import { parseParticipants, participantId } from '../../../src/engine/participants.js';

describe('key order', () => {
  test('numbers by value, then text by code point', () => {
    const keys = ['sub-2', '10', '9', 'sub-10', '007', '7', 'B', 'a', '\u{10000}', '\uffff'];
    expect(keys.sort(compareKeys)).toEqual([
      '007',
      '7',
      '9',
      '10',
      'B',
      'a',
      'sub-10',
      'sub-2',
      '\uffff',
      '\u{10000}',
    ]);
  });

  test('numbers beyond the range of integers keep their order', () => {
    const keys = ['9007199254740993', '9007199254740992', '100000000000000000000'];
    expect(keys.sort(compareKeys)).toEqual(['9007199254740992', '9007199254740993', '100000000000000000000']);
  });
});

describe('item keys', () => {
  test.each(['101', 'sub-01', 'a b', "o'brien", '$(x)', 'ünïcode', 'x'.repeat(200)])(
    '%s is allowed',
    (key) => {
      expect(checkItemKey(key)).toBeNull();
    },
  );

  test.each([
    ['', 'a key is empty'],
    ['..', 'key ".." could be read as a path or an option'],
    ['-x', 'key "-x" could be read as a path or an option'],
    ['a/b', 'key "a/b" holds a path separator'],
    ['a\\b', 'key "a\\\\b" holds a path separator'],
    ['a\0b', 'key "a\\u0000b" holds a control character'],
    ['a\nb', 'key "a\\nb" holds a control character'],
    [' a', 'key " a" starts or ends with a blank'],
    ['\ud800', 'key "\\ud800" is not valid text'],
    ['é'.repeat(101), `key "${'é'.repeat(60)}..." is longer than 200 bytes`],
  ])('%j is refused', (key, message) => {
    expect(checkItemKey(key)).toBe(message);
  });
});

describe('participant labels', () => {
  test('digits and BIDS labels are accepted', () => {
    expect(participantId('007')).toEqual({ ok: true, value: '007' });
    expect(participantId('sub-A01')).toEqual({ ok: true, value: 'sub-A01' });
  });

  test.each(['sub-', 'sub-a_b', '../1', '1/2', 'sub-1\n', '', 'x'.repeat(300), '-1', '１'])(
    '%j is refused',
    (text) => {
      expect(participantId(text).ok).toBe(false);
    },
  );

  test('a list is checked as a whole, sorted, without doubles', () => {
    expect(parseParticipants('102, 9,102,sub-1')).toEqual({ ok: true, value: ['9', '102', 'sub-1'] });
    expect(parseParticipants('1,..,x y')).toEqual({
      ok: false,
      error: [
        '".." is not a participant label (digits, or sub- followed by letters and digits)',
        '"x y" is not a participant label (digits, or sub- followed by letters and digits)',
      ],
    });
  });
});
