import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { letterRig, RUN } from '../../cli/letters.js';

const PRELOAD = fileURLToPath(new URL('./preload-clock.mjs', import.meta.url));
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

function clock(ms: number, afterMs: number): { env: Record<string, string> } {
  const env = { TEST_CLOCK_MS: String(ms), TEST_CLOCK_AFTER_MS: String(afterMs) };
  return { env: { ...env, NODE_OPTIONS: `--import=${PRELOAD}` } };
}

/** Every time of an event that is a length of time, by name. */
function lengths(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    typeof part === 'number' && /(?:^ms|Ms)$/.test(name) ? [part] : lengths(part),
  );
}

test.each([
  ['back by an hour', -HOUR_MS],
  ['forward by a year', YEAR_MS],
])(
  'a clock that is set %s: no length of time is negative, an edit is noticed, results stay',
  async (_, ms) => {
    await using rig = await letterRig({ a: 'slow one', b: 'beta' });
    // In the middle of the run: the slow node takes longer than this.
    const first = await rig.run(RUN, clock(ms, 1200));
    expect(first.exitCode, first.stderr).toBe(0);
    const times = first.events.flatMap(lengths);
    expect(times.length).toBeGreaterThan(3);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
    // A minute at most, whatever the clock on the wall says.
    expect(first.stderr).toMatch(/letters: done in \d{1,2}\.\d s/);

    const same = await rig.run(RUN, clock(ms, 0));
    expect([same.exitCode, same.executed]).toEqual([0, []]);
    await rig.write('in/b.txt', 'BETA');
    const edited = await rig.run(RUN, clock(ms, 0));
    expect(edited.executed).toEqual(['join_letters', 'read_letter[b]']);
    // The clock is right again; what was noted meanwhile is not believed blindly.
    await rig.write('in/b.txt', 'Beta');
    const right = await rig.run(RUN);
    expect(right.executed).toEqual(['join_letters', 'read_letter[b]']);
    expect(await rig.read('out/letters/all.txt')).toBe('slow one Beta\n');
  },
);
