import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanRate } from '../src/mean-rate.js';

test('a beat each second is 60 beats per minute', () => {
  assert.equal(meanRate([0, 1, 2, 3], 0.3), 60);
});

test('a beat that comes too soon is noise', () => {
  assert.equal(meanRate([0, 0.1, 1, 2], 0.3), 60);
});

test('one beat has no rate', () => {
  assert.equal(meanRate([4], 0.3), null);
});
