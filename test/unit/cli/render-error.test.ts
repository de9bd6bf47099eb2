import { durationText } from '../../../src/engine/duration-text.js';
import { describe, expect, test } from 'vitest';
import {
  renderConfigProblem,
  renderError,
  renderNodeFailure,
  renderRequirements,
  renderWarning,
} from '../../../src/cli/render-error.js';
import { ConfigError, StorageError } from '../../../src/errors.js';

describe('configuration problems', () => {
  test('place, excerpt with a mark, and cure', () => {
    expect(
      renderConfigProblem({
        severity: 'warning',
        code: 'CONFIG_VALUE',
        path: 'fooof.peak_width_limits',
        message: 'lower limit 0.3 Hz is under 1.5 frequency bins (0.375 Hz)',
        cure: 'raise it to 0.375 or more, or give spectra with finer resolution',
        origin: { kind: 'file', file: 'config.yaml', line: 12, column: 23 },
        excerpt: { line: 12, text: '  peak_width_limits: [0.3, 12]', start: 22, length: 3 },
      }),
    ).toBe(
      [
        'config.yaml:12:23  warning CONFIG_VALUE  fooof.peak_width_limits: lower limit 0.3 Hz is under 1.5 frequency bins (0.375 Hz)',
        '  12 |   peak_width_limits: [0.3, 12]',
        '     |                       ~~~',
        '  mend: raise it to 0.375 or more, or give spectra with finer resolution',
      ].join('\n'),
    );
  });

  test('a value of --set has no excerpt', () => {
    expect(
      renderConfigProblem({
        severity: 'error',
        code: 'CONFIG_UNKNOWN_KEY',
        path: 'fit.mod',
        message: 'unknown key mod; did you mean mode?',
        cure: null,
        origin: { kind: 'set', option: 'fit.mod=knee' },
        excerpt: null,
      }),
    ).toBe('--set fit.mod=knee  error CONFIG_UNKNOWN_KEY  fit.mod: unknown key mod; did you mean mode?');
  });
});

describe('requirements', () => {
  const problems = [
    {
      severity: 'error',
      code: 'MIN_SUBJECTS',
      message: 'learned_atlas: found 3 subject(s), need at least 5\nwithout it: 102, 104',
      cure: 'add subjects, or set learned_atlas.min_subjects to 3',
    },
    { severity: 'warning', code: 'REQUIREMENT', message: 'not counted' },
    { severity: 'error', code: 'DEVICE', message: "device 'cuda' is not available here", cure: null },
  ] as const;

  test('are shown as one block, the name of the workflow only once', () => {
    expect(renderRequirements('learned_atlas', problems)).toBe(
      [
        '2 requirements of learned_atlas are not met; nothing was run',
        '  MIN_SUBJECTS   found 3 subject(s), need at least 5',
        '                 without it: 102, 104',
        '                 mend: add subjects, or set learned_atlas.min_subjects to 3',
        "  DEVICE         device 'cuda' is not available here",
      ].join('\n'),
    );
  });

  test('one alone is told in the singular', () => {
    expect(renderRequirements('atlas', [problems[2]])).toBe(
      "1 requirement of atlas is not met; nothing was run\n  DEVICE   device 'cuda' is not available here",
    );
  });

  test('a warning has its own head line', () => {
    expect(renderWarning('atlas', problems[1])).toBe('warning of atlas\n  REQUIREMENT   not counted');
  });
});

describe('a failed node', () => {
  const event = {
    type: 'node-failed',
    id: 'fit_spectra[sub-03]',
    failureClass: 'out-of-memory',
    code: 'OUT_OF_MEMORY',
    message: 'it was ended at 7.9 GB (limit 8 GB)',
    where: null,
    cure: 'rerun with --memory 16G; finished nodes will not run again',
    stack: 'Error: x\n    at y',
    ms: 41_000,
    logTail: 'reading\n\u001b[31mfitting\u001b[0m\n',
    logPath: 'logs/1/fit_spectra/sub-03/stderr.log',
    crashPath: 'logs/1/fit_spectra/sub-03/crash.json',
    rerun: "pipeline rerun 'fit_spectra[sub-03]' -o out",
    attempts: 3,
    allowed: false,
  } as const;

  test('says class, node, time, last log lines without terminal codes, where the log is, and the cure', () => {
    expect(renderNodeFailure(event, { showStack: false })).toBe(
      [
        'OUT_OF_MEMORY  fit_spectra[sub-03] failed in attempt 3 after 41 s: it was ended at 7.9 GB (limit 8 GB)',
        '  last lines of its log:',
        '    | reading',
        '    | fitting',
        '  log: logs/1/fit_spectra/sub-03/stderr.log',
        '  mend: rerun with --memory 16G; finished nodes will not run again',
        "  run it alone: pipeline rerun 'fit_spectra[sub-03]' -o out",
      ].join('\n'),
    );
  });

  test('shows its stack only when asked', () => {
    expect(renderNodeFailure(event, { showStack: true })).toContain('    Error: x\n        at y');
  });
});

describe('errors that end a command', () => {
  test('say what, where and how to mend, without a stack', () => {
    const error = new StorageError('IO_FULL', 'no space left for the cache', {
      where: 'out',
      cure: 'free 2 MB',
    });
    expect(renderError(error, { debug: false })).toBe(
      'IO_FULL  no space left for the cache\n  where: out\n  mend: free 2 MB',
    );
  });

  test('show the stack and the cause with --debug', () => {
    const error = new ConfigError('LOAD_MODULE', 'cannot load', { cause: new Error('inner') });
    const shown = renderError(error, { debug: true });
    expect(shown).toContain('ConfigError: cannot load');
    expect(shown).toContain('caused by: Error: inner');
  });

  test('of no known kind are called a bug, with the stack', () => {
    const shown = renderError(new TypeError('x is undefined'), { debug: false });
    expect(shown.split('\n')[0]).toBe('INTERNAL  this is a bug of neuroloom: x is undefined');
    expect(shown).toContain('TypeError: x is undefined\n');
    expect(shown).toContain('mend: report it with the lines above');
  });
});

test.each([
  [40, '0.0 s'],
  [9_940, '9.9 s'],
  [41_400, '41 s'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [7_199_900, '2 h 0 min'],
])('%i ms is %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
