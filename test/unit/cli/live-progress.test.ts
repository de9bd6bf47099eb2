import { describe, expect, test } from 'vitest';
import { LiveProgress } from '../../../src/cli/progress/live.js';
import { leftText } from '../../../src/cli/progress/progress-block.js';
import { ScreenBlock } from '../../../src/cli/progress/screen-block.js';
import { cutLine, cutText, lineText, textWidth, type Line } from '../../../src/cli/progress/text-width.js';
import type { CompiledGraph } from '../../../src/engine/graph.js';
import type { NodeState } from '../../../src/engine/run-account.js';
import type { RunningNode, RunView } from '../../../src/engine/run-view.js';
import { Screen } from '../../support/screen.js';
import { fakeTerminal } from '../../support/terminal.js';

const QUIET = { verbose: false, debug: false };

/** A cohort of ten: `fit` of each, then `collect`. */
function view(ends: readonly NodeState[], running: readonly Partial<RunningNode>[]): RunView {
  const labels = Array.from({ length: 10 }, (_, i) => `sub-${i}`);
  const instances = [
    ...labels.map((label) => ({ id: `fit[${label}]`, nodeId: 'fit', itemKey: label })),
    { id: 'collect', nodeId: 'collect', itemKey: null },
  ];
  const ended = (state: NodeState): number => ends.filter((end) => end === state).length;
  return {
    graph: { instances } as unknown as CompiledGraph,
    counts: () => ({
      total: instances.length,
      executed: ended('executed'),
      reused: ended('reused'),
      skipped: 0,
      failed: ended('failed'),
      notStarted: 0,
    }),
    ended: (index) => ends[index],
    running: () =>
      running.map((node) => ({
        index: 9,
        id: '',
        ms: 0,
        done: 0,
        total: 0,
        text: null,
        usualMs: null,
        ...node,
      })),
    remaining: () => ({ ms: 125_000, isPartial: false }),
  };
}

function shown(of: RunView, size = { columns: 60, rows: 24 }): string[] {
  let lines: readonly Line[] = [];
  let now = 0;
  const live = new LiveProgress(
    fakeTerminal({ block: (given) => (lines = given) }),
    QUIET,
    () => now,
    () => size,
  );
  live.show({ type: 'run-started', runId: 'r', workflow: 'study', nodes: 11, jobs: 2 });
  live.watch(of);
  now = 42_000;
  live.draw();
  const texts = lines.map((line) => lineText(cutLine(line, size.columns - 1), false));
  live.close();
  expect(lines).toEqual([]);
  return texts;
}

describe('the block of a run', () => {
  const running = [
    { index: 8, id: 'fit[sub-8]', ms: 72_000, done: 20, total: 100, text: 'epoch' },
    { index: 9, id: 'fit[sub-9]', ms: 3_000, usualMs: 60_000 },
  ];
  const ends: NodeState[] = ['executed', 'executed', 'reused', 'failed'];

  test('says how far workflow, nodes and participants are, who runs longest, and how long it may take', () => {
    expect(shown(view(ends, running))).toEqual([
      'study ━━━━━━━━──────────────── 4/11  0:42, about 2 min left',
      '  2 run, 1 reused, 1 failed',
      '  4 of 10 participants through, 1 with a failure; now sub-…',
      '  fit      4 of 10, 1 failed',
      '  collect  0 of 1',
      '  ▸ fit[sub-8]  1:12  20 of 100  epoch',
      '  ▸ fit[sub-9]  0:03  usually 1 min 0 s',
    ]);
  });

  test('fits every size of window', () => {
    for (const columns of [1, 2, 5, 20, 41, 200]) {
      for (const rows of [1, 3, 7, 50]) {
        const lines = shown(view(ends, running), { columns, rows });
        for (const line of lines) expect(textWidth(line), line).toBeLessThan(Math.max(1, columns));
        expect(lines.length).toBeLessThanOrEqual(Math.max(5, rows - 1));
      }
    }
    expect(shown(view(ends, running), { columns: 30, rows: 24 })[0]).toBe('study  4/11  0:42, about 2 m…');
  });

  test('items that are no participants are called items', () => {
    const other = view(ends, running);
    const { instances } = other.graph as unknown as { instances: { itemKey: string | null }[] };
    for (const instance of instances) if (instance.itemKey !== null) instance.itemKey += '.lh';
    expect(shown(other)[2]).toContain('4 of 10 items through');
  });

  test('the time that is left does not pretend to be exact', () => {
    expect([4_000, 43_000, 3_600_000, 90 * 60_000].map((ms) => leftText(ms, false))).toEqual([
      'a few s left',
      'about 40 s left',
      'about 60 min left',
      'about 1.5 h left',
    ]);
    expect(leftText(60_000, true)).toBe('more than 1 min left');
    expect(leftText(4_000, true)).toBeNull();
  });
});

