/**
 * `logs/<run-id>/prov.json`: where the results of a run come from, as W3C PROV in its JSON form. Activities are attempts,
 * entities are files by the digest of their content (and small values), agents are programs with their version.
 *
 * Results that an earlier run of the same output directory made and described are not described again; what was
 * used carries the key of the result that it came from, by which a reader finds the run that made it.
 *
 * @see https://www.w3.org/submissions/prov-json/
 */
import { basename, relative, sep } from 'node:path';
import type { FileFacts } from './cache-store.js';
import { eachLeaf, eachSource, type Source } from './instance-sources.js';
import type { InstanceTable } from './instance-table.js';
import type { TimedAttempt } from './timeline.js';

/** Longest text of a value that stands in the document, characters. */
const SHOWN_VALUE = 200;

export interface ProvenanceFacts {
  readonly runId: string;
  readonly workflow: string;
  /** ms since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Places of files outside the graph are told relative to it. */
  readonly outputDir: string;
  readonly table: InstanceTable;
  readonly attempts: readonly TimedAttempt[];
  /** What is known of a file outside the graph. */
  readonly file: (path: string) => FileFacts | null;
  /** Published files by digest: names relative to the output directory. */
  readonly published: ReadonlyMap<string, readonly string[]>;
  /** Whether a run of this output directory left a description of the results that it made; null: unknown run. */
  readonly isDescribed: (runId: string | null) => boolean;
  /** Programs by name. */
  readonly software: Readonly<Record<string, string>>;
}

/** An activity of the document and the instance whose inputs it used. */
interface Activity {
  readonly id: string;
  readonly index: number;
  readonly key: string;
  readonly attempt: TimedAttempt | null;
}

/** The document in pieces, so that it never stands in memory as a whole. */
export function* provenanceJson(facts: ProvenanceFacts): Generator<string> {
  const activities = activitiesOf(facts);
  yield '{\n"prefix": ';
  yield JSON.stringify({
    sha256: 'urn:sha256:',
    value: 'urn:neuroloom:value:',
    run: 'urn:neuroloom:run:',
    attempt: 'urn:neuroloom:attempt:',
    result: 'urn:neuroloom:result:',
    software: 'urn:neuroloom:software:',
    nl: 'urn:neuroloom:',
  });
  yield* section('agent', agents(facts));
  yield* section('activity', activityRecords(facts, activities));
  yield* section('entity', entityRecords(facts, activities));
  yield* section('used', usedRecords(facts, activities));
  yield* section('wasGeneratedBy', generationRecords(facts, activities));
  yield* section('wasAssociatedWith', associationRecords(facts, activities));
  yield '\n}\n';
}

/** Id of the entity of a file's content. */
export function fileEntity(digest: string): string {
  return `sha256:${digest}`;
}

/** Id of the activity of an attempt. */
export function attemptActivity(runId: string, instance: string, n: number): string {
  return `attempt:${runId}/${escaped(instance)}/${n}`;
}

type ProvRecord = readonly [id: string, attributes: object];

function* section(name: string, records: Iterable<ProvRecord>): Generator<string> {
  yield `,\n${JSON.stringify(name)}: {`;
  let isFirst = true;
  for (const [id, attributes] of records) {
    yield `${isFirst ? '' : ','}\n${JSON.stringify(id)}: ${JSON.stringify(attributes)}`;
    isFirst = false;
  }
  yield '}';
}

function activitiesOf({ table, attempts, runId, isDescribed }: ProvenanceFacts): Activity[] {
  const activities: Activity[] = [];
  const byId = new Map<string, TimedAttempt[]>();
  for (const attempt of attempts) {
    const known = byId.get(attempt.id);
    if (known === undefined) byId.set(attempt.id, [attempt]);
    else known.push(attempt);
  }
  const seen = new Set<string>();
  const { length } = table.graph.instances;
  for (let index = 0; index < length; index += 1) {
    const own = byId.size === 0 ? undefined : byId.get(table.instance(index).id);
    if (own !== undefined) {
      for (const attempt of own) {
        const activity = attemptActivity(runId, attempt.id, attempt.n);
        activities.push({ id: activity, index, key: attempt.key, attempt });
      }
      continue;
    }
    const madeBy = table.madeBy(index);
    if (madeBy === undefined || isDescribed(madeBy)) continue;
    const key = table.key(index);
    if (key === null || seen.has(key)) continue;
    seen.add(key);
    activities.push({ id: `result:${key}`, index, key, attempt: null });
  }
  return activities;
}

function* agents({ software }: ProvenanceFacts): Generator<ProvRecord> {
  for (const [name, version] of Object.entries(software)) {
    yield [
      `software:${escaped(name)}`,
      { 'prov:type': 'prov:SoftwareAgent', 'prov:label': name, 'nl:version': version },
    ];
  }
}

function* activityRecords(facts: ProvenanceFacts, activities: readonly Activity[]): Generator<ProvRecord> {
  const { runId, workflow, beganAt, endedAt, table } = facts;
  yield [
    `run:${runId}`,
    {
      'prov:type': 'nl:Run',
      'prov:label': workflow,
      'prov:startTime': new Date(beganAt).toISOString(),
      'prov:endTime': new Date(endedAt).toISOString(),
    },
  ];
  for (const { id, index, key, attempt } of activities) {
    const instance = table.instance(index);
    const attributes: Record<string, unknown> = {
      'prov:type': attempt === null ? 'nl:EarlierResult' : 'nl:Attempt',
      'prov:label': instance.id,
      'nl:node': instance.node.name,
      'nl:nodeVersion': instance.node.version,
      'nl:key': key,
    };
    if (attempt !== null) {
      attributes['prov:startTime'] = new Date(beganAt + attempt.startMs).toISOString();
      attributes['prov:endTime'] = new Date(beganAt + attempt.endMs).toISOString();
      attributes['nl:state'] = attempt.state;
      attributes['nl:reason'] = attempt.reason;
    }
    for (const port in instance.inputs) {
      const binding = instance.inputs[port];
      if (binding?.kind !== 'value' || binding.parsed === undefined) continue;
      attributes[`nl:param:${port}`] = shown(binding.parsed);
    }
    yield [id, attributes];
  }
}

