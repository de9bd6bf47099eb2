import { z, type ZodType, type core } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../errors.js';
import { isTree, valueAt, type Path } from './layer.js';
import { nearest } from '../nearest.js';
import { acceptedBy, keysOf, schemasAt, typeWords } from './schema.js';

/** A broken rule of a schema, in words. `part` says whether the key or its value is wrong. */
export interface Finding {
  readonly code: ErrorCode;
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly message: string;
  readonly cure: string | null;
}

type Issue = core.$ZodIssue;

/**
 * Says in words what zod found. A schema's own rule (`refine`, `superRefine`) is shown as it is written; with
 * `params: { cure, code }` it says how to mend it and may choose another code, `NOT_AVAILABLE_YET` for instance.
 *
 * @param schema - of the value `input`, which stands at `base` in the whole configuration
 */
export function findings(schema: ZodType, input: unknown, issues: readonly Issue[], base: Path): Finding[] {
  const all = issues.flatMap((issue) => explainIssue(schema, input, issue, base));
  // After a wrong type zod goes on to check lengths and ranges of what it did not expect.
  const wrongType = new Set(
    issues.filter((i) => i.code === 'invalid_type').map((i) => keyOf([...base, ...i.path])),
  );
  const seen = new Set<string>();
  return all.filter((finding) => {
    const key = keyOf(finding.path);
    if (wrongType.has(key) && seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function keyOf(path: readonly unknown[]): string {
  return path.map(String).join('\u0000');
}

function explainIssue(schema: ZodType, input: unknown, issue: Issue, base: Path): Finding[] {
  const local = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const path = [...base, ...local];
  const value = valueAt(input, local);
  const wrong = (message: string, cure: string | null = null): Finding[] => [
    { code: 'CONFIG_VALUE', path, part: 'value', message, cure },
  ];
  const expected = (): string => orList(expectedAt(schema, local));
  if (hasOwnMessage(issue, value)) return [{ ...wrong(issue.message)[0]!, ...ownWords(issue) }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(schema, local, path, key));
    case 'invalid_type': {
      if (value === undefined && !isList(input, local)) {
        return wrong(`this key is required: ${expected()}`, 'give it in the configuration, or with --set');
      }
      const wanted = issue.expected === 'int' && typeof value === 'number' ? 'a whole number' : expected();
      return wrong(`expected ${wanted}, got ${brief(value)}`, typeCure(issue.expected, value));
    }
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof value === 'string' ? nearest(value, words) : null;
      const hint = near === null ? '' : `; did you mean ${near}?`;
      return wrong(
        `expected ${words.length > 1 ? 'one of ' : ''}${words.join(', ')}, got ${brief(value)}${hint}`,
      );
    }
    case 'too_small':
      return wrong(bound(issue.origin, 'least', Number(issue.minimum), issue.inclusive !== false, value));
    case 'too_big':
      return wrong(bound(issue.origin, 'most', Number(issue.maximum), issue.inclusive !== false, value));
    case 'not_multiple_of':
      return wrong(`must be a multiple of ${issue.divisor}, got ${brief(value)}`);
    case 'invalid_union':
      return explainUnion(schema, input, issue, base, () =>
        wrong(`expected ${expected()}, got ${brief(value)}`),
      );
    case 'invalid_key':
    case 'invalid_element':
      return wrong(issue.issues[0]?.message ?? issue.message);
    case 'invalid_format':
      return wrong(`${lowerFirst(issue.message)}, got ${brief(value)}`);
    case 'custom':
      return [{ ...wrong(issue.message)[0]!, ...ownWords(issue) }];
  }
}

function unknownKey(schema: ZodType, local: Path, path: Path, key: string): Finding {
  const known = schemasAt(schema, local).flatMap(keysOf);
  const near = nearest(key, known);
  return {
    code: 'CONFIG_UNKNOWN_KEY',
    path: [...path, key],
    part: 'key',
    message: `unknown key ${key}${near === null ? '' : `; did you mean ${near}?`}`,
    cure: near === null ? `use one of ${known.join(', ')}` : null,
  };
}

/** The alternative that fits best tells what is wrong inside; when none begins to fit, what all of them accept. */
function explainUnion(
  schema: ZodType,
  input: unknown,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  base: Path,
  none: () => Finding[],
): Finding[] {
  const fitting = issue.errors
    .filter((branch) => branch.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'))
    .sort((a, b) => a.length - b.length)[0];
  if (fitting === undefined) return none();
  return fitting.flatMap((inner) =>
    explainIssue(schema, input, { ...inner, path: [...issue.path, ...inner.path] } as Issue, base),
  );
}

function expectedAt(schema: ZodType, path: Path): string[] {
  const words = schemasAt(schema, path).flatMap(acceptedBy);
  return [...new Set(words)];
}

function isList(input: unknown, path: Path): boolean {
  return path.length > 0 && Array.isArray(valueAt(input, path.slice(0, -1)));
}

function bound(
  origin: string,
  side: 'least' | 'most',
  limit: number,
  inclusive: boolean,
  value: unknown,
): string {
  if (origin === 'number' || origin === 'int') {
    const words = { least: ['more than', 'at least'], most: ['less than', 'at most'] }[side];
    return `must be ${words[inclusive ? 1 : 0]} ${limit}, got ${brief(value)}`;
  }
  const unit = origin === 'string' ? 'characters' : 'entries';
  const has = Array.isArray(value) || typeof value === 'string' ? `, has ${value.length}` : '';
  return `must have at ${side} ${limit} ${unit}${has}`;
}

/** YAML 1.2 reads `no`, `on` and `3 ` differently from what many expect: say it where it matters. */
function typeCure(expected: string, value: unknown): string | null {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return 'put it in quotes if text is meant';
  }
  if (expected === 'boolean' && typeof value === 'string' && /^(yes|no|on|off|y|n)$/i.test(value)) {
    return 'write true or false';
  }
  if (
    expected === 'number' &&
    typeof value === 'string' &&
    value.trim() !== '' &&
    Number.isFinite(Number(value))
  ) {
    return 'remove the quotes';
  }
  return null;
}

/** A value as a reader recognises it, short. */
export function brief(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `text '${value.length > 40 ? `${value.slice(0, 37)}...` : value}'`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isTree(value)) return typeWords('object');
  return String(value);
}

/** Whether the schema brings its own sentence: then it is better than anything said here. */
function hasOwnMessage(issue: Issue, value: unknown): boolean {
  if (issue.code === 'custom' || issue.code === 'unrecognized_keys' || issue.code === 'invalid_union')
    return false;
  const standard = z.config().localeError?.({ ...issue, input: value } as core.$ZodRawIssue);
  const text = typeof standard === 'string' ? standard : standard?.message;
  return text !== undefined && text !== issue.message;
}

function ownWords(issue: Issue): Partial<Finding> {
  const params: unknown = 'params' in issue ? issue.params : undefined;
  if (!isTree(params)) return {};
  const code = ERROR_CODES.find((known) => known === params.code);
  return {
    ...(typeof params.cure === 'string' && { cure: params.cure }),
    ...(code !== undefined && { code }),
  };
}

function orList(words: readonly string[]): string {
  return words.length < 2
    ? (words[0] ?? 'another value')
    : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