describe('lines that are drawn again in place', () => {
  const block = (size: { columns: number; rows: number }): ScreenBlock => new ScreenBlock(() => size, true);
  const lines = (...texts: string[]): Line[] => texts.map((text) => [{ text, color: 32 }]);

  test('what is written above stays, the block is always last, and equal lines cost nothing', () => {
    const size = { columns: 20, rows: 10 };
    const drawn = block(size);
    const screen = new Screen(20, 10).write(drawn.replace(lines('one', 'two')));
    expect(drawn.replace(lines('one', 'two'))).toBe('');
    screen.write(drawn.above('first\nsecond\n')).write(drawn.replace(lines('three')));
    expect(screen.lines).toEqual(['first', 'second', 'three']);
    screen.write('^C').write(drawn.replace([])).write(drawn.above('end\n'));
    expect(screen.lines).toEqual(['first', 'second', 'end']);
  });

  test('a window that becomes narrower or wider leaves nothing behind', () => {
    const size = { columns: 40, rows: 10 };
    const drawn = block(size);
    const screen = new Screen(40, 10).write(drawn.above('note\n'));
    const wide = lines('a line of thirty-two characters.', 'short', 'another one of the same length..');
    screen.write(drawn.replace(wide));
    for (const columns of [15, 9, 40, 100]) {
      size.columns = columns;
      screen.resize(columns).write(drawn.replace(wide));
      expect(screen.lines.map((line) => line.trimEnd()).slice(0, 1)).toEqual(['note']);
      expect(screen.lines).toHaveLength(4);
      expect(screen.lines[1]).toBe(
        columns > 33
          ? 'a line of thirty-two characters.'
          : `${'a line of thirty-two'.slice(0, columns - 2)}…`,
      );
    }
  });

  test('a window lower than the block shows its first lines', () => {
    const drawn = block({ columns: 20, rows: 3 });
    const screen = new Screen(20, 3);
    for (let i = 0; i < 5; i++) screen.write(drawn.replace(lines(`one ${i}`, 'two', 'three', 'four')));
    expect(screen.lines).toEqual(['one 4', 'two']);
  });
});

describe('width of text', () => {
  test.each([
    ['plain', 5],
    ['ångström', 8],
    ['a\u0301', 1],
    ['日本', 4],
    ['한글', 4],
    ['👩‍🔬', 2],
    ['✓▸━', 3],
    ['', 0],
  ])('%s takes %d columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  test('cuts between whole characters', () => {
    expect(cutText('日本語', 4)).toBe('日…');
    expect(cutText('日本語', 6)).toBe('日本語');
    expect(cutText('abc', 0)).toBe('');
    expect(lineText(cutLine([{ text: 'ab' }, { text: 'cd' }], 4), false)).toBe('abcd');
    expect(lineText(cutLine([{ text: 'ab' }, { text: 'cd' }], 3), false)).toBe('ab…');
    expect(lineText(cutLine([{ text: 'ab' }, { text: 'cd' }], 2), false)).toBe('a…');
  });
});
