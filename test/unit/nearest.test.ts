import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editDistance, nearest } from '../../src/nearest.js';

describe('edit distance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['log_ofset', 'log_offset', 1],
  ])('of %s and %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('is symmetric, zero only for equal words, and at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('nearest word', () => {
  const known = ['peak_threshold', 'max_n_peaks', 'min_peak_height', 'mode', 'k'];

  test.each([
    ['max_peaks', 'max_n_peaks'],
    ['peakThreshold', 'peak_threshold'],
    ['peak-threshhold', 'peak_threshold'],
    ['moed', 'mode'],
    ['something_else', null],
    ['x', null],
    ['', null],
    ['a'.repeat(5000), null],
  ])('of %s is %s', (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  test('of equally near words the first is taken', () => {
    expect(nearest('bat', ['cat', 'hat'])).toBe('cat');
  });
});