/** Every file and value that was used, made or published, each once. */
function* entityRecords(facts: ProvenanceFacts, activities: readonly Activity[]): Generator<ProvRecord> {
  const { table, published, file, outputDir } = facts;
  const seen = new Set<string>();
  for (const { index, attempt } of activities) {
    const found: ProvRecord[] = [];
    const add = (id: string, attributes: () => object): void => {
      if (seen.has(id)) return;
      seen.add(id);
      found.push([id, attributes()]);
    };
    const addLeaf = (key: string, port: string, leaf: Leaf): void => {
      add(leafEntity(key, port, leaf), () => leafAttributes(leaf, published));
    };
    eachSource(table, index, (_port, source) => {
      if (source.kind === 'output') {
        addLeaf(table.result(source.instance)?.key ?? '', source.port, source.record);
        return;
      }
      const known = file(source.path);
      if (known?.state !== 'present') return;
      add(fileEntity(known.digest), () => ({
        'prov:type': 'nl:File',
        'prov:label': basename(source.path),
        'prov:location': relative(outputDir, source.path).split(sep).join('/'),
        'nl:bytes': known.bytes,
      }));
    });
    if (attempt === null || attempt.state === 'done') {
      eachOutput(table, index, (key, port, leaf) => {
        addLeaf(key, port, leaf);
      });
    }
    yield* found;
  }
  for (const [digest, names] of published) {
    const id = fileEntity(digest);
    if (seen.has(id)) continue;
    seen.add(id);
    yield [
      id,
      { 'prov:type': 'nl:File', 'prov:label': basename(names[0] ?? ''), 'prov:location': places(names) },
    ];
  }
}

function* usedRecords(facts: ProvenanceFacts, activities: readonly Activity[]): Generator<ProvRecord> {
  const { table, file } = facts;
  let number = 0;
  for (const { id, index } of activities) {
    const found: ProvRecord[] = [];
    eachSource(table, index, (port, source) => {
      const entity = sourceEntity(table, source, file);
      if (entity === null) return;
      const use: Record<string, unknown> = {
        'prov:activity': id,
        'prov:entity': entity,
        'prov:role': port,
      };
      if (source.kind === 'output') use['nl:key'] = table.result(source.instance)?.key;
      number += 1;
      found.push([`_:u${number}`, use]);
    });
    yield* found;
  }
}

function* generationRecords(
  { table }: ProvenanceFacts,
  activities: readonly Activity[],
): Generator<ProvRecord> {
  let number = 0;
  for (const { id, index, attempt } of activities) {
    if (attempt !== null && attempt.state !== 'done') continue;
    const found: ProvRecord[] = [];
    eachOutput(table, index, (key, port, leaf) => {
      number += 1;
      const made = { 'prov:entity': leafEntity(key, port, leaf), 'prov:activity': id, 'prov:role': port };
      found.push([`_:g${number}`, made]);
    });
    yield* found;
  }
}

function* associationRecords(
  { software }: ProvenanceFacts,
  activities: readonly Activity[],
): Generator<ProvRecord> {
  const agent = `software:${escaped(Object.keys(software)[0] ?? '')}`;
  let number = 0;
  for (const { id } of activities) {
    number += 1;
    yield [`_:a${number}`, { 'prov:activity': id, 'prov:agent': agent }];
  }
}

type Leaf = Extract<Source, { kind: 'output' }>['record'];

function eachOutput(
  table: InstanceTable,
  index: number,
  visit: (key: string, port: string, leaf: Leaf) => void,
): void {
  const result = table.result(index);
  if (result === undefined) return;
  for (const port in result.outputs) {
    const record = result.outputs[port];
    if (record === undefined) continue;
    eachLeaf(record, (leaf) => {
      visit(result.key, port, leaf);
    });
  }
}

function sourceEntity(table: InstanceTable, source: Source, file: ProvenanceFacts['file']): string | null {
  if (source.kind === 'output') {
    return leafEntity(table.result(source.instance)?.key ?? '', source.port, source.record);
  }
  const known = file(source.path);
  return known?.state === 'present' ? fileEntity(known.digest) : null;
}

function leafEntity(key: string, port: string, leaf: Leaf): string {
  return leaf.kind === 'file' ? fileEntity(leaf.digest) : `value:${key}/${escaped(port)}`;
}

function leafAttributes(leaf: Leaf, published: ProvenanceFacts['published']): object {
  if (leaf.kind === 'value') return { 'prov:type': 'nl:Value', 'prov:value': shown(leaf.value) };
  const names = published.get(leaf.digest);
  return {
    'prov:type': 'nl:File',
    'prov:label': basename(leaf.rel),
    ...(names !== undefined && { 'prov:location': places(names) }),
    'nl:bytes': leaf.bytes,
  };
}

function places(names: readonly string[]): string | readonly string[] {
  return names.length === 1 ? (names[0] as string) : names;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE - 3)}...` : text;
}

/** Ids stand behind a prefix and a colon: whatever is not a plain character is written as its bytes. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll('%5B', '[').replaceAll('%5D', ']').replaceAll('%40', '@');
}
