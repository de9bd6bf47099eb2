import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectOutputs } from '../../../src/engine/node-outputs.js';
import { defineNode } from '../../../src/engine/node.js';
import { port, type NumbersRule, type Port } from '../../../src/engine/port.js';
import { countNpyNumbers } from '../../../src/io/npy-numbers.js';
import { writeNpy } from '../../../src/io/npy.js';

let attempt = '';
beforeEach(() => {
  attempt = mkdtempSync(join(tmpdir(), 'neuroloom-outputs-'));
  mkdirSync(join(attempt, 'out'));
});
afterEach(() => {
  rmSync(attempt, { recursive: true });
});

const NONE = [NaN, Infinity, -Infinity, NaN];
const SOME = [1, NaN, 3, Infinity];
const ALL = [1, 2, -3, 0];

async function file(name: string, values: readonly number[], type = Float64Array): Promise<string> {
  const path = join(attempt, 'out', name);
  await writeNpy(path, { shape: [2, 2], data: type.from(values) });
  return path;
}

async function collected(out: Port, value: unknown): Promise<{ record: unknown; warnings: string[] }> {
  const node = defineNode({
    name: 'maps',
    version: 1,
    inputs: {},
    outputs: { map: out },
    run: () => ({}) as never,
  });
  const warnings: string[] = [];
  const outputs = await collectOutputs(node as never, { map: value }, attempt, (text) => warnings.push(text));
  return { record: outputs['map'], warnings };
}

const rule = (nan?: NumbersRule['nan']): Port =>
  port.file('npy', { count: countNpyNumbers, ...(nan !== undefined && { nan }) });

describe('numbers that are not finite', () => {
  test.each([
    ['warn when some are, by default', undefined, SOME, 0.5, 1],
    ['are told and kept where a port warns, also when all are', 'warn', NONE, 0, 1],
    ['are counted and no more where a port allows them', 'allow', NONE, 0, 0],
    ['are none', undefined, ALL, 1, 0],
    ['are none where one would fail', 'fail', ALL, 1, 0],
  ] as const)('%s', async (_what, nan, values, finite, warned) => {
    const { record, warnings } = await collected(rule(nan), await file('map.npy', values));
    expect(record).toMatchObject({ kind: 'file', rel: 'map.npy', finite });
    expect(warnings).toHaveLength(warned);
    if (warned > 0) expect(warnings[0]).toMatch(/^[24] of 4 numbers of output maps\.map are not finite$/);
  });

  test.each([
    ['all, by default', undefined, NONE, '4 of 4'],
    ['some, where the port says so', 'fail', SOME, '2 of 4'],
  ] as const)('fail the node: %s', async (_what, nan, values, how) => {
    await expect(collected(rule(nan), await file('map.npy', values))).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      message: `${how} numbers of output maps.map are not finite`,
      where: 'maps.map',
    });
  });

  test('are counted in each file of a list, and in an optional one; other ports have no share', async () => {
    const files = [await file('a.npy', ALL), await file('b.npy', SOME)];
    const list = await collected(port.list(rule() as never), files);
    expect(list.record).toMatchObject({ items: [{ finite: 1 }, { finite: 0.5 }] });
    expect(list.warnings).toEqual(['2 of 4 numbers of output maps.map[1] are not finite']);
    expect((await collected(port.optional(rule() as never), files[0])).record).toMatchObject({ finite: 1 });
    expect((await collected(port.file('npy'), files[1])).record).not.toHaveProperty('finite');
  });
});

test('floats of both sizes are counted, whole numbers are finite', async () => {
  expect(await countNpyNumbers(await file('d.npy', SOME))).toEqual({ finite: 2, total: 4 });
  expect(await countNpyNumbers(await file('f.npy', SOME, Float32Array as never))).toEqual({
    finite: 2,
    total: 4,
  });
  expect(await countNpyNumbers(await file('i.npy', ALL, Int32Array as never))).toEqual({
    finite: 4,
    total: 4,
  });
});
