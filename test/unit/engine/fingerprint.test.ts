import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Workflow } from '../../../src/engine/builder.js';
import type { FileFacts, StoredResult } from '../../../src/engine/cache-store.js';
import {
  keyOf,
  KeyMaker,
  outputDigest,
  type InputDigest,
  type KeySources,
} from '../../../src/engine/fingerprint.js';
import { defineNode } from '../../../src/engine/node.js';
import { inputFile, port } from '../../../src/engine/port.js';
import { collect, readVolume } from '../../support/engine-nodes.js';

const OPTIONS = { seed: 0, code: () => null, env: () => null, tool: () => '' };

interface World {
  files?: Record<string, string>;
  outputs?: Record<string, string>;
  missing?: Record<number, string>;
}

function sources({ files = {}, outputs = {}, missing = {} }: World): KeySources {
  return {
    file: (path): FileFacts =>
      files[path] === undefined
        ? { path, state: 'missing', digest: 'missing', bytes: 0 }
        : { path, state: 'present', digest: files[path].padEnd(64, '0'), bytes: 7 },
    output: (instance, name): InputDigest => {
      const digest = (outputs[`${instance}.${name}`] ?? 'f').padEnd(64, '0');
      return { digest, brief: digest.slice(0, 4) };
    },
    element: (instance, name, at) => {
      const digest = (outputs[`${instance}.${name}.${at}`] ?? 'e').padEnd(64, '0');
      return { digest, brief: digest.slice(0, 4) };
    },
    missing: (instance) => missing[instance] ?? null,
  };
}

function readAt(place: string, label: string, scale?: number) {
  const wf = new Workflow('w');
  const items = wf.items([label], { key: String });
  wf.map(readVolume, {
    volume: items.select((l) => inputFile(`${place}/${l}/v.nii`)),
    ...(scale === undefined ? {} : { scale }),
  });
  return wf.compile().instances[0]!;
}

function key(
  instance = readAt('/a', '1'),
  world: World = { files: { '/a/1/v.nii': 'aa' } },
  options = {},
): string {
  return new KeyMaker({ ...OPTIONS, ...options }).fingerprint(instance, sources(world)).key;
}

