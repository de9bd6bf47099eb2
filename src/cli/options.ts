import { InvalidArgumentError, Option } from 'commander';
import type { ClusterOptions } from './cluster-options.js';

import { splitWords } from './split-words.js';

export const LOG_FORMATS = ['pretty', 'plain', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What every verb knows: the options that stand before or after any verb. */
export interface GlobalOptions {
  readonly load: readonly string[];
  readonly verbose: boolean;
  readonly debug: boolean;
}

/** Options that choose a workflow, its configuration and its directories. */
export interface StudyOptions extends GlobalOptions, Partial<ClusterOptions> {
  /** Its absence is told with the names that there are, see `openStudy`. */
  readonly workflow?: string;
  readonly input?: string;
  readonly output?: string;
  readonly config: readonly string[];
  readonly set: readonly string[];
  readonly participants?: readonly string[];
  readonly cpus?: number;
  readonly followLinks?: boolean;
  /** ms */
  readonly checkLimit?: number;
}

/** Options that decide what can be reused and where things lie. */
export interface CacheOptions {
  readonly cacheDir?: string;
  readonly cacheFrom: readonly string[];
  readonly workDir?: string;
  readonly memory?: number;
  readonly gpus?: number;
  readonly forceNode: readonly string[];
  readonly until: readonly string[];
  readonly hash?: 'stat' | 'content';
  readonly refresh?: boolean;
  /** false: `--no-cache` was given. */
  readonly cache?: boolean;
}

export interface RunOptions extends StudyOptions, CacheOptions {
  readonly retries?: number;
  /** ms */
  readonly timeLimit?: number;
  readonly dryRun?: boolean;
  readonly explain?: string | true;
  readonly jobs?: number;
  readonly onFailure: 'keep-going' | 'finish-running' | 'stop';
  readonly keepWork: 'never' | 'failed' | 'always';
  readonly isolation: 'worker' | 'process';
  readonly prune?: boolean;
  /** false: `--no-sidecars` was given. */
  readonly sidecars?: boolean;
  /** false: `--no-report` was given. */
  readonly report?: boolean;
  readonly logFormat?: LogFormat;
  readonly trace?: string;
  readonly onFinish?: readonly string[];
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

function wholeNumber(from: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < from) {
      throw new InvalidArgumentError(`give a whole number from ${from}.`);
    }
    return number;
  };
}

const positiveInteger = wholeNumber(1);

/** `30d`, `12h`, `90m`, or `0d`: milliseconds. */
export function age(value: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([dhm])$/i.exec(value);
  const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000 }[parts?.[2]?.toLowerCase() ?? ''];
  const number = Number(parts?.[1]) * (unitMs ?? Number.NaN);
  if (!(number >= 0)) throw new InvalidArgumentError('give a time with its unit, such as 30d or 12h.');
  return number;
}

/** `16G`, `512M`, `1.5GB`: gigabytes of 2^30 bytes. */
export function gigabytes(value: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*(T|G|M)(?:i?B)?$/i.exec(value);
  const factor = { T: 1024, G: 1, M: 1 / 1024 }[parts?.[2]?.toUpperCase() ?? ''];
  const number = Number(parts?.[1]) * (factor ?? Number.NaN);
  if (!(number > 0)) throw new InvalidArgumentError('give an amount with its unit, such as 16G or 800M.');
  return number;
}

function commandWords(value: string): string[] {
  const words = splitWords(value);
  if (words === null || words.length === 0) {
    throw new InvalidArgumentError('give a program and its arguments, with every quote closed.');
  }
  return words;
}

const MS_OF_UNIT = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `45m`, `1.5h`, `2h30m`: milliseconds. */
export function duration(value: string): number {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/gi)];
  const isWhole = parts.map(([text]) => text).join('') === value.replaceAll(/\s+(?=[smhd\d])/gi, '');
  const ms = parts.reduce(
    (sum, [, number, unit]) =>
      sum + Number(number) * MS_OF_UNIT[unit?.toLowerCase() as keyof typeof MS_OF_UNIT],
    0,
  );
  if (!isWhole || !(ms > 0))
    throw new InvalidArgumentError('give a time with its unit, such as 90m or 2h30m.');
  return ms;
}

function participantLabels(value: string): string[] {
  const labels = value.split(',').map((label) => label.trim());
  if (labels.some((label) => label === '')) {
    throw new InvalidArgumentError('give labels separated by commas, such as 101,102.');
  }
  return labels;
}

