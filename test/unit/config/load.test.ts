import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  configPath,
  defaultConfigFiles,
  loadConfig,
  originText,
  type ConfigProblem,
} from '../../../src/config/index.js';

const Fit = z.strictObject({
  log_offset: z.number().gt(0).max(1).default(0.001),
  max_n_peaks: z.int().nullable().default(null),
  mode: z.enum(['fixed', 'knee']).default('fixed'),
  range: z.tuple([z.number(), z.number()]).default([0.5, 12]),
  relpath: z.union([z.string(), z.array(z.string()), z.null()]).default(null),
  is_on: z.boolean().default(true),
  loss: z.strictObject({ weight: z.number().min(0).default(1), window: z.int().default(9) }).prefault({}),
  group_by: z.record(z.string(), z.string()).nullable().default(null),
});
const Other = z
  .strictObject({ low: z.number().default(0), high: z.number().default(1), width: z.literal(1).default(1) })
  .superRefine((other, context) => {
    if (other.low <= other.high) return;
    context.addIssue({
      code: 'custom',
      message: 'low is above high',
      path: ['low'],
      params: { cure: 'lower it', code: 'NOT_AVAILABLE_YET' },
    });
  });
const namespaces = { fit: Fit, other: Other };

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'neuroloom-config-'));
});
afterAll(() => rm(cwd, { recursive: true }));

async function load(text: string | null, more: { env?: Record<string, string>; set?: string[] } = {}) {
  if (text !== null) await writeFile(join(cwd, 'study.yaml'), text);
  return loadConfig({ namespaces, cwd, files: text === null ? [] : ['study.yaml'], ...more });
}

async function problemsOf(text: string | null, more: { env?: Record<string, string>; set?: string[] } = {}) {
  const loaded = await load(text, more);
  return loaded.ok ? [] : loaded.error.map(line);
}

/** One line per problem: place, code, key, message, cure. */
function line(problem: ConfigProblem): string {
  const where = problem.origin === null ? '' : originText(problem.origin);
  const key = problem.path === '' ? '' : `${problem.path}: `;
  const cure = problem.cure === null ? '' : ` | ${problem.cure}`;
  return `${where} ${problem.code} ${key}${problem.message}${cure}`;
}

