import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

import {
  fmaPeakGflops,
  getNativeThreads,
  nativeStatus,
  selectIsa,
  setNativeThreads,
  type Isa,
} from '../../../src/native/index.js';
import { testedIsas } from '../../support/native.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

test('the addon is built; run `npm run build:addon` if this fails', () => {
  expect(nativeStatus()).toMatchObject({ available: true });
  expect(testedIsas()).toContain('baseline');
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

describe('the build script', () => {
  const run = (...args: string[]): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, ['scripts/build-addon.mjs', ...args], {
      cwd: repository,
      encoding: 'utf8',
      // An empty PATH: no compiler can be found.
      env: { PATH: '', npm_config_node_gyp: '/nowhere/node-gyp.js' },
    });

  test('does nothing when the addon is up to date', () => {
    expect(run('--strict')).toMatchObject({ status: 0, stderr: '' });
  });
});
