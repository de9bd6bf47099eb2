import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PIPELINE, type PipelineRig } from '../support/pipeline-rig.js';
import { Screen } from '../support/screen.js';
import { letterRig, RUN } from './letters.js';

/** A letter that is skipped is no failure. */
const ALLOWING = [...RUN, '--set', 'letters.min_letters=1'];
const IN_TERMINAL = fileURLToPath(new URL('../support/run_in_terminal.py', import.meta.url));

interface Step {
  readonly after: string;
  readonly columns?: number;
  readonly keys?: string;
  readonly touch?: string;
}

interface Session {
  readonly exitCode: number;
  /** Everything that was written. */
  readonly text: string;
  /** What stands on the screen at the end. */
  readonly screen: Screen;
}

/** Runs `pipeline` in a terminal of its own. */
function inTerminal(
  rig: PipelineRig,
  steps: readonly Step[],
  columns: number,
  env: NodeJS.ProcessEnv = {},
): Session {
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
  const command = [
    IN_TERMINAL,
    JSON.stringify(steps),
    String(columns),
    '24',
    process.execPath,
    PIPELINE,
    ...ALLOWING,
  ];
  const { stdout, stderr, status } = spawnSync('python3', command, {
    cwd: rig.directory,
    env: { ...inherited, TERM: 'xterm-256color', ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect(status, stderr).toBe(0);
  const { exitCode, pieces, stepsLeft } = JSON.parse(stdout) as {
    exitCode: number;
    pieces: { columns: number; text: string }[];
    stepsLeft: number;
  };
  const text = pieces.map((piece) => piece.text).join('');
  expect(stepsLeft, text).toBe(0);
  const screen = new Screen(columns, 24);
  for (const piece of pieces) screen.resize(piece.columns).write(piece.text);
  return { exitCode, text, screen };
}

test('a run in a terminal is one block that is redrawn, also when the window becomes narrow', async () => {
  await using rig = await letterRig({ a: 'gated', b: 'be', c: 'empty', d: 'gated' });
  const { exitCode, text, screen } = inTerminal(
    rig,
    [
      { after: '1 of 2  waiting', columns: 34 },
      { after: 'letters +[0-9]/5|letters .*… *', touch: rig.path('in/gate') },
    ],
    100,
  );
  expect(exitCode).toBe(0);
  expect(text).toContain('\u001b[32m');
  expect(text).not.toContain('\u001b[?25l');
  // What is left: notes and the summary, which the narrow window has broken; nothing of any block.
  const left = screen.lines.join('');
  expect(left).toMatch(/^! 0:0\d \[\d\/5\] read_letter\[c\] {2}skipped: the letter is emptyletters: done in/);
  expect(left.match(/read_letter\[c\]/g)).toHaveLength(2);
  expect(left).not.toMatch(/[▸━─]/);
});

test('NO_COLOR leaves no colour, and Ctrl-C leaves the terminal as it was', async () => {
  await using rig = await letterRig({ a: 'endless', b: 'be' });
  const { exitCode, text, screen } = inTerminal(
    rig,
    [
      { after: '▸ read_letter.a.', keys: '\u0003' },
      { after: 'stopping:', keys: '\u0003' },
    ],
    60,
    { NO_COLOR: '1' },
  );
  expect(exitCode).toBe(130);
  // eslint-disable-next-line no-control-regex -- colours
  expect(text).not.toMatch(/\u001b\[[\d;]*m/);
  expect(screen.isCursorVisible).toBe(true);
  const lines = screen.lines.join('\n');
  expect(lines).toContain('stopping: running nodes finish');
  expect(lines).toContain('cancelling: running nodes are asked to end');
  expect(lines).not.toContain('^C');
  expect(lines).not.toContain('▸');
  expect(lines).toMatch(/letters: stopped in .* reused, \d (cancelled|not started)/);
});
