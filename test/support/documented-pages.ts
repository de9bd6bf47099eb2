/**
 * Pages of the documentation, and their code as a reader would run it: block after block, in one shell, in an empty
 * directory that knows `pipeline` and the package. Comments that a reader does not see say what else a block needs:
 *
 * - `before: COMMAND` is run first, to bring about what the page takes for granted;
 * - `file: NAME` has the block written to that file;
 * - `output` compares the block with what the commands above it printed (see `differences`);
 * - `excerpt of: FILE` is a piece of a file that tests run;
 * - `run in: FILE, TITLE` is not run with the page, but there: a line of the block stands in that file, or the title;
 * - `not run: REASON` is for what no test can run.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './own-project.js';

export interface Block {
  readonly language: string;
  readonly code: string;
  /** Line of the page, from 1. */
  readonly line: number;
  readonly before: readonly string[];
  readonly mark: { readonly kind: Mark; readonly value: string } | null;
}

type Mark = 'file' | 'output' | 'excerpt of' | 'run in' | 'not run';

export interface Page {
  readonly path: string;
  readonly blocks: readonly Block[];
}

/** Languages of code that a reader runs or saves. */
const CODE = new Set(['sh', 'js', 'ts', 'yaml']);

export function documentedPages(): Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('reference'))
    .map((name) => `docs/${name}`);
  return ['README.md', 'examples/README.md', 'examples/project/README.md', ...docs.sort()].map((path) => ({
    path,
    blocks: blocksOf(readFileSync(join(ROOT, path), 'utf8')),
  }));
}

/** Fenced blocks with the comments before them. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let before: string[] = [];
  let mark: Block['mark'] = null;
  let open: { language: string; line: number; lines: string[] } | null = null;
  for (const [i, line] of text.split('\n').entries()) {
    if (open !== null) {
      if (line !== '```') {
        open.lines.push(line);
        continue;
      }
      const { language, line: at, lines } = open;
      blocks.push({ language, code: `${lines.join('\n')}\n`, line: at, before, mark });
      [open, before, mark] = [null, [], null];
      continue;
    }
    const fence = /^```(\w*)$/.exec(line);
    if (fence !== null) open = { language: fence[1] ?? '', line: i + 1, lines: [] };
    const comment = /^<!-- (before|file|output|excerpt of|run in|not run)(?:: (.*))? -->$/.exec(line);
    if (comment === null) continue;
    const [, kind, value = ''] = comment;
    if (kind === 'before') before.push(value);
    else mark = { kind: kind as Mark, value };
  }
  return blocks;
}

/** What is wrong with the marks of a page, one sentence each: nothing may stand in a page that no test runs. */
export function markProblems({ path, blocks }: Page): string[] {
  return blocks.flatMap(({ language, code, line, mark }) => {
    const at = `${path}:${line}`;
    if (mark?.kind === 'not run' && mark.value === '') return [`${at}: nothing says why it is not run`];
    if (mark?.kind === 'run in' || mark?.kind === 'excerpt of') {
      const [name = '', ...title] = mark.kind === 'run in' ? mark.value.split(', ') : [mark.value];
      const file = join(ROOT, name);
      if (!existsSync(file)) return [`${at}: ${name} is not there`];
      const text = readFileSync(file, 'utf8');
      if (mark.kind === 'excerpt of')
        return flush(text).includes(flush(code)) ? [] : [`${at}: the block is no piece of ${name}`];
      const wanted = title.length > 0 ? [title.join(', ')] : commandsOf(code);
      return wanted.some((one) => text.includes(one)) ? [] : [`${at}: ${name} holds nothing of the block`];
    }
    if (mark?.kind === 'output' && CODE.has(language)) return [`${at}: output is no code`];
    if (language === '' && /^(\$ )?(pipeline|npm|node|npx|cd) /m.test(code) && mark === null) {
      return [`${at}: commands stand in a block of sh`];
    }
    return [];
  });
}