describe('layers', () => {
  test('defaults are filled in when nothing is given', async () => {
    const loaded = await load(null);
    if (!loaded.ok) throw new Error('not loaded');
    expect(loaded.value.config).toEqual({
      input_dir: null,
      output_dir: null,
      executor: 'local',
      report_time_limit_s: 900,
      fit: Fit.parse({}),
      other: Other.parse({}),
    });
    expect(originText(loaded.value.place(['fit', 'loss', 'weight']).origin)).toBe('default');
  });

  test('a file wins over defaults, a variable over the file, --set over both, and each value keeps its origin', async () => {
    const loaded = await load(
      'fit:\n  log_offset: 0.1\n  max_n_peaks: 3\n  loss: {weight: 2}\n  mode: knee\n',
      {
        env: { NEUROLOOM_SET__fit__max_n_peaks: '4', NEUROLOOM_SET__fit__loss__window: '5', OTHER: 'x' },
        set: ['fit.loss.window=7', 'fit.range=[1, 2]'],
      },
    );
    if (!loaded.ok) throw new Error(loaded.error.map(line).join('\n'));
    const { config, place } = loaded.value;
    expect(config.fit).toMatchObject({
      log_offset: 0.1,
      max_n_peaks: 4,
      range: [1, 2],
      mode: 'knee',
      loss: { weight: 2, window: 7 },
    });
    const origin = (...path: (string | number)[]): string => originText(place(path).origin);
    expect(origin('fit', 'log_offset')).toBe('study.yaml:2:15');
    expect(origin('fit', 'max_n_peaks')).toBe('environment NEUROLOOM_SET__fit__max_n_peaks');
    expect(origin('fit', 'loss', 'weight')).toBe('study.yaml:4:18');
    expect(origin('fit', 'loss', 'window')).toBe('--set fit.loss.window=7');
    expect(origin('fit', 'range')).toBe('--set fit.range=[1, 2]');
    expect(origin('fit', 'is_on')).toBe('default');
    expect(place(['fit', 'mode']).excerpt).toEqual({ line: 5, text: '  mode: knee', start: 8, length: 4 });
  });

  test('of several files the later one wins, lists are replaced as a whole', async () => {
    await writeFile(join(cwd, 'one.yaml'), 'fit: {relpath: [a, b], loss: {weight: 3}}');
    await writeFile(join(cwd, 'two.yaml'), 'fit: {relpath: [c], loss: {window: 3}}');
    const loaded = await loadConfig({ namespaces, cwd, files: ['one.yaml', 'two.yaml'] });
    if (!loaded.ok) throw new Error('not loaded');
    expect(loaded.value.config.fit).toMatchObject({ relpath: ['c'], loss: { weight: 3, window: 3 } });
  });

  test('directories in a file are relative to the file, others to the working directory', async () => {
    const loaded = await load('input_dir: cohort\noutput_dir: out\n', { set: ['output_dir=elsewhere'] });
    if (!loaded.ok) throw new Error('not loaded');
    expect(loaded.value.config.input_dir).toBe(join(cwd, 'cohort'));
    expect(loaded.value.config.output_dir).toBe(join(cwd, 'elsewhere'));
  });

  test('keys keep their text: 007 stays 007', async () => {
    const loaded = await load('fit:\n  group_by: {007: left, 7: right}\n');
    if (!loaded.ok) throw new Error(loaded.error.map(line).join('\n'));
    expect(loaded.value.config.fit.group_by).toEqual({ '007': 'left', '7': 'right' });
  });

  test('an empty file, an empty block and comments alone are no problem', async () => {
    expect(await problemsOf('')).toEqual([]);
    expect(await problemsOf('# nothing\n')).toEqual([]);
    expect(await problemsOf('fit:\n')).toEqual([]);
  });

  test('a byte order mark is skipped and does not move columns', async () => {
    expect(await problemsOf('\ufefffit: {mode: kneee}\n')).toEqual([
      "study.yaml:1:13 CONFIG_VALUE fit.mode: expected one of fixed, knee, got text 'kneee'; did you mean knee?",
    ]);
  });

  test('a block that nothing gives may lack required keys unless it is needed', async () => {
    const strict = { fit: z.strictObject({ tr: z.number() }) };
    expect((await loadConfig({ namespaces: strict, needed: [] })).ok).toBe(true);
    const loaded = await loadConfig({ namespaces: strict, needed: ['fit'] });
    expect(loaded.ok ? [] : loaded.error.map(line)).toEqual([
      'default CONFIG_VALUE fit.tr: this key is required: a number | give it in the configuration, or with --set',
    ]);
  });

  test('neuroloom.yaml is what a directory offers', async () => {
    expect(defaultConfigFiles(cwd)).toEqual([]);
    await writeFile(join(cwd, 'neuroloom.yaml'), '');
    expect(defaultConfigFiles(cwd)).toEqual([join(cwd, 'neuroloom.yaml')]);
  });
});

