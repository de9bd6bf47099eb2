import type { z } from 'zod';

import { ConfigError } from '../errors.js';

/** The entries that are not undefined. */
export function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/**
 * Options of a library function as the configuration block they stand for; what is undefined has its default.
 *
 * @throws ConfigError CONFIG_VALUE naming every wrong key
 */
export function parseBlock<S extends z.ZodType>(
  name: string,
  schema: S,
  values: Readonly<Record<string, unknown>>,
): z.output<S> {
  const parsed = schema.safeParse(given(values));
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map((issue) => `${[name, ...issue.path].join('.')}: ${issue.message}`);
  throw new ConfigError('CONFIG_VALUE', said.join('; '), { where: name, cure: 'correct these settings' });
}
