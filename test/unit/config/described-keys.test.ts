import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { commentedYaml, describedKeys } from '../../../src/config/index.js';
import { BUILTIN_WORKFLOWS } from '../../../src/workflows/index.js';

test('a key is described with meaning, what it takes, and its default', () => {
  const study = z.strictObject({
    width: z
      .tuple([z.number().positive(), z.number()])
      .default([0.5, 12])
      .describe('Narrowest and widest peak, Hz'),
    mode: z.enum(['a', 'b']).default('a'),
    limit: z.int().min(1).nullable().default(null).describe('Most peaks'),
    name: z.string(),
    inner: z.strictObject({ share: z.number().gt(0).max(1).default(0.5) }).prefault({}),
  });
  const keys = describedKeys({ study }).filter(({ path }) => path.length > 1);
  expect(keys.map(({ path, accepts, fallback }) => [path.join('.'), accepts, fallback])).toEqual([
    ['study.width', 'a list of 2: a number, above 0; a number', [0.5, 12]],
    ['study.mode', 'one of a, b', 'a'],
    ['study.limit', 'a whole number, from 1 or null', null],
    ['study.name', 'text', undefined],
    ['study.inner.share', 'a number, above 0 to 1', 0.5],
  ]);
  expect(commentedYaml(keys)).toBe(`study:
  # Narrowest and widest peak, Hz. A list of 2: a number, above 0; a number
  width: [ 0.5, 12 ]
  # One of a, b
  mode: a
  # Most peaks. A whole number, from 1 or null
  limit: null
  # Text
  # name:

  inner:
    # A number, above 0 to 1
    share: 0.5
`);
});

test.each(BUILTIN_WORKFLOWS.map((entry) => [entry.name, entry] as const))(
  'the written file of %s is its default configuration, and every key says what it means',
  async (_, { namespace, loadConfigSchema }) => {
    const schema = await loadConfigSchema();
    const keys = describedKeys({ [namespace]: schema }).filter(({ path }) => path[0] === namespace);
    const blank = keys.filter(({ meaning }) => meaning === '').map(({ path }) => path.join('.'));
    expect(blank).toEqual([]);
    const written = (parse(commentedYaml(keys)) as Record<string, unknown>)[namespace];
    const given = keys.some(({ fallback }) => fallback === undefined);
    if (!given) expect(schema.parse(written)).toEqual(schema.parse({}));
  },
);