describe('problems of values', () => {
  test('all of them are told at once, in the order of the lines, with place and nearest word', async () => {
    const text = [
      'fit:',
      '  log_ofset: 0.1',
      '  log_offset: 0',
      '  max_peaks: 3',
      '  mode: kneee',
      "  max_n_peaks: '3'",
      '  range: [1]',
      '  relpath: [1]',
      '  is_on: no',
      '  window: 3',
      '  loss:',
      '    weight: -1',
      '    window: 2.5',
      'othr: {}',
      'other: {width: 2, low: x}',
      'input_dir: 3',
    ].join('\n');
    expect(await problemsOf(text)).toEqual([
      'study.yaml:2:3 CONFIG_UNKNOWN_KEY fit.log_ofset: unknown key log_ofset; did you mean log_offset?',
      'study.yaml:3:15 CONFIG_VALUE fit.log_offset: must be more than 0, got 0',
      'study.yaml:4:3 CONFIG_UNKNOWN_KEY fit.max_peaks: unknown key max_peaks; did you mean max_n_peaks?',
      "study.yaml:5:9 CONFIG_VALUE fit.mode: expected one of fixed, knee, got text 'kneee'; did you mean knee?",
      "study.yaml:6:16 CONFIG_VALUE fit.max_n_peaks: expected a number or null, got text '3' | remove the quotes",
      'study.yaml:7:10 CONFIG_VALUE fit.range: must have at least 2 entries, has 1',
      'study.yaml:8:13 CONFIG_VALUE fit.relpath[0]: expected text, got 1 | put it in quotes if text is meant',
      "study.yaml:9:10 CONFIG_VALUE fit.is_on: expected true or false, got text 'no' | write true or false",
      'study.yaml:10:3 CONFIG_UNKNOWN_KEY fit.window: unknown key window here | write it as fit.loss.window',
      'study.yaml:12:13 CONFIG_VALUE fit.loss.weight: must be at least 0, got -1',
      'study.yaml:13:13 CONFIG_VALUE fit.loss.window: expected a whole number, got 2.5',
      'study.yaml:14:1 CONFIG_UNKNOWN_KEY othr: unknown key othr; did you mean other?',
      'study.yaml:15:16 CONFIG_VALUE other.width: expected 1, got 2',
      "study.yaml:15:24 CONFIG_VALUE other.low: expected a number, got text 'x'",
      'study.yaml:16:12 CONFIG_VALUE input_dir: expected text or null, got 3 | put it in quotes if text is meant',
    ]);
  });

  test("a schema's own rule brings its message, its cure and its code", async () => {
    expect(await problemsOf('other:\n  low: 5\n')).toEqual([
      'study.yaml:2:8 NOT_AVAILABLE_YET other.low: low is above high | lower it',
    ]);
  });

  test('the excerpt marks the key for an unknown key and the value for a wrong value', async () => {
    const loaded = await load('fit:\n  log_ofset: 0.1\n  mode: [a,\n    b]\n');
    const problems = loaded.ok ? [] : loaded.error;
    expect(problems.map((problem) => problem.excerpt)).toEqual([
      { line: 2, text: '  log_ofset: 0.1', start: 2, length: 9 },
      { line: 3, text: '  mode: [a,', start: 8, length: 3 },
    ]);
  });

  test('values of variables and of --set name the variable and the option', async () => {
    const more = { env: { NEUROLOOM_SET__fit__log_offset: 'x' }, set: ['fit.mod=knee', 'fit.loss=3'] };
    expect(await problemsOf(null, more)).toEqual([
      "environment NEUROLOOM_SET__fit__log_offset CONFIG_VALUE fit.log_offset: expected a number, got text 'x'",
      '--set fit.loss=3 CONFIG_VALUE fit.loss: expected a block of keys, got 3',
      '--set fit.mod=knee CONFIG_UNKNOWN_KEY fit.mod: unknown key mod; did you mean mode?',
    ]);
  });

  test('a block of a workflow that was not chosen is checked too', async () => {
    const loaded = await loadConfig({ namespaces, needed: ['fit'], set: ['other.low=x'] });
    expect(loaded.ok).toBe(false);
  });
});

