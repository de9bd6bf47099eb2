import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { PipelineRig } from '../support/pipeline-rig.js';
import { letterRig, LOAD, RUN } from './letters.js';

/** Exit code and everything that was said; nothing may be on stdout. */
async function refusal(rig: PipelineRig, args: readonly string[]): Promise<[number | null, string[]]> {
  const result = await rig.command(args);
  expect(result.stdout).toBe('');
  return [result.exitCode, result.stderr.trimEnd().split('\n')];
}

describe('usage', () => {
  test('no such workflow: the nearest name', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    expect(await refusal(rig, [...LOAD, 'run', '-w', 'leters', '-i', 'in'])).toEqual([
      2,
      [
        "UNKNOWN_WORKFLOW  there is no workflow 'leters'; did you mean letters?",
        expect.stringMatching(/^ {2}mend: use one of atlas, .*letters, .*or load yours with --load$/),
      ],
    ]);
  });

  test('no workflow at all: the names that there are', async () => {
    await using rig = await letterRig({});
    expect(await refusal(rig, [...LOAD, 'run'])).toEqual([
      2,
      [
        'USAGE  no workflow is named',
        expect.stringMatching(/^ {2}mend: give -w NAME, one of atlas, .*letters$/),
      ],
    ]);
  });

  test.each([
    [['run', '--excutor', 'slurm'], "unknown option '--excutor'; did you mean --executor?", 'pipeline run'],
    [['run', '--wrkflow', 'x'], "unknown option '--wrkflow'; did you mean --workflow?", 'pipeline run'],
    [
      ['run', '--jobs', '0'],
      "option '--jobs <n>' argument '0' is invalid. give a whole number from 1",
      'pipeline run',
    ],
    [
      ['run', '--memory', '16'],
      "option '--memory <amount>' argument '16' is invalid. give an amount with its unit, such as 16G or 800M",
      'pipeline run',
    ],
    [
      ['run', '--on-failure', 'stp'],
      "option '--on-failure <mode>' argument 'stp' is invalid. Allowed choices are keep-going, finish-running, stop",
      'pipeline run',
    ],
    [
      ['run', '--isolatoin', 'process'],
      "unknown option '--isolatoin'; did you mean --isolation?",
      'pipeline run',
    ],
    [['run', '-w'], "option '-w, --workflow <name>' argument missing", 'pipeline run'],
    [['lst'], "unknown command 'lst'; did you mean list?", 'pipeline'],
    [['reprot'], "unknown command 'reprot'; did you mean report?", 'pipeline'],
    [['config', 'shwo'], "unknown command 'shwo'; did you mean show?", 'pipeline config'],
    [['cache'], 'pipeline cache needs a verb: list, why, verify, gc, pin, unpin, export', 'pipeline cache'],
    [['sample', 'atlas'], "missing required argument 'dir'", 'pipeline sample'],
  ])('%j is told with the nearest word', async (args, message, verb) => {
    await using rig = await PipelineRig.create();
    const [exitCode, lines] = await refusal(rig, args);
    expect(exitCode).toBe(2);
    expect(lines).toEqual([`USAGE  ${message}`, `  mend: see \`${verb} --help\``]);
  });

  test('a module of --load that is missing, is TypeScript without its compiler, or throws', async () => {
    await using rig = await PipelineRig.create();
    await rig.write('throws.mjs', "throw new Error('not today');");
    expect(await refusal(rig, ['--load', 'none.mjs', 'list'])).toEqual([
      2,
      ['LOAD_MODULE  there is no module none.mjs', '  mend: check the path after --load'],
    ]);
    await rig.write('mine.ts', 'export {};');
    expect(await refusal(rig, ['--load', 'mine.ts', 'list'])).toEqual([
      2,
      [
        'LOAD_MODULE  mine.ts is TypeScript, and no typescript is installed',
        '  where: DIR/mine.ts',
        '  mend: run `npm install --save-dev typescript@5` in DIR, or compile it and load the .js file',
      ],
    ]);
    expect(await refusal(rig, ['--load', 'mine.cts', 'list'])).toEqual([
      2,
      [
        'LOAD_MODULE  mine.cts is no ES module; --load takes .js, .mjs, .ts and .mts',
        '  where: DIR/mine.cts',
        '  mend: compile it first and load the .js file',
      ],
    ]);
    expect(await refusal(rig, ['list', '--load', 'throws.mjs'])).toEqual([
      2,
      [
        'LOAD_MODULE  throws.mjs cannot be loaded: not today',
        '  where: DIR/throws.mjs',
        '  mend: correct the module; --debug shows where it failed',
      ],
    ]);
  });

  test('a forced or an explained node that does not exist', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    expect(await refusal(rig, [...RUN, '--force-node', 'red_letter'])).toEqual([
      2,
      ['USAGE  there is no node red_letter to force', '  mend: use one of: read_letter, join_letters'],
    ]);
    expect(await refusal(rig, [...RUN, '--dry-run', '--explain', 'red_letter'])).toEqual([
      2,
      [
        'USAGE  there is no node red_letter; did you mean read_letter?',
        '  mend: use one of read_letter, join_letters',
      ],
    ]);
  });
});

