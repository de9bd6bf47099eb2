/** What a configuration may hold, key by key, in words: for `config explain`, `config init`, completion and the docs. */
import { configJsonSchema, type Namespaces } from './schema.js';

export interface DescribedKey {
  readonly path: readonly string[];
  /** What it means, with its unit; empty when the schema does not say it. */
  readonly meaning: string;
  /** What it takes, with its range: `a number, above 0`. */
  readonly accepts: string;
  /** undefined: it has none and must be given. */
  readonly fallback: unknown;
  /** Words that it may be, when it is one of a few. */
  readonly choices: readonly string[];
}

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Every key that is not a block of keys, in the order of the schema. */
export function describedKeys(namespaces: Namespaces): DescribedKey[] {
  return keysBelow(configJsonSchema(namespaces) as JsonSchema, []);
}

function keysBelow(schema: JsonSchema, path: readonly string[]): DescribedKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const at = [...path, name];
    if (child.properties !== undefined) return keysBelow(child, at);
    return [
      {
        path: at,
        meaning: child.description ?? '',
        accepts: acceptedWords(child),
        fallback: child.default,
        choices: choicesOf(child),
      },
    ];
  });
}

function choicesOf(schema: JsonSchema): string[] {
  if (schema.type === 'boolean') return ['true', 'false'];
  if (schema.type === 'null') return ['null'];
  const own = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  return [...own.map(String), ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(choicesOf)];
}

function acceptedWords(schema: JsonSchema): string {
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return [...new Set(several.map(acceptedWords))].join(' or ');
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(', ')}`;
  if (schema.const !== undefined) return String(schema.const);
  switch (schema.type) {
    case 'number':
      return `a number${rangeWords(schema)}`;
    case 'integer':
      return `a whole number${rangeWords(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'null':
      return 'null';
    case 'array':
      if (schema.prefixItems !== undefined) {
        return `a list of ${schema.prefixItems.length}: ${schema.prefixItems.map(acceptedWords).join('; ')}`;
      }
      return schema.items === undefined ? 'a list' : `a list of: ${acceptedWords(schema.items)}`;
    case 'object':
      return 'a block of keys';
    default:
      return 'any value';
  }
}

function rangeWords({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const isLimit = (value: number | undefined): value is number =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  const parts = [
    ...(isLimit(minimum) ? [`from ${minimum}`] : []),
    ...(isLimit(exclusiveMinimum) ? [`above ${exclusiveMinimum}`] : []),
    ...(isLimit(maximum) ? [`to ${maximum}`] : []),
    ...(isLimit(exclusiveMaximum) ? [`below ${exclusiveMaximum}`] : []),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(' ')}`;
}