describe('unreadable layers', () => {
  test.each([
    ['a tab as indentation', 'fit:\n\tmode: knee\n', '2:1 CONFIG_SYNTAX a tab is used as indentation'],
    ['a repeated key', 'fit: {}\nfit: {}\n', '2:1 CONFIG_SYNTAX fit: this key is given twice'],
    ['an unclosed bracket', 'fit: {range: [1, 2}\n', '1:19 CONFIG_SYNTAX this is not valid YAML'],
    [
      'an unclosed quote',
      'fit:\n  mode: "knee\n',
      'CONFIG_SYNTAX this is not valid YAML: missing closing "quote',
    ],
    [
      'a custom tag',
      'fit: !!js/function "x"\n',
      '1:6 CONFIG_SYNTAX tags (words with !) are not supported here',
    ],
    [
      'a tag that is easily overlooked',
      'fit:\n  mode: !\n',
      'fit.mode: tags (words with !) are not supported here',
    ],
    ['a second document', 'fit: {}\n---\nfit: {}\n', '2:1 CONFIG_SYNTAX a second document begins here'],
    [
      'an infinite number',
      'fit:\n  log_offset: 1e999\n',
      '2:15 CONFIG_SYNTAX fit.log_offset: 1e999 is not a finite',
    ],
    ['not a number', 'fit:\n  log_offset: .nan\n', '2:15 CONFIG_SYNTAX fit.log_offset: .nan is not a finite'],
    ['too many digits', 'a: 12345678901234567890\n', 'the number 12345678901234567890 has more digits'],
    ['__proto__', '__proto__: {x: 1}\n', '1:1 CONFIG_SYNTAX __proto__: the key __proto__ is not allowed'],
    [
      'constructor',
      'fit: {constructor: 1}\n',
      '1:7 CONFIG_SYNTAX fit.constructor: the key constructor is not',
    ],
    ['prototype', 'fit: {a: [{prototype: 1}]}\n', 'the key prototype is not allowed'],
    ['an unknown anchor', 'fit: *nothing\n', '1:6 CONFIG_SYNTAX fit: there is no anchor &nothing'],
    ['an alias of itself', 'fit: &a [*a]\n', 'aliases are followed more than 100 times'],
    ['a list', '- 1\n', '1:1 CONFIG_SYNTAX a configuration is a block of keys'],
    ['a sentence', '\n\n hello\n', '3:2 CONFIG_SYNTAX a configuration is a block of keys'],
    ['a key that is a list', '? [a]\n: 1\n', '1:3 CONFIG_SYNTAX a key must be one word'],
    ['deep brackets', '['.repeat(50_000), '1:65 CONFIG_SYNTAX nested deeper than 64 levels'],
    ['deep lists', '- '.repeat(50_000), '1:129 CONFIG_SYNTAX nested deeper than 64 levels'],
    ['deep explicit keys', '? '.repeat(50_000), '1:129 CONFIG_SYNTAX nested deeper than 64 levels'],
    [
      'deep blocks',
      Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      '65:65 CONFIG_SYNTAX nested deeper than 64 levels',
    ],
  ])('%s is refused at its place', async (_name, text, expected) => {
    const problems = await problemsOf(text);
    expect(problems[0]).toContain(expected);
    expect(problems.length).toBe(1);
  });

  test('an alias bomb is refused before it grows', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`,
    );
    const problems = await problemsOf(['a0: &a0 x', ...levels].join('\n'));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('aliases are followed more than 100 times | write the values out');
  });

  test('merge keys have no meaning of their own', async () => {
    expect(await problemsOf('fit:\n  <<: {mode: knee}\n')).toEqual([
      'study.yaml:2:3 CONFIG_UNKNOWN_KEY fit.<<: unknown key << | use one of log_offset, max_n_peaks, mode, range, relpath, is_on, loss, group_by',
    ]);
  });

  test('every unreadable layer is told', async () => {
    const more = {
      env: { NEUROLOOM_SET__fit____x: '1' },
      set: ['fit.mode', 'fit.range=[1', '__proto__.x=1'],
    };
    expect(await problemsOf('fit: [\n', more)).toEqual([
      expect.stringContaining('study.yaml:'),
      "environment NEUROLOOM_SET__fit____x CONFIG_SYNTAX 'fit..x' is not a key | write keys as a.b",
      '--set fit.mode CONFIG_SYNTAX there is no = in this option | write --set key.key=value',
      expect.stringContaining('--set fit.range=[1 CONFIG_SYNTAX fit.range: this is not valid YAML: '),
      '--set __proto__.x=1 CONFIG_SYNTAX __proto__.x: the key __proto__ is not allowed | remove it',
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('a missing file, a directory, a large file and a binary file are named', async () => {
    await writeFile(join(cwd, 'large.yaml'), Buffer.alloc(5 * 1024 * 1024 + 1, 32));
    await writeFile(join(cwd, 'binary.yaml'), Buffer.from([0x66, 0xff, 0xfe, 0x00]));
    const loaded = await loadConfig({
      namespaces,
      cwd,
      files: ['none.yaml', '.', 'large.yaml', 'binary.yaml'],
    });
    expect(loaded.ok ? [] : loaded.error.map(line)).toEqual([
      'none.yaml CONFIG_FILE there is no such configuration file | check the path after -c',
      `${cwd} CONFIG_FILE this is a directory, not a configuration file | name the file in it`,
      'large.yaml CONFIG_FILE this file is larger than 5 MB | give a configuration file, not data',
      'binary.yaml CONFIG_FILE this file is not UTF-8 text | save it as UTF-8',
    ]);
  });
});

test('a path of a block is relative to the file that holds it, or to the working directory', async () => {
  const Block = z.strictObject({ place: configPath.nullable().default(null), text: z.string().default('a') });
  await mkdir(join(cwd, 'below'), { recursive: true });
  await writeFile(join(cwd, 'below', 'study.yaml'), 'block:\n  place: ../maps\n  text: ../maps\n');
  const of = async (set: string[] = []) => {
    const loaded = await loadConfig({ namespaces: { block: Block }, cwd, files: ['below/study.yaml'], set });
    return loaded.ok ? loaded.value.config.block : loaded.error;
  };
  expect(await of()).toEqual({ place: join(cwd, 'maps'), text: '../maps' });
  expect(await of(['block.place=maps'])).toMatchObject({ place: join(cwd, 'maps') });
  expect(await of(['block.place=/far/maps'])).toMatchObject({ place: '/far/maps' });
  expect(await of(['block.place=null'])).toMatchObject({ place: null });
});
