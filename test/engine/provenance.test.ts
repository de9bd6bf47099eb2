/** What a run leaves in its log folder: provenance, trace, journal and the document that lists it. */
import { readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inputFile, Workflow, type NodeDefinition } from 'neuroloom';
import { listRuns } from '../../src/engine/run-document.js';
import { readRunFacts } from '../../src/report/run-facts.js';
import { Rig } from './rig.js';

type Nodes = Record<'upper' | 'concat' | 'says', NodeDefinition<never, Record<string, never>>>;
const { upper, concat, says } = (await import('./fixtures/nodes.mjs' as string)) as Nodes;

type Records = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Document = Readonly<Record<'entity' | 'activity' | 'used' | 'wasGeneratedBy' | 'agent', Records>>;

function document(rig: Rig, runId: string): Document {
  return JSON.parse(readFileSync(join(rig.output, 'logs', runId, 'prov.json'), 'utf8')) as Document;
}

function texts(rig: Rig, names: readonly string[]): Workflow {
  const wf = new Workflow('texts');
  const items = wf.items(names, { key: (name) => name });
  const source = items.select((name) => inputFile(join(rig.input, name)));
  const each = wf.map(upper, { source } as never);
  const parts = { texts: wf.join(each.out['text'] as never), dropped: [] };
  const all = wf.add(concat, parts as never);
  wf.publish(all.out['text'] as never, 'all.txt');
  return wf;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('provenance leads from the published file to the inputs, by digest', async () => {
  using rig = new Rig({ a: 'one', b: 'two' });
  const { runId } = await texts(rig, ['a', 'b']).run({ outputDir: rig.output, jobs: 1 });

  const { entity, activity, used, wasGeneratedBy, agent } = document(rig, runId);

  const final = `sha256:${sha256(rig.published('all.txt'))}`;
  expect(entity[final]).toMatchObject({ 'prov:location': 'all.txt' });
  const makers = Object.values(wasGeneratedBy).filter((made) => made['prov:entity'] === final);
  expect(makers.map((made) => made['prov:activity'])).toEqual([`attempt:${runId}/concat/1`]);
  const parts = Object.values(used).filter((use) => use['prov:activity'] === makers[0]?.['prov:activity']);
  expect(parts.map((use) => use['prov:entity'])).toEqual([
    `sha256:${sha256('ONE')}`,
    `sha256:${sha256('TWO')}`,
  ]);
  const read = Object.values(used).filter((use) => use['prov:activity'] === `attempt:${runId}/upper[a]/1`);
  expect(read.map((use) => use['prov:entity'])).toEqual([`sha256:${sha256('one')}`]);
  expect(entity[`sha256:${sha256('one')}`]).toMatchObject({ 'prov:location': '../in/a', 'nl:bytes': 3 });
  expect(activity[`attempt:${runId}/upper[b]/1`]).toMatchObject({ 'nl:node': 'upper', 'nl:state': 'done' });
  expect(Object.keys(agent)).toEqual(['software:neuroloom', 'software:node']);
});

test('every id that a relation names is described, and none is described twice', async () => {
  using rig = new Rig({ a: 'one', b: 'two' });
  const { runId } = await texts(rig, ['a', 'b']).run({ outputDir: rig.output, jobs: 1 });
  const text = readFileSync(join(rig.output, 'logs', runId, 'prov.json'), 'utf8');

  const { entity, activity, used, wasGeneratedBy } = JSON.parse(text) as Document;

  for (const relation of [...Object.values(used), ...Object.values(wasGeneratedBy)]) {
    expect(Object.keys(entity)).toContain(relation['prov:entity']);
    expect(Object.keys(activity)).toContain(relation['prov:activity']);
  }
  const described = text.split('\n').flatMap((line) => /^("[^"]+"): \{"prov:type"/.exec(line)?.[1] ?? []);
  expect(new Set(described).size).toBe(described.length);
});

test('what an earlier run described is named by key, not described again', async () => {
  using rig = new Rig({ a: 'one', b: 'two' });
  const first = await texts(rig, ['a', 'b']).run({ outputDir: rig.output, jobs: 1 });
  rig.write('b', 'three');
  const second = await texts(rig, ['a', 'b']).run({ outputDir: rig.output, jobs: 1 });

  const before = document(rig, first.runId);
  const after = document(rig, second.runId);

  expect(Object.keys(after.activity)).toEqual([
    `run:${second.runId}`,
    `attempt:${second.runId}/upper[b]/1`,
    `attempt:${second.runId}/concat/1`,
  ]);
  const ofFirst = Object.values(after.used).find((use) => use['prov:entity'] === `sha256:${sha256('ONE')}`);
  expect(ofFirst?.['nl:key']).toBe(before.activity[`attempt:${first.runId}/upper[a]/1`]?.['nl:key']);
});

test('a run with the results of another output directory describes them itself', async () => {
  using rig = new Rig({ a: 'one' });
  const cacheDir = rig.path('cache');
  await texts(rig, ['a']).run({ outputDir: rig.path('other'), cacheDir });
  const { runId, counts } = await texts(rig, ['a']).run({ outputDir: rig.output, cacheDir });

  const { activity, used } = document(rig, runId);

  expect(counts.executed).toBe(0);
  expect(Object.values(activity).map((one) => one['prov:type'])).toEqual([
    'nl:Run',
    'nl:EarlierResult',
    'nl:EarlierResult',
  ]);
  expect(Object.values(used)).toHaveLength(2);
});

test('trace, journal and run document tell of the same attempts; a run that reuses all has no journal', async () => {
  using rig = new Rig({ a: 'one', b: 'fail' });
  const wf = texts(rig, ['a', 'b']);
  const trace = rig.path('traces/run.json');
  const failed = await wf.run({ outputDir: rig.output, jobs: 1, traceFile: trace });
  const folder = join(rig.output, 'logs', failed.runId);

  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as {
    traceEvents: { name: string; ph: string; dur?: number; args: { state?: string } }[];
  };
  const bars = traceEvents.filter(({ ph }) => ph === 'X');
  expect(bars.map(({ name, args }) => [name, args.state])).toEqual([
    ['upper[a]', 'done'],
    ['upper[b]', 'failed'],
  ]);
  expect(bars.every(({ dur }) => dur !== undefined && dur >= 0)).toBe(true);
  expect(readFileSync(join(folder, 'trace.json'), 'utf8')).toBe(readFileSync(trace, 'utf8'));

  const journal = readFileSync(join(folder, 'log.jsonl'), 'utf8').trim().split('\n');
  const lines = journal.map((line) => JSON.parse(line) as { node: string; level: string; msg: string });
  expect(lines.map(({ node, level, msg }) => `${level} ${node} ${msg}`)).toEqual([
    'info upper[a] started',
    'info upper[a] done',
    'info upper[b] started',
    'error upper[b] failed: the content is fail',
  ]);

  rig.write('b', 'two');
  await wf.run({ outputDir: rig.output, jobs: 1 });
  const quiet = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(readdirSync(join(rig.output, 'logs', quiet.runId)).sort()).toEqual([
    'events.jsonl',
    'prov.json',
    'run.json',
  ]);
  expect(
    listRuns(rig.output).map(({ status, exit_code, counts }) => [status, exit_code, counts?.executed]),
  ).toEqual([
    ['done', 0, 0],
    ['done', 0, 2],
    ['failed', 1, 1],
  ]);
});

test('what a node says stands in the journal, and what it warns of also among the events and in the report', async () => {
  using rig = new Rig();
  const wf = new Workflow('talk');
  wf.add(says, { x: 1 } as never);
  const { runId } = await wf.run({ outputDir: rig.output, jobs: 1 });
  const read = (name: string): Record<string, unknown>[] =>
    readFileSync(join(rig.output, 'logs', runId, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(read('log.jsonl').map(({ level, msg }) => `${String(level)} ${String(msg)}`)).toEqual([
    ...['info started', 'info it begins', 'info metric', 'warn it hardly converges', 'info done'],
  ]);
  const said = read('events.jsonl').filter(({ type }) => /^node-(?:log|metric)$/.test(String(type)));
  expect(said).toMatchObject([{ type: 'node-log', level: 'warn', message: 'it hardly converges' }]);
  expect((await readRunFacts(rig.output, runId)).warnings).toEqual([
    { code: 'says', message: 'it hardly converges', cure: null },
  ]);
});