describe('configuration', () => {
  test('unknown and ill-typed keys of files, variables and options: all at once, with place and nearest word', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write(
      'study.yaml',
      ['letters:', '  sufix: x', '  min_letters: many', '  style: {case: uper}', 'leters: {}', ''].join('\n'),
    );
    const result = await rig.command([...RUN, '-c', 'study.yaml', '--set', 'letters.suffix=3'], {
      env: { NEUROLOOM_SET__letters__style__colour: 'red' },
    });
    expect(result.exitCode).toBe(2);
    expect(result.stderr.trimEnd().split('\n')).toEqual([
      'study.yaml:2:3  error CONFIG_UNKNOWN_KEY  letters.sufix: unknown key sufix; did you mean suffix?',
      '  2 |   sufix: x',
      '    |   ~~~~~',
      "study.yaml:3:16  error CONFIG_VALUE  letters.min_letters: expected a number or null, got text 'many'",
      '  3 |   min_letters: many',
      '    |                ~~~~',
      "study.yaml:4:17  error CONFIG_VALUE  letters.style.case: expected one of upper, lower, title, got text 'uper'; did you mean upper?",
      '  4 |   style: {case: uper}',
      '    |                 ~~~~',
      'study.yaml:5:1  error CONFIG_UNKNOWN_KEY  leters: unknown key leters; did you mean letters?',
      '  5 | leters: {}',
      '    | ~~~~~~',
      '--set letters.suffix=3  error CONFIG_VALUE  letters.suffix: expected text, got 3',
      '  mend: put it in quotes if text is meant',
      'environment NEUROLOOM_SET__letters__style__colour  error CONFIG_UNKNOWN_KEY  letters.style.colour: unknown key colour',
      '  mend: use one of case',
      '6 problems of the configuration; nothing was run',
    ]);
    expect(await rig.list('.')).toEqual(['in', 'study.yaml']);
  });

  test('a block of a workflow that is not run is checked too', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const [exitCode, lines] = await refusal(rig, [...RUN, '--set', 'atlas.min_subjcts=3']);
    expect(exitCode).toBe(2);
    expect(lines[0]).toBe(
      '--set atlas.min_subjcts=3  error CONFIG_UNKNOWN_KEY  atlas.min_subjcts: unknown key min_subjcts; did you mean min_subjects?',
    );
  });

  test('a YAML syntax error: line, column and excerpt', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('neuroloom.yaml', 'letters:\n  style: {case: upper\n  suffix: x\n');
    const [exitCode, lines] = await refusal(rig, RUN);
    expect(exitCode).toBe(2);
    expect(lines).toEqual([
      expect.stringMatching(/^neuroloom\.yaml:3:3 {2}error CONFIG_SYNTAX {2}this is not valid YAML: /),
      '  3 |   suffix: x',
      expect.stringMatching(/^ {4}\| {3}~+$/),
      '  mend: check indentation, quotes and brackets here and in the line above',
      '1 problem of the configuration; nothing was run',
    ]);
  });

  test('a configuration file that is not there', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    expect(await refusal(rig, [...RUN, '-c', 'none.yaml'])).toEqual([
      2,
      [
        'none.yaml  error CONFIG_FILE  there is no such configuration file',
        '  mend: check the path after -c',
        '1 problem of the configuration; nothing was run',
      ],
    ]);
  });

  test('a product that would leave the output directory', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    expect(await refusal(rig, [...RUN, '--set', 'letters.output_subdir=../elsewhere'])).toEqual([
      2,
      [
        '1 requirement of letters is not met; nothing was run',
        '  CONFIG_VALUE   letters.output_subdir: "../elsewhere" is not inside the output directory',
        '                 mend: name a folder inside the output directory, for example results',
      ],
    ]);
  });
});

