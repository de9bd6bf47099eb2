import { expect, test } from 'vitest';
import { LOAD, letterRig } from './letters.js';

const GRAPH = [...LOAD, 'graph', '-w', 'letters', '-i', 'in', '-o', 'out'];

test('graph names each node below what it takes from, its items and what it publishes', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });

  const { exitCode, stdout } = await rig.command(GRAPH);

  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    'letters\n\nread_letter x 2\n\njoin_letters\n  texts <- all of read_letter\n  -> letters/all.txt\n',
  );
  expect(await rig.list('out')).toEqual([]);
});

test('graph is written for Mermaid, Graphviz and programs', async () => {
  await using rig = await letterRig({ a: 'a' });

  const mermaid = await rig.command([...GRAPH, '--format', 'mermaid']);
  const dot = await rig.command([...GRAPH, '--format', 'dot']);
  const json = await rig.command([...GRAPH, '--format', 'json']);

  expect(mermaid.stdout.split('\n')).toEqual([
    'flowchart TD',
    '  n0[["read_letter x 1"]]',
    '  n1["join_letters"]',
    '  n1 --> p1_0("letters/all.txt")',
    '  n0 ==>|"texts"| n1',
    '',
  ]);
  expect(dot.stdout).toContain('"read_letter" -> "join_letters" [label="texts", style=bold];');
  expect(JSON.parse(json.stdout)).toMatchObject({
    workflow: 'letters',
    edges: [{ from: 'read_letter', to: 'join_letters', port: 'texts', kind: 'gather' }],
  });
});
