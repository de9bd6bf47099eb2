import { ProcessingError } from '../errors.js';

/** Largest JSON text of a value that travels through a port, bytes; more than this belongs in a file. */
export const MAX_VALUE_BYTES = 65_536;

/** Depth at which a value is refused, long before a recursive writer would overflow the stack. */
const MAX_DEPTH = 200;

/**
 * Where a value is not plain JSON, or null when it is: finite numbers, text, booleans, null, arrays and plain
 * objects. Object fields that are undefined are allowed: JSON leaves them out.
 */
export function whyNotJson(value: unknown, path = '', depth = 0): string | null {
  const at = path === '' ? 'the value' : path;
  if (depth > MAX_DEPTH) return `${at} is nested deeper than ${MAX_DEPTH} levels`;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : `${at} is ${value}`;
    case 'object':
      break;
    default:
      return `${at} is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}`;
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) {
      const wrong = whyNotJson(value[i], `${path}[${i}]`, depth + 1);
      if (wrong !== null) return wrong;
    }
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return `${at} is a ${value.constructor?.name ?? 'special object'}`;
  }
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const wrong = whyNotJson(item, path === '' ? key : `${path}.${key}`, depth + 1);
    if (wrong !== null) return wrong;
  }
  return null;
}

/**
 * The JSON text of a value that goes through a port.
 *
 * @throws ProcessingError OUTPUT_INVALID when it is not plain JSON or longer than 64 KiB
 */
export function portJson(value: unknown, where: string): string {
  const wrong = whyNotJson(value);
  if (wrong !== null) {
    throw new ProcessingError('OUTPUT_INVALID', `${wrong}: only plain JSON travels between nodes`, {
      where,
      cure: 'pass numbers, text, booleans, lists and plain objects, or write a file',
    });
  }
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) {
    throw new ProcessingError(
      'OUTPUT_INVALID',
      `a value of ${bytes} bytes is too large (limit ${MAX_VALUE_BYTES})`,
      {
        where,
        cure: 'write it to a file and use a file port',
      },
    );
  }
  return text;
}
