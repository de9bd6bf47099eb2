import { expect, test } from 'vitest';

import { parameterChange } from '../../../src/engine/parameter-change.js';

const change = (before: unknown, after: unknown) =>
  parameterChange(JSON.stringify(before), JSON.stringify(after));

test('names the setting that differs, with its old and new value', () => {
  expect(change({ optimizer: { epochs: 150, lr: 1 } }, { optimizer: { epochs: 200, lr: 1 } })).toEqual({
    setting: 'optimizer.epochs',
    before: '150',
    after: '200',
    others: 0,
  });
  expect(change({ limits: [0.5, 12] }, { limits: [0.5, 8] })).toMatchObject({
    setting: 'limits.1',
    before: '12',
    after: '8',
  });
});

test('counts the other settings, and tells what came or went', () => {
  expect(change({ a: 1, b: 2, c: 3 }, { a: 9, b: 8, c: 7 })).toMatchObject({ setting: 'a', others: 2 });
  expect(change({ a: 1 }, { a: 1, b: 'x' })).toMatchObject({ setting: 'b', before: 'none', after: '"x"' });
  expect(change({ a: 1, b: null }, { a: 1 })).toMatchObject({ setting: 'b', before: 'null', after: 'none' });
});

test('a list that became longer is told whole', () => {
  expect(change({ features: [8, 16] }, { features: [8, 16, 32] })).toMatchObject({
    setting: 'features',
    before: '[8,16]',
    after: '[8,16,32]',
  });
});

test('plain values, texts that were cut, and equal values have no setting', () => {
  expect(change(1, 2)).toBeNull();
  expect(change({ a: 1 }, { a: 1 })).toBeNull();
  expect(change({ a: 1 }, [1])).toBeNull();
  expect(parameterChange('{"a":1,...', '{"a":2}')).toBeNull();
});

test('long values are cut', () => {
  const found = change({ text: 'a'.repeat(500) }, { text: 'b' });
  expect(found?.before).toHaveLength(200);
  expect(found?.before).toMatch(/^"a+\.\.\.$/);
});
