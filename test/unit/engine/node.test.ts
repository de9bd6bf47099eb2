import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineNode } from '../../../src/engine/node.js';
import { port } from '../../../src/engine/port.js';
import { whyNotFit } from '../../../src/engine/port-fit.js';
import type { PipelineError } from '../../../src/errors.js';

const plain = { name: 'plain', version: 1, inputs: {}, outputs: {}, run: () => ({}) };

describe('defineNode', () => {
  test('finds its module from the call and fills the defaults', () => {
    expect(defineNode(plain)).toMatchObject({
      kind: 'node',
      module: import.meta.url.startsWith('file:') ? import.meta.url : `file://${import.meta.url}`,
      resources: { cpus: 1, memoryGb: 0.5, gpus: 0, tokens: {} },
      timeoutMs: null,
      resumable: false,
      deterministic: true,
      steering: [],
    });
    expect(defineNode({ ...plain, module: 'file:///x/y.js' }).module).toBe('file:///x/y.js');
  });

  test.each([
    [{ name: 'Plain' }, 'node Plain: the name is not snake_case'],
    [{ version: 0 }, 'node plain: version 0 is not a whole number from 1'],
    [{ version: 1.5 }, 'node plain: version 1.5 is not a whole number from 1'],
    [{ inputs: { 'a-b': port.file('x') } }, "node plain: port name 'a-b' is not allowed"],
    [{ steering: ['b'] as never[] }, "node plain: steering names 'b', which is not an input"],
    [{ resources: { cpus: 0 } }, 'node plain: cpus 0 is not possible'],
    [{ resources: { memoryGb: NaN } }, 'node plain: memoryGb NaN is not possible'],
    [{ resources: { tokens: { 'license:m': -1 } } }, 'node plain: token license:m: -1 is not possible'],
    [{ module: 'data:text/javascript,1' }, 'node plain: its module is not a file'],
  ])('refuses %o', (change, message) => {
    let error: PipelineError | undefined;
    try {
      defineNode({ ...plain, ...change });
    } catch (thrown) {
      error = thrown as PipelineError;
    }
    expect(error).toMatchObject({ code: 'NODE_DEFINITION', message });
    expect(error?.cure).toBeTruthy();
  });
});

describe('which value fits where', () => {
  const fits = (from: z.ZodType, to: z.ZodType): boolean =>
    whyNotFit(port.value(from), port.value(to)) === null;

  test.each([
    [z.number(), z.number()],
    [z.int(), z.number()],
    [z.number(), z.number().positive()],
    [z.enum(['a', 'b']), z.string()],
    [z.enum(['a', 'b']), z.enum(['a', 'b', 'c'])],
    [z.literal(3), z.number()],
    [z.string(), z.string().nullable()],
    [z.strictObject({ a: z.number(), b: z.string() }), z.object({ a: z.number() })],
    [z.strictObject({ a: z.number() }), z.strictObject({ a: z.number(), b: z.string().default('x') })],
    [z.array(z.int()), z.array(z.number())],
    [z.tuple([z.number(), z.number()]), z.array(z.number())],
    [z.record(z.string(), z.number()), z.record(z.string(), z.number())],
    [z.any(), z.number()],
    [z.number(), z.unknown()],
    [z.union([z.literal('a'), z.number()]), z.union([z.string(), z.number()])],
  ] as [z.ZodType, z.ZodType][])('%# fits', (from, to) => {
    expect(fits(from, to)).toBe(true);
  });

  test.each([
    [z.string(), z.number()],
    [z.number(), z.array(z.number())],
    [z.string(), z.enum(['a'])],
    [z.enum(['a', 'c']), z.enum(['a', 'b'])],
    [z.string().nullable(), z.string()],
    [z.strictObject({ a: z.number() }), z.object({ a: z.number(), b: z.string() })],
    [z.strictObject({ a: z.number(), b: z.string() }), z.strictObject({ a: z.number() })],
    [z.strictObject({ a: z.number() }), z.strictObject({ a: z.string() })],
    [z.array(z.string()), z.array(z.number())],
    [z.array(z.number()), z.tuple([z.number(), z.number()])],
    [z.tuple([z.number()]), z.tuple([z.number(), z.number()])],
    [z.union([z.string(), z.number()]), z.number()],
    [z.record(z.string(), z.string()), z.record(z.string(), z.number())],
  ] as [z.ZodType, z.ZodType][])('%# does not fit', (from, to) => {
    expect(fits(from, to)).toBe(false);
  });

  test('lists of values and values that are lists are exchangeable, files only with their format', () => {
    const numbers = port.list(port.value(z.number()));
    expect(whyNotFit(numbers, port.value(z.array(z.number())))).toBeNull();
    expect(whyNotFit(port.value(z.array(z.number())), numbers)).toBeNull();
    expect(whyNotFit(numbers, port.value(z.number()))).not.toBeNull();
    expect(whyNotFit(port.file('tsv'), port.file('tsv'))).toBeNull();
    expect(whyNotFit(port.file('tsv'), port.file('npy'))).toBe('file(tsv) is not file(npy)');
    expect(whyNotFit(port.file('tsv'), port.value(z.unknown()))).toBe('file(tsv) is not value');
    expect(whyNotFit(port.list(port.file('tsv')), port.file('tsv'))).toBe(
      'list of file(tsv) is not file(tsv)',
    );
    expect(whyNotFit(port.file('tsv'), port.optional(port.file('tsv')))).toBeNull();
    expect(whyNotFit(port.optional(port.value(z.number())), port.value(z.number().nullable()))).toBeNull();
  });
});
