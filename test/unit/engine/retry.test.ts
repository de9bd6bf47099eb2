import { describe, expect, test } from 'vitest';
import { DEFAULT_RESOURCES } from '../../../src/engine/node.js';
import { Retries, wrongRetry, type AttemptLimits } from '../../../src/engine/retry.js';

const LIMITS: AttemptLimits = { resources: { ...DEFAULT_RESOURCES, memoryGb: 3 }, timeoutMs: 1000 };

/** How many attempts follow the first one when the same failure comes again and again. */
function attempts(
  retries: Retries,
  failureClass: Parameters<Retries['next']>[1],
  rule: number | null = null,
): number {
  let count = 0;
  while (retries.next(7, failureClass, rule, LIMITS, 100) !== null) count++;
  return count;
}

describe('what is tried again', () => {
  test.each([
    ['out-of-memory', 2],
    ['timeout', 1],
    ['killed', 1],
    ['crashed', 1],
    ['node-lost', 1],
    ['device-lost', 1],
    ['error', 0],
    ['output-invalid', 0],
    ['input-changed', 0],
    ['io-full', 0],
    ['cancelled', 0],
  ] as const)('%s: %i times', (failureClass, count) => {
    expect(attempts(new Retries(null), failureClass)).toBe(count);
  });

  test('what is asked for counts for errors too, the rule of a node comes first, 0 switches all off', () => {
    expect(attempts(new Retries(3), 'error')).toBe(3);
    expect(attempts(new Retries(3), 'io-full')).toBe(0);
    expect(attempts(new Retries(3), 'error', 1)).toBe(1);
    expect(attempts(new Retries(0), 'killed', 5)).toBe(0);
    const retries = new Retries(null);
    expect(retries.next(1, 'error', { error: 1 }, LIMITS, 100)).toEqual(LIMITS);
    expect(retries.next(1, 'killed', { error: 1 }, LIMITS, 100)).toEqual(LIMITS);
    expect(retries.next(1, 'killed', { error: 1 }, LIMITS, 100)).toBeNull();
  });

  test('memory and time double on their own classes, memory up to what the run has', () => {
    const retries = new Retries(9);
    expect(retries.next(1, 'timeout', null, LIMITS, 100)).toEqual({ ...LIMITS, timeoutMs: 2000 });
    const more = retries.next(1, 'out-of-memory', null, LIMITS, 5);
    expect(more?.resources.memoryGb).toBe(5);
    expect(retries.next(1, 'out-of-memory', null, more ?? LIMITS, 5)).toBeNull();
  });

  test('a rule that makes no sense is named', () => {
    expect(wrongRetry(-1)).toBe('retry: retry -1 is not possible');
    expect(wrongRetry({ error: 1.5 })).toBe('retry: error 1.5 is not possible');
    expect(wrongRetry({ oops: 1 } as never)).toMatch(/^retry names 'oops', which is none of out-of-memory, /);
    expect(wrongRetry({ killed: 0 })).toBeNull();
  });
});
