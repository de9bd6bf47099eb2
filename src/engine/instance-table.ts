/** What has become of every instance of a run, and what follows from that for those that depend on it. */
import { createHash } from 'node:crypto';
import { StorageError } from '../errors.js';
import type { CacheStore, StoredResult } from './cache-store.js';
import { DigestTable } from './digest-table.js';
import { failure, type NodeFailure } from './failure.js';
import type { Binding, CompiledGraph, Instance } from './graph.js';
import type { Standing } from './standing-results.js';
import { upstreamSkip } from './skip-reason.js';

export type InstanceState = 'waiting' | 'running' | 'done' | 'skipped' | 'failed' | 'not-started';

const IDS_AT_ONCE = 1024;

/** Where results that are no longer kept come from. */
export type ResultStore = Pick<CacheStore, 'stored'>;

/** Results in memory at a time: values may have 64 KiB each. */
const KEPT_RESULTS = 1024;

const STATES: readonly InstanceState[] = ['waiting', 'running', 'done', 'skipped', 'failed', 'not-started'];

/** Reasons shown when a join lacks members. */
const SHOWN_REASONS = 5;

export class InstanceTable {
  #states: Uint8Array;
  /** Results that were used last; instance i has place i modulo their number, and -1 none. */
  readonly #results: (StoredResult | undefined)[] = new Array<StoredResult | undefined>(KEPT_RESULTS);
  readonly #owners = new Int32Array(KEPT_RESULTS).fill(-1);
  readonly #store: ResultStore;
  /** By instance, place in `#runs` of the run that made its result, plus one; 0: it has no result. */
  #origins: Int32Array;
  readonly #runs: (string | null)[] = [null];
  readonly #reasons = new Map<number, string>();
  readonly #keys: DigestTable;
  /** By instance, 1: it is done, and its outputs are values only. */
  #isPlain: Uint8Array;

  /** @param store - gives results again that were told here before */
  constructor(
    readonly graph: CompiledGraph,
    store: ResultStore,
  ) {
    this.#store = store;
    this.#states = new Uint8Array(graph.instances.length);
    this.#origins = new Int32Array(graph.instances.length);
    this.#keys = new DigestTable(graph.instances.length);
    this.#isPlain = new Uint8Array(graph.instances.length);
  }

  instance(index: number): Instance {
    return this.graph.instances[index] as Instance;
  }