describe('requirements', () => {
  test('a missing input directory', async () => {
    await using rig = await letterRig({});
    expect(await refusal(rig, [...LOAD, 'run', '-w', 'letters', '-i', 'nowhere', '-o', 'out'])).toEqual([
      3,
      [
        '1 requirement of letters is not met; nothing was run',
        '  INPUT_MISSING   there is no input directory DIR/nowhere',
        '                  mend: name an existing directory with -i, or set input_dir in the configuration',
      ],
    ]);
    expect(await rig.list('.')).toEqual([]);
  });

  test('too few of what is needed, after the warnings; check says the same, also for programs', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const settings = ['--set', 'letters.min_letters=3', '--set', "letters.suffix='?'"];
    const expected = [
      'warning of letters',
      '  REQUIREMENT   a suffix that asks',
      '                mend: use another one',
      '1 requirement of letters is not met; nothing was run',
      '  MIN_SUBJECTS   found 1 letter(s), need at least 3',
      '                 mend: add letters',
    ];
    expect(await refusal(rig, [...RUN, ...settings])).toEqual([3, expected]);
    const check = [...LOAD, 'check', '-w', 'letters', '-i', 'in', '-o', 'out', ...settings];
    expect(await refusal(rig, check)).toEqual([3, expected]);
    const json = await rig.command([...check, '--json']);
    expect(json.exitCode).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({
      workflow: 'letters',
      ready: false,
      problems: [{ severity: 'warning' }, { severity: 'error', code: 'MIN_SUBJECTS' }],
    });
    expect(await rig.list('.')).toEqual(['in']);
  });

  test('an output below a file: exit 5, and the file is untouched', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('file', 'mine');
    expect(await refusal(rig, [...LOAD, 'run', '-w', 'letters', '-i', 'in', '-o', 'file/out'])).toEqual([
      5,
      [
        '1 requirement of letters is not met; nothing was run',
        '  OUTPUT_UNWRITABLE   the output directory DIR/file/out lies below DIR/file, which is a file',
        '                      mend: choose another place with -o',
      ],
    ]);
    expect(await rig.read('file')).toBe('mine');
  });

  // root may write everywhere, so the mode of a directory says nothing there.
  test.skipIf(process.getuid?.() === 0)('an output without permission: exit 5', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('locked/file', '');
    await chmod(rig.path('locked'), 0o555);
    const [exitCode, lines] = await refusal(rig, [
      ...LOAD,
      'run',
      '-w',
      'letters',
      '-i',
      'in',
      '-o',
      'locked/out',
    ]);
    await chmod(rig.path('locked'), 0o755);
    expect(exitCode).toBe(5);
    expect(lines[1]).toContain('OUTPUT_UNWRITABLE   the output directory DIR/locked/out cannot be written');
  });

  test('a cache below a file: exit 5', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('file', 'mine');
    const [exitCode] = await refusal(rig, [...RUN, '--cache-dir', 'file/cache']);
    expect(exitCode).toBe(5);
    expect(await rig.read('file')).toBe('mine');
  });
});
