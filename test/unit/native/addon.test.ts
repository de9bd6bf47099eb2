import { afterAll, describe, expect, test } from 'vitest';

import {
  fmaPeakGflops,
  getNativeThreads,
  nativeStatus,
  selectIsa,
  setNativeThreads,
  type Isa,
} from '../../../src/native/index.js';
import { namedFunctions } from '../../../src/native/loader.js';
import { testedIsas } from '../../support/native.js';

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

test('the addon is built; run `npm run build:addon` if this fails', () => {
  expect(nativeStatus()).toMatchObject({ available: true });
  expect(testedIsas()).toContain('baseline');
});

test('a function that an addon of older sources lacks is named, with the command that builds it', () => {
  const older = namedFunctions({ interfaceVersion: () => 8 });
  expect(older.interfaceVersion()).toBe(8);
  expect(() => older.spectralFactor).toThrow(
    expect.objectContaining({
      code: 'ADDON_MISSING',
      message: 'the native addon has no spectralFactor: it was built from older sources',
      cure: 'run `npm run build:addon`; it needs a C++17 compiler, make and Python 3',
    }) as Error,
  );
});

describe('instruction sets', () => {
  test.each(testedIsas())('%s can be selected and multiplies', (isa) => {
    selectIsa(isa);
    expect(nativeStatus()).toMatchObject({ isa });
    expect(fmaPeakGflops(1)).toBeGreaterThan(0);
  });

  test('one that does not exist is refused by name, and the choice stays', () => {
    selectIsa('baseline');
    expect(() => selectIsa('mmx' as Isa)).toThrow("this processor has no kernels for instruction set 'mmx'");
    expect(nativeStatus()).toMatchObject({ isa: 'baseline' });
  });
});

describe('threads', () => {
  test('the pool has the size that was set', () => {
    for (const threads of [3, 1, 2]) {
      setNativeThreads(threads);
      expect(getNativeThreads()).toBe(threads);
      fmaPeakGflops(1);
    }
  });

  test.each([0, -1, 1.5, NaN, 1025])('%d threads are refused', (threads) => {
    expect(() => setNativeThreads(threads)).toThrow(`${threads} is no number of threads`);
  });
});