  state(index: number): InstanceState {
    // The graph may have grown since.
    return STATES[this.#states[index] ?? 0] as InstanceState;
  }

  set(index: number, state: InstanceState): void {
    if (index >= this.#states.length) {
      const larger = new Uint8Array(Math.max(this.graph.instances.length, index + 1));
      larger.set(this.#states);
      this.#states = larger;
    }
    this.#states[index] = STATES.indexOf(state);
  }

  /** The key of an instance whose inputs were all known, or null. */
  key(index: number): string | null {
    return this.#keys.get(index);
  }

  /** Over the ids of all instances and their keys, in the order of the graph. */
  keysDigest(): string {
    const digest = createHash('sha256');
    const { instances } = this.graph;
    for (let from = 0; from < instances.length; from += IDS_AT_ONCE) {
      const ids = instances.slice(from, from + IDS_AT_ONCE).map(({ id }) => id);
      digest.update(JSON.stringify(ids));
    }
    this.#keys.addTo(digest, instances.length);
    return digest.digest('hex');
  }

  setKey(index: number, key: string): void {
    this.#keys.set(index, key);
  }

  finish(index: number, result: StoredResult): void {
    this.#keys.set(index, result.key);
    this.set(index, result.state);
    if (index >= this.#origins.length) {
      const size = Math.max(this.graph.instances.length, index + 1);
      const larger = new Int32Array(size);
      larger.set(this.#origins);
      this.#origins = larger;
      const largerMarks = new Uint8Array(size);
      largerMarks.set(this.#isPlain);
      this.#isPlain = largerMarks;
    }
    this.#origins[index] = this.#runPlace(result.runId) + 1;
    this.#isPlain[index] = result.state === 'done' && hasNoFiles(result) ? 1 : 0;
    this.#keep(index, result);
    if (result.state === 'skipped') this.#reasons.set(index, result.skipReason ?? 'skipped');
  }

  /**
   * The instance has a result of an earlier run whose outputs are values only.
   *
   * @param keys - of all instances of the graph
   */
  stand(index: number, keys: Buffer, runId: string | null): void {
    this.#keys.copy(index, keys);
    this.set(index, 'done');
    this.#origins[index] = this.#runPlace(runId) + 1;
    this.#isPlain[index] = 1;
  }

  /** As `stand`, for all instances of the graph. */
  standAll({ keys, runs, origins }: Pick<Standing, 'keys' | 'runs' | 'origins'>): void {
    const places = runs.map((run) => this.#runPlace(run) + 1);
    for (let index = 0; index < origins.length; index++) {
      this.#origins[index] = places[origins[index] as number] ?? 1;
    }
    this.#keys.copyAll(keys);
    this.#states.fill(STATES.indexOf('done'));
    this.#isPlain.fill(1);
  }

  /** Whether the key of an instance is the one in a list of the keys of all. */
  hasKey(index: number, keys: Buffer): boolean {
    return this.#keys.equals(index, keys);
  }

  /** How all instances stand, for a run after this one. */
  standing(): Pick<Standing, 'keys' | 'isPlain' | 'runs' | 'origins'> {
    const count = this.graph.instances.length;
    const origins = Int32Array.from(this.#origins.subarray(0, count), (origin) => Math.max(0, origin - 1));
    return {
      keys: this.#keys.list(count),
      isPlain: this.#isPlain.slice(0, count),
      runs: [...this.#runs],
      origins,
    };
  }

  end(index: number, state: 'skipped' | 'failed' | 'not-started', reason: string): void {
    this.set(index, state);
    this.#reasons.set(index, reason);
  }

  /** The result of an instance that is done or skipped itself; undefined for one skipped because of another. */
  result(index: number): StoredResult | undefined {
    const place = index % KEPT_RESULTS;
    if (this.#owners[place] === index) return this.#results[place];
    if ((this.#origins[index] ?? 0) === 0) return undefined;
    const result = this.#store.stored(this.#keys.get(index) as string);
    if (result === null) {
      throw new StorageError('CACHE_CORRUPT', 'a result was removed from the cache while a run needs it', {
        where: this.instance(index).id,
        cure: 'run the same command again; do not remove results while a run goes on',
      });
    }
    this.#keep(index, result);
    return result;
  }

  /** The run that made the result of an instance, null when that is not known; undefined without a result. */
  madeBy(index: number): string | null | undefined {
    const origin = this.#origins[index] ?? 0;
    return origin === 0 ? undefined : this.#runs[origin - 1];
  }

  #keep(index: number, result: StoredResult): void {
    const place = index % KEPT_RESULTS;
    this.#owners[place] = index;
    this.#results[place] = result;
  }

  /** Most results of a run come from few runs, and from the same as the one before. */
  #runPlace(runId: string | null): number {
    const last = this.#runs.length - 1;
    if (this.#runs[last] === runId) return last;
    const known = this.#runs.indexOf(runId);
    return known >= 0 ? known : this.#runs.push(runId) - 1;
  }

  /** Why an ended instance has no outputs, or null when it has. */
  missing(index: number): string | null {
    return this.state(index) === 'done' ? null : this.reason(index);
  }

  /** Why an instance is skipped, failed or not started. */
  reason(index: number): string {
    return this.#reasons.get(index) ?? '';
  }
}

function hasNoFiles({ outputs }: StoredResult): boolean {
  for (const name in outputs) {
    const kind = outputs[name]?.kind;
    if (kind === 'file' || kind === 'list') return false;
  }
  return true;
}

/** What the states of its dependencies mean for an instance. */
export type Judgement =
  | { readonly kind: 'go' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'not-started'; readonly because: string }
  | { readonly kind: 'fail'; readonly failure: NodeFailure };

const GO: Judgement = { kind: 'go' };

/** Judges an instance all of whose dependencies have come to an end. A failure above outranks a skip. */
export function judge(table: InstanceTable, instance: Instance): Judgement {
  const refusal = table.graph.refused.get(instance.index);
  if (refusal !== undefined) return { kind: 'fail', failure: refusal };
  // What is not wanted is not looked at further.
  for (const condition of instance.conditions) {
    const found = judgeCondition(table, condition);
    if (found.kind !== 'go') return found;
  }
  let verdict: Judgement = GO;
  for (const port in instance.inputs) {
    const found = judgeBinding(table, instance.inputs[port] as Binding);
    if (found.kind === 'not-started') return found;
    if (found.kind === 'fail' || (found.kind === 'skip' && verdict.kind === 'go')) verdict = found;
  }
  return verdict;
}

function judgeCondition(table: InstanceTable, condition: Binding): Judgement {
  if (condition.kind !== 'output') return GO;
  const verdict = judgeSingle(table, condition.instance);
  if (verdict.kind !== 'go') return verdict;
  const record = table.result(condition.instance)?.outputs[condition.port];
  if (record?.kind === 'value' && record.value === true) return GO;
  return { kind: 'skip', reason: `${table.instance(condition.instance).id}.${condition.port} is false` };
}

function judgeBinding(table: InstanceTable, binding: Binding): Judgement {
  switch (binding.kind) {
    case 'value':
    case 'external':
    case 'dropped':
      return GO;
    case 'output':
      if (binding.orNull === true && table.state(binding.instance) === 'skipped') return GO;
      return judgeSingle(table, binding.instance);
    case 'element':
      return judgeSingle(table, binding.instance);
    case 'join':
      return judgeJoin(table, binding);
    case 'list': {
      let verdict: Judgement = GO;
      for (const item of binding.items) {
        const found = judgeBinding(table, item);
        if (found.kind === 'not-started') return found;
        if (found.kind === 'fail' || verdict.kind === 'go') verdict = found;
      }
      return verdict;
    }
  }
}

function judgeSingle(table: InstanceTable, index: number): Judgement {
  const { id } = table.instance(index);
  switch (table.state(index)) {
    case 'skipped':
      return { kind: 'skip', reason: upstreamSkip(id, table.reason(index)) };
    case 'failed':
      return { kind: 'not-started', because: `${id} failed` };
    case 'not-started':
      return { kind: 'not-started', because: `${id} was not started` };
    case 'done':
    case 'waiting':
    case 'running':
      return GO;
  }
}

function judgeJoin(table: InstanceTable, binding: Extract<Binding, { kind: 'join' }>): Judgement {
  const missing: string[] = [];
  for (const member of binding.members) {
    const state = table.state(member);
    if (binding.minItems === null && (state === 'failed' || state === 'not-started')) {
      return judgeSingle(table, member);
    }
    if (state !== 'done') missing.push(`${table.instance(member).id}: ${table.reason(member)}`);
  }
  const there = binding.members.length - missing.length;
  const needed = binding.minItems ?? binding.members.length;
  if (there >= needed) return GO;
  const shown = missing.slice(0, SHOWN_REASONS).join('; ');
  const more = missing.length > SHOWN_REASONS ? `; and ${missing.length - SHOWN_REASONS} more` : '';
  return {
    kind: 'fail',
    failure: failure('requirement', 'REQUIREMENT', {
      message: `${there} of ${binding.members.length} items are there, at least ${needed} are needed: ${shown}${more}`,
      cure: 'mend the items that are missing, or ask for fewer',
    }),
  };
}

/** Whether every way a binding uses an instance can do without it. */
function toleratesLoss(binding: Binding, index: number): boolean {
  switch (binding.kind) {
    case 'value':
    case 'external':
    case 'dropped':
      return true;
    case 'output':
    case 'element':
      return binding.instance !== index;
    case 'join':
      return binding.minItems !== null || !binding.members.includes(index);
    case 'list':
      return binding.items.every((item) => toleratesLoss(item, index));
  }
}

/**
 * Whether the failure of an instance is one that joins allow: some join goes without it, or without what needs it, and what else it
 * costs are nodes of the same items that nothing depends on.
 *
 * @param consumerHolds - whether a dependant that can do without it got what it needs
 */
export function isAllowedFailure(
  table: InstanceTable,
  index: number,
  consumerHolds: (consumer: number) => boolean,
): boolean {
  const { offsets, targets } = table.graph.dependents;
  // Iterative: a chain below a failure may be as long as the graph.
  const seen = new Set<number>([index]);
  const open = [index];
  const leaves: number[] = [];
  /** Keys of the items that joins go without. */
  const missing = new Set<string | null>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const from = offsets[at] as number;
    const to = offsets[at + 1] as number;
    if (from === to) leaves.push(at);
    for (let edge = from; edge < to; edge++) {
      const consumer = targets[edge] as number;
      const lost = at;
      const { inputs, conditions } = table.instance(consumer);
      const tolerant = [...Object.values(inputs), ...conditions].every((binding) =>
        toleratesLoss(binding, lost),
      );
      if (tolerant) {
        if (!consumerHolds(consumer)) return false;
        missing.add(table.instance(lost).itemKey);
      } else if (!seen.has(consumer)) {
        seen.add(consumer);
        open.push(consumer);
      }
    }
  }
  if (missing.size === 0) return false;
  missing.add(table.instance(index).itemKey);
  // What is not of an item is of the whole run, and of another item more than the failure may cost.
  return leaves.every((leaf) => {
    const { itemKey } = table.instance(leaf);
    return itemKey !== null && missing.has(itemKey);
  });
}