describe('a key', () => {
  test('is fixed: name, version, inputs, parameters, seed', () => {
    const { key: made, components } = new KeyMaker(OPTIONS).fingerprint(
      readAt('/a', '1'),
      sources({ files: { '/a/1/v.nii': 'aa' } }),
    );
    expect(components.map(({ kind, name, brief }) => [kind, name, brief])).toEqual([
      ['node', 'node', 'read_volume'],
      ['version', 'version', '1'],
      ['params', 'scale', '1'],
      ['input', 'volume', 'v.nii (aa0000000000, 7 bytes)'],
      ['seed', 'seed', '0'],
    ]);
    expect(made).toBe(keyOf(components));
    // A change of this number means that every cache of every user is worthless: then raise 'node/1' as well.
    expect(made).toMatchInlineSnapshot(`"b9600d8a0898247ad0737fd661f57cdc5f1b4fa7b80034f241ad6a407146fe36"`);
  });

  test('does not depend on the place of the input or on the label of the item', () => {
    expect(key(readAt('/b/c', 'sub-9'), { files: { '/b/c/sub-9/v.nii': 'aa' } })).toBe(key());
  });

  test('a default is the same as the value written out', () => {
    expect(key(readAt('/a', '1', 1))).toBe(key());
  });

  test('depends on content, parameters, seed, code, and on whether the file is there', () => {
    const keys = [
      key(),
      key(readAt('/a', '1'), { files: { '/a/1/v.nii': 'ab' } }),
      key(readAt('/a', '1'), {}),
      key(readAt('/a', '1', 2)),
      key(undefined, undefined, { seed: 1 }),
      key(undefined, undefined, { code: () => 'cc'.repeat(32) }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('takes declared tools and variables, sorted, and no steering input', () => {
    const node = defineNode({
      name: 'tooled',
      version: 1,
      inputs: { x: port.value(z.number()), resume: port.value(z.boolean()) },
      outputs: {},
      resumable: true,
      steering: ['resume'],
      env: ['ZED', 'ABLE'],
      tools: [{ name: 'bet', command: ['bet', '--version'] }],
      run: () => ({}),
    });
    const made = (resume: boolean, env: string | null, tool: string) => {
      const wf = new Workflow('w');
      wf.add(node, { x: 1, resume });
      const maker = new KeyMaker({ ...OPTIONS, env: () => env, tool: () => tool });
      return maker.fingerprint(wf.compile().instances[0]!, sources({}));
    };
    const base = made(true, null, 'bet 2.1');
    expect(base.components.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'node node', 'version version', 'params x', 'tool bet', 'env ABLE', 'env ZED', 'seed seed',
    ]); // prettier-ignore
    expect(made(false, null, 'bet 2.1').key).toBe(base.key);
    expect(made(true, 'set', 'bet 2.1').key).not.toBe(base.key);
    expect(made(true, null, 'bet 2.2').key).not.toBe(base.key);
  });
});

describe('the key of a join', () => {
  const graph = (labels: readonly string[]) => {
    const wf = new Workflow('w');
    const items = wf.items(labels, { key: String });
    const read = wf.map(readVolume, { volume: items.select((l) => inputFile(`/a/${l}`)) });
    wf.add(collect, {
      tables: wf.join(read.out.table, { minItems: 1 }),
      dropped: wf.dropped(read.out.table),
    });
    return wf.compile().instances.at(-1)!;
  };
  const fingerprint = (labels: readonly string[], world: World) =>
    new KeyMaker(OPTIONS).fingerprint(graph(labels), sources(world));
  const outputs = { '0.table': 'aa', '1.table': 'bb' };

  test('names the member that changed', () => {
    const before = fingerprint(['101', '102'], { outputs }).components;
    const after = fingerprint(['101', '102'], { outputs: { ...outputs, '1.table': 'cc' } }).components;
    const changed = after.filter((part, i) => part.digest !== before[i]?.digest);
    expect(changed.map(({ name, brief }) => [name, brief])).toEqual([['tables[1]', '102: cc00']]);
  });

  test('depends on the members in order and on the labels of those that were dropped, not on other labels', () => {
    const base = fingerprint(['101', '102'], { outputs }).key;
    expect(fingerprint(['201', '202'], { outputs }).key).toBe(base);
    expect(fingerprint(['101', '102'], { outputs: { '0.table': 'bb', '1.table': 'aa' } }).key).not.toBe(base);
    const dropped = (labels: readonly string[], reason: string) =>
      fingerprint(labels, { outputs, missing: { 2: reason } }).key;
    expect(dropped(['101', '102', '103'], 'no file')).not.toBe(base);
    expect(dropped(['101', '102', '104'], 'no file')).not.toBe(dropped(['101', '102', '103'], 'no file'));
    expect(dropped(['101', '102', '103'], 'other')).not.toBe(dropped(['101', '102', '103'], 'no file'));
  });

  test('a wide join is one component, and depends on all members', () => {
    const labels = Array.from({ length: 100 }, (_, i) => String(i));
    const base = fingerprint(labels, { outputs: {} });
    expect(base.components.filter((part) => part.name.startsWith('tables'))).toMatchObject([
      { name: 'tables' },
    ]);
    expect(fingerprint(labels, { outputs: { '99.table': 'aa' } }).key).not.toBe(base.key);
  });
});

describe('what an output gives to the keys below it', () => {
  const result = (rel: string, digest: string, resultKey = 'k'): StoredResult => ({
    key: resultKey,
    node: 'n',
    version: 1,
    state: 'done',
    skipReason: null,
    outputs: { table: { kind: 'file', rel, digest, bytes: 3 }, mean: { kind: 'value', value: 2 } },
    outDigest: '',
    outputDir: '/o',
    ms: 1,
    peakMb: 1,
    bytes: 3,
    runId: null,
  });

  test('content and name inside the object, so that the same result of another key stops the rerun', () => {
    const base = outputDigest(result('t.tsv', 'aa'), 'table', readVolume);
    expect(outputDigest(result('t.tsv', 'aa', 'other'), 'table', readVolume)).toEqual(base);
    expect(outputDigest(result('t.tsv', 'ab'), 'table', readVolume).digest).not.toBe(base.digest);
    expect(outputDigest(result('u.tsv', 'aa'), 'table', readVolume).digest).not.toBe(base.digest);
    expect(base.brief).toBe('t.tsv (aa, 3 bytes)');
  });

  test('the key instead, for a node that is not deterministic', () => {
    const random = { ...readVolume, deterministic: false };
    const base = outputDigest(result('t.tsv', 'aa'), 'table', random);
    expect(outputDigest(result('t.tsv', 'ab'), 'table', random).digest).toBe(base.digest);
    expect(outputDigest(result('t.tsv', 'aa', 'other'), 'table', random).digest).not.toBe(base.digest);
  });
});