export function globalOptions(): Option[] {
  return [
    repeatable(
      '--load <module>',
      'module (JavaScript or TypeScript) that registers workflows; may be repeated',
    ),
    new Option('--verbose', 'say more: what is reused, messages of nodes').default(false),
    new Option('--debug', 'show stack traces').default(false),
  ];
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect).default([], 'none');
}

export function studyOptions(): Option[] {
  return [
    new Option('-w, --workflow <name>', 'workflow, see `pipeline list`'),
    new Option('-i, --input <dir>', 'directory to read (default: input_dir of the configuration, else here)'),
    new Option('-o, --output <dir>', 'directory to write (default: output_dir, else the input)'),
    repeatable(
      '-c, --config <file>',
      'configuration file (default: neuroloom.yaml here); may be repeated, later ones win',
    ),
    repeatable('--set <key=value>', 'one value of the configuration, as YAML; may be repeated'),
    new Option('--participants <labels>', 'only these, separated by commas').argParser(participantLabels),
    new Option('--cpus <n>', 'processor cores that may be used together').argParser(positiveInteger),
    new Option('--follow-links', 'read also what links lead to that leave the input directory'),
    new Option(
      '--check-limit <time>',
      'time that the checks of the workflow may take (default: 10m)',
    ).argParser(duration),
  ];
}

export function cacheOptions(): Option[] {
  return [
    new Option('--memory <amount>', 'memory that may be used together, such as 16G').argParser(gigabytes),
    new Option(
      '--gpus <n>',
      'graphics cards that may be used together, one by each node (default: 1)',
    ).argParser(wholeNumber(0)),
    repeatable('--force-node <node>', 'run this node although its result is there; may be repeated'),
    repeatable('--until <node>', 'only this node and what it needs; may be repeated'),
    new Option(
      '--hash <how>',
      'stat: a file whose size and times have not moved is not read again; content: all are read',
    ).choices(['stat', 'content']),
    new Option('--refresh', 'run every node although its result is there, and keep the new results'),
    new Option('--no-cache', 'take no results from the cache and leave none there'),
    new Option('--cache-dir <dir>', 'where results are kept (default: OUT/.neuroloom/cache)'),
    repeatable('--cache-from <dir>', 'cache or export of others to read results from; may be repeated'),
    new Option('--work-dir <dir>', 'where nodes work (default: OUT/.neuroloom/work)'),
  ];
}

export function runOptions(): Option[] {
  return [
    new Option('--dry-run', 'check and plan, run nothing, write nothing'),
    new Option('--explain [node]', 'say for each node, or for one, whether it runs and why'),
    new Option(
      '--jobs <n>',
      'workers that may run together (default: number of cores); array elements with --executor slurm',
    ).argParser(positiveInteger),
    new Option('--on-failure <mode>', 'what the others do when a node fails')
      .choices(['keep-going', 'finish-running', 'stop'])
      .default('keep-going'),
    new Option(
      '--retries <n>',
      'attempts after a failed one, whatever failed; 0: none (default: once or twice, never after an error of the node)',
    ).argParser(wholeNumber(0)),
    new Option('--time-limit <time>', 'cancel the run after this time, such as 90m or 2h').argParser(
      duration,
    ),
    new Option(
      '--isolation <how>',
      'worker: processes run one node after another; process: a new one for each',
    )
      .choices(['worker', 'process'])
      .default('worker'),
    new Option('--prune', 'take away files of earlier runs that are no longer part of the result'),
    new Option('--no-sidecars', 'write no JSON with sources and software beside the outputs'),
    new Option('--no-report', 'write no report'),
    new Option('--keep-work <which>', 'working directories to keep')
      .choices(['never', 'failed', 'always'])
      .default('failed'),
    new Option(
      '--log-format <format>',
      'how progress is shown (default: pretty on a terminal, else plain)',
    ).choices(LOG_FORMATS),
    new Option('--trace <file>', "when each node ran, in Chrome's trace format; also in logs/<run-id>"),
    new Option(
      '--on-finish <command>',
      'program that is started when the run has ended, without a shell',
    ).argParser(commandWords),
  ];
}

export function seedOption(): Option {
  return new Option('--seed <n>', 'another seed gives other data').argParser(wholeNumber(0)).default(0);
}
