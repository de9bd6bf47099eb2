import { err, ok, type Result } from '../result.js';
import { FORBIDDEN_KEYS, type ConfigTree, type Layer } from './layer.js';
import type { ConfigProblem, Origin } from './problem.js';
import { parseYaml } from './yaml.js';

const ENVIRONMENT_PREFIX = 'NEUROLOOM_SET__';

/** Longest text of one value given by an option or a variable. */
const MAX_VALUE_LENGTH = 100_000;

/** `fooof.max_n_peaks=6`: the value after the first `=` is read as YAML, so `[0.5, 12]` is one list. */
export function parseSetOption(option: string): Result<Layer, ConfigProblem[]> {
  const equals = option.indexOf('=');
  const origin: Origin = { kind: 'set', option };
  if (equals < 0)
    return err([problem(origin, '', 'there is no = in this option', 'write --set key.key=value')]);
  return assignment(origin, option.slice(0, equals).trim().split('.'), option.slice(equals + 1));
}

/**
 * `NEUROLOOM_SET__a__b=1` sets `a.b`; one layer per variable, in the order of their names. Other variables are not
 * looked at.
 */
export function environmentLayers(
  env: Readonly<Record<string, string | undefined>>,
): Result<Layer, ConfigProblem[]>[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && env[name] !== undefined)
    .sort()
    .map((variable) =>
      assignment(
        { kind: 'environment', variable },
        variable.slice(ENVIRONMENT_PREFIX.length).split('__'),
        env[variable]!,
      ),
    );
}

function assignment(origin: Origin, keys: string[], text: string): Result<Layer, ConfigProblem[]> {
  const path = keys.join('.');
  const empty = keys.some((key) => key === '' || /\s/.test(key));
  if (empty) return err([problem(origin, '', `'${path}' is not a key`, 'write keys as a.b')]);
  const forbidden = keys.find((key) => FORBIDDEN_KEYS.has(key));
  if (forbidden !== undefined) {
    return err([problem(origin, path, `the key ${forbidden} is not allowed`, 'remove it')]);
  }
  if (text.length > MAX_VALUE_LENGTH) {
    return err([
      problem(origin, path, `this value is longer than ${MAX_VALUE_LENGTH} characters`, 'use a file'),
    ]);
  }
  let value = plainValue(text);
  if (value === undefined) {
    const yaml = parseYaml(text);
    if (yaml.problems.length > 0) {
      return err(yaml.problems.map((p) => problem(origin, path, p.message, p.cure)));
    }
    ({ value } = yaml);
  }
  const tree = keys.reduceRight<unknown>((below, key) => ({ [key]: below }), value) as ConfigTree;
  return ok({ tree, locate: () => ({ origin, excerpt: null }) });
}

/** Short numbers and the words of YAML mean what they mean there; undefined: the text has to be read. */
function plainValue(text: string): unknown {
  if (/^(?:0|-?[1-9]\d{0,9})(?:\.\d{1,6})?$/.test(text)) return Number(text);
  return WORDS.has(text) ? WORDS.get(text) : undefined;
}

const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

function problem(origin: Origin, path: string, message: string, cure: string): ConfigProblem {
  return { severity: 'error', code: 'CONFIG_SYNTAX', path, message, cure, origin, excerpt: null };
}
