import { expect, test } from 'vitest';
import { z } from 'zod';
import { Workflow } from '../../../src/engine/builder.js';
import { KeyMaker } from '../../../src/engine/fingerprint.js';
import { graphSignature } from '../../../src/engine/graph-signature.js';
import { defineNode } from '../../../src/engine/node.js';
import { inputFile, port } from '../../../src/engine/port.js';
import { decodeStanding, encodeStanding } from '../../../src/engine/standing-results.js';

const number = port.value(z.number());
const declared = { inputs: { x: number }, outputs: { y: number }, run: ({ x }: { x: number }) => ({ y: x }) };
const plus = defineNode({ name: 'plus', version: 1, ...declared });
const plus2 = defineNode({ name: 'plus', version: 2, ...declared });
const loose = defineNode({ name: 'plus', version: 1, deterministic: false, ...declared });
const total = defineNode({
  name: 'total',
  version: 1,
  inputs: { numbers: port.list(number), file: port.file('text') },
  outputs: { y: number },
  run: () => ({ y: 0 }),
});

interface Variant {
  readonly node?: typeof plus;
  readonly keys?: readonly string[];
  readonly value?: number;
  readonly second?: number;
  readonly id?: string;
  readonly minItems?: number;
  readonly from?: 'a' | 'b';
  readonly file?: string | null;
  readonly seed?: number;
}

function signature(variant: Variant = {}): string | null {
  const { node = plus, keys = ['p', 'q'], value = 1, second = 2, id = 'b', from = 'a', seed = 0 } = variant;
  const wf = new Workflow('study');
  const each = wf.map(node, { x: wf.items(keys, { key: (key) => key }).select(() => value) });
  const a = wf.add(plus, { x: second }, { id: 'a' });
  const b = wf.add(plus, { x: 3 }, { id });
  const joined = wf.join(each.out.y, variant.minItems === undefined ? {} : { minItems: variant.minItems });
  wf.add(total, { numbers: joined, file: inputFile('/in/x.txt') });
  wf.add(plus, { x: (from === 'a' ? a : b).out.y }, { id: 'last' });
  const maker = new KeyMaker({ seed, code: () => null, env: () => null, tool: () => '' });
  return graphSignature(wf.compile(), maker, () =>
    variant.file === undefined ? 'f'.repeat(64) : variant.file,
  );
}

test('the same graph has the same signature, and whatever changes a key changes it', () => {
  expect(signature()).toMatch(/^[0-9a-f]{64}$/);
  expect(signature()).toBe(signature());
  const variants: Variant[] = [
    ...[{ node: plus2 }, { node: loose }, { keys: ['p', 'r'] }, { keys: ['p'] }, { value: 7 }, { second: 7 }],
    ...[{ id: 'c' }, { minItems: 1 }, { from: 'b' as const }, { file: '0'.repeat(64) }, { seed: 1 }],
  ];
  const all = [{}, ...variants].map(signature);
  expect(new Set(all).size).toBe(all.length);
});

test('without the content of a file there is none', () => {
  expect(signature({ file: null })).toBeNull();
});

test('a record of standing results comes back as it was, and not at all when it is damaged', () => {
  const standing = {
    ...{ signature: 's', lastKeys: 'k', usedAt: 5, runs: [null, 'run-1'], keys: Buffer.alloc(64, 7) },
    ...{ isPlain: Uint8Array.of(1, 0), origins: Int32Array.of(1, 0) },
  };
  const bytes = encodeStanding(standing);
  expect(decodeStanding(bytes)).toEqual(standing);
  for (const at of [3, bytes.length - 40, bytes.length - 1]) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    expect(decodeStanding(damaged)).toBeNull();
  }
  expect(decodeStanding(bytes.subarray(0, 10))).toBeNull();
});