/** Lines of a block that are code. */
function commandsOf(code: string): string[] {
  return code
    .split('\n')
    .map((line) => line.replace(/(^|\s)(#|\/\/).*$/, '').trim())
    .filter((line) => line !== '');
}

/** Without indentation: a page may show the inside of something. */
function flush(text: string): string {
  return text.replaceAll(/^[ \t]+/gm, '');
}

/** Whether a reader, and the test, runs something of it. */
export function hasCode({ blocks }: Page): boolean {
  return blocks.some((block) => isRun(block));
}

/** Settings without a file name are read by the test of what pages name. */
function isRun({ language, mark }: Block): boolean {
  if (mark?.kind === 'run in' || mark?.kind === 'excerpt of' || mark?.kind === 'not run') return false;
  return mark?.kind === 'file' || ['sh', 'js', 'ts'].includes(language);
}

/**
 * Runs the code of a page.
 *
 * @param directory - empty
 * @returns what went otherwise than the page says, one text each
 */
export async function runPage({ path, blocks }: Page, directory: string): Promise<string[]> {
  const steps = join(directory, '.steps');
  const work = join(directory, 'work');
  for (const folder of [steps, work, join(directory, 'bin'), join(directory, 'node_modules')]) {
    mkdirSync(folder, { recursive: true });
  }
  symlinkSync(ROOT.replace(/\/$/, ''), join(directory, 'node_modules', 'neuroloom'));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/pipeline.js')}' "$@"\n`;
  writeFileSync(join(directory, 'bin', 'pipeline'), command, { mode: 0o755 });

  const lines = ['set -eu', 'shopt -s expand_aliases', 'cd work'];
  for (const [i, block] of blocks.entries()) {
    const step = join(steps, String(i));
    for (const one of block.before)
      lines.push(`echo ${i} >'${steps}/at'`, `{ ${one}\n} >'${step}.before' 2>&1`);
    if (!isRun(block)) continue;
    lines.push(`echo ${i} >'${steps}/at'`, line(block, step));
  }
  lines.push(`echo end >'${steps}/at'`);
  writeFileSync(join(steps, 'page.sh'), `${lines.join('\n')}\n`);
  await inShell(join(steps, 'page.sh'), directory);

  const at = readFileSync(join(steps, 'at'), 'utf8').trim();
  const printed = (i: number | string, name: string): string => {
    const file = join(steps, `${i}.${name}`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  if (at !== 'end') {
    const failed = blocks[Number(at)];
    return [`${path}:${failed?.line}: it failed\n${printed(at, 'before')}${printed(at, 'out')}`];
  }
  let last = '';
  return blocks.flatMap((block, i) => {
    if (isRun(block)) last = printed(i, 'out');
    if (block.mark?.kind !== 'output') return [];
    return differences(block.code, last).map((text) => `${path}:${block.line}: ${text}`);
  });
}

/** The line of the shell that runs a block, with what it prints beside it. */
function line({ language, code, mark }: Block, step: string): string {
  if (mark?.kind === 'file') {
    writeFileSync(`${step}.file`, code);
    return `mkdir -p "$(dirname '${mark.value}')"; cp '${step}.file' '${mark.value}'`;
  }
  if (language === 'sh') {
    writeFileSync(`${step}.sh`, code);
    return `. '${step}.sh' >'${step}.out' 2>&1`;
  }
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const module = language === 'ts' ? ts.transpileModule(code, { compilerOptions }).outputText : code;
  writeFileSync(`${step}.mjs`, module);
  return `'${process.execPath}' '${step}.mjs' >'${step}.out' 2>&1`;
}

function inShell(script: string, directory: string): Promise<void> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(NEUROLOOM_|NODE_OPTIONS|VITEST|FORCE_COLOR)/.test(name),
  );
  const env = {
    ...Object.fromEntries(inherited),
    PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
    REPOSITORY: ROOT,
    NO_COLOR: '1',
  };
  const child = spawn('bash', [script], { cwd: directory, env, stdio: 'ignore' });
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', () => settle());
  });
}

/** Numbers of other processors differ in their last digits, and those that a page shows are rounded. */
const TOLERANCE = 0.02;

/**
 * Lines of a page that are not in what was printed, in this order. `...` stands for any text of a line, and alone for any
 * lines; spaces do not count; numbers with a decimal point agree within 2 %.
 */
export function differences(shown: string, printed: string): string[] {
  const there = printed.split('\n');
  let at = 0;
  return shown.split('\n').flatMap((line) => {
    if (line.trim() === '' || line.trim() === '...') return [];
    const found = there.findIndex((one, i) => i >= at && isLike(line, one));
    if (found < 0) return [`not printed: ${line}\nbut:\n${there.slice(at, at + 40).join('\n')}`];
    at = found + 1;
    return [];
  });
}

function isLike(shown: string, printed: string): boolean {
  const [words, others] = [shown, printed].map((text) => text.trim().split(/\s+/)) as [string[], string[]];
  const wild = words.indexOf('...');
  if (wild >= 0) {
    const tail = words.slice(wild + 1);
    if (others.length < words.length - 1) return false;
    const rest = others.slice(others.length - tail.length);
    return (
      sameWords(words.slice(0, wild), others.slice(0, wild)) && sameWords(tail, tail.length === 0 ? [] : rest)
    );
  }
  return sameWords(words, others);
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => isSame(word, b[i] ?? ''));
}

function isSame(shown: string, printed: string): boolean {
  if (shown === printed) return true;
  if (!/^-?\d+\.\d+$/.test(shown) || !/^-?\d+(\.\d+)?(e-?\d+)?$/.test(printed)) return false;
  const digits = (shown.split('.')[1] ?? '').length;
  const [is, was] = [Number(shown), Number(printed)];
  return Math.abs(is - was) <= Math.max(TOLERANCE * Math.abs(is), 10 ** -digits);
}
