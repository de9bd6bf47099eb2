import { z } from 'zod';
import { describePort, type ElementPort, type Port, type ValuePort } from './port.js';

type Json = Readonly<Record<string, unknown>>;

/** The list that `dropped` gives. */
export const DROPPED_PORT: ValuePort = {
  kind: 'value',
  schema: z.array(z.strictObject({ key: z.string(), reason: z.string() })),
};

/** What `wf.when` takes. */
export const CONDITION_PORT: ValuePort = { kind: 'value', schema: z.boolean() };

const ANYTHING: ValuePort = { kind: 'value', schema: z.unknown() };

/** What one element of an output is, or null when the output is no list. */
export function elementPort(output: Port): ElementPort | null {
  if (output.kind === 'list') return output.of;
  if (output.kind !== 'value') return null;
  const { schema } = output;
  if (schema instanceof z.ZodArray) return { kind: 'value', schema: schema.element as z.ZodType };
  const { type } = outputSchema(output);
  return type === 'array' || type === undefined ? ANYTHING : null;
}

/**
 * Why an output may not be connected to an input, or null when it may.
 *
 * Formats of files must be the same word. Values fit unless their JSON schemas show that no value, or not every
 * declared shape, could be accepted; refinements such as ranges are left to the parse at run time.
 */
export function whyNotFit(from: Port, to: Port): string | null {
  if (to.kind === 'optional') return whyNotFit(from.kind === 'optional' ? from.of : from, to.of);
  if (from.kind === 'optional') {
    if (to.kind === 'value' && to.schema.safeParse(null).success) return whyNotFit(from.of, to);
    return `${describePort(from)} may be absent, and ${describePort(to)} must be there`;
  }
  if (from.kind === 'file' && to.kind === 'file') {
    return from.format === to.format ? null : `${describePort(from)} is not ${describePort(to)}`;
  }
  if (from.kind === 'list' && to.kind === 'list') return whyNotFit(from.of, to.of);
  if (from.kind === 'value' && to.kind === 'value') {
    return schemasFit(outputSchema(from), inputSchema(to))
      ? null
      : mismatch(outputSchema(from), inputSchema(to));
  }
  if (from.kind === 'list' && from.of.kind === 'value' && to.kind === 'value') {
    const list = { type: 'array', items: outputSchema(from.of) };
    return schemasFit(list, inputSchema(to)) ? null : mismatch(list, inputSchema(to));
  }
  if (from.kind === 'value' && to.kind === 'list' && to.of.kind === 'value') {
    const list = { type: 'array', items: inputSchema(to.of) };
    return schemasFit(outputSchema(from), list) ? null : mismatch(outputSchema(from), list);
  }
  return `${describePort(from)} is not ${describePort(to)}`;
}

const OUTPUT = new WeakMap<z.ZodType, Json>();
const INPUT = new WeakMap<z.ZodType, Json>();

function outputSchema(item: ValuePort): Json {
  return remembered(OUTPUT, item.schema, 'output');
}

function inputSchema(item: ValuePort): Json {
  return remembered(INPUT, item.schema, 'input');
}

function remembered(known: WeakMap<z.ZodType, Json>, schema: z.ZodType, io: 'input' | 'output'): Json {
  let json = known.get(schema);
  if (json === undefined) {
    json = z.toJSONSchema(schema, { io, unrepresentable: 'any', cycles: 'ref' }) as Json;
    known.set(schema, json);
  }
  return json;
}

function mismatch(from: Json, to: Json): string {
  return `value of ${typeText(from)} does not fit ${typeText(to)}`;
}

function typeText(schema: Json): string {
  const text = JSON.stringify(schema, (key, item: unknown) =>
    key === '$schema' || key === 'description' || key === 'minimum' || key === 'maximum' ? undefined : item,
  );
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
}

function schemasFit(from: Json, to: Json): boolean {
  // References (recursive schemas) are decided by the parse at run time.
  if ('$ref' in from || '$ref' in to) return true;
  const fromChoices = choices(from);
  if (fromChoices !== null) return fromChoices.every((choice) => schemasFit(choice, to));
  const toChoices = choices(to);
  if (toChoices !== null) return toChoices.some((choice) => schemasFit(from, choice));
  if (Array.isArray(to['allOf'])) return (to['allOf'] as Json[]).every((part) => schemasFit(from, part));
  if (Array.isArray(from['allOf'])) return (from['allOf'] as Json[]).some((part) => schemasFit(part, to));
  const fromValues = constants(from);
  const toValues = constants(to);
  if (toValues !== null) {
    // Text into an enumeration may hold a wrong word; the compiler refuses it as well.
    return fromValues !== null && fromValues.every((value) => toValues.includes(value));
  }
  if (typeof to['type'] !== 'string') return true;
  const fromType = fromValues === null ? from['type'] : jsonType(fromValues);
  if (typeof fromType !== 'string') return true;
  if (fromType !== to['type'] && !(isNumeric(fromType) && isNumeric(to['type']))) return false;
  if (to['type'] === 'array') return arraysFit(from, to);
  if (to['type'] === 'object') return objectsFit(from, to);
  return true;
}

function choices(schema: Json): Json[] | null {
  const list = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(list)) return list as Json[];
  const { type } = schema;
  return Array.isArray(type) ? type.map((one: unknown) => ({ ...schema, type: one })) : null;
}

function constants(schema: Json): unknown[] | null {
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : null;
}

function jsonType(values: readonly unknown[]): string | undefined {
  const types = new Set(values.map((value) => (value === null ? 'null' : typeof value)));
  return types.size === 1 ? [...types][0] : undefined;
}

function isNumeric(type: unknown): boolean {
  return type === 'number' || type === 'integer';
}

function arraysFit(from: Json, to: Json): boolean {
  const fromTuple = from['prefixItems'] as Json[] | undefined;
  const toTuple = to['prefixItems'] as Json[] | undefined;
  if (fromTuple !== undefined && toTuple !== undefined) {
    return (
      fromTuple.length === toTuple.length &&
      fromTuple.every((item, i) => schemasFit(item, toTuple[i] as Json))
    );
  }
  const fromItem = from['items'] as Json | undefined;
  const toItem = to['items'] as Json | undefined;
  if (fromTuple !== undefined)
    return toItem === undefined || fromTuple.every((item) => schemasFit(item, toItem));
  // A list of any length into a fixed one: the compiler refuses it too.
  if (toTuple !== undefined) return false;
  return !isSchema(fromItem) || !isSchema(toItem) || schemasFit(fromItem, toItem);
}

function objectsFit(from: Json, to: Json): boolean {
  const fromFields = (from['properties'] ?? {}) as Readonly<Record<string, Json>>;
  const toFields = (to['properties'] ?? {}) as Readonly<Record<string, Json>>;
  const fromRequired = new Set((from['required'] ?? []) as string[]);
  const isRecord = isSchema(from['additionalProperties']);
  for (const name of (to['required'] ?? []) as string[]) {
    if (!fromRequired.has(name) && !(isRecord && !Object.hasOwn(fromFields, name))) return false;
  }
  for (const [name, field] of Object.entries(fromFields)) {
    const target = toFields[name];
    if (target !== undefined) {
      if (!schemasFit(field, target)) return false;
    } else if (to['additionalProperties'] === false) {
      return false;
    } else if (isSchema(to['additionalProperties']) && !schemasFit(field, to['additionalProperties'])) {
      return false;
    }
  }
  const rest = from['additionalProperties'];
  const toRest = to['additionalProperties'];
  return !isSchema(rest) || !isSchema(toRest) || schemasFit(rest, toRest);
}

function isSchema(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}
