/** What a run does with each instance as the scheduler brings it up, and the account of all of them. */
import PQueue from 'p-queue';
import { rerunCommand } from './crash-record.js';
import type { RunCounts, RunEvent } from './events.js';
import { failure, type NodeFailure } from './failure.js';
import { judge, isAllowedFailure, type InstanceTable } from './instance-table.js';
import type { ExternalFacts } from './inputs.js';
import type { InstanceEnd, InstanceRunner, Order } from './instance-runner.js';
import type { CacheStore, StoredResult } from './cache-store.js';
import { expandLists, loseLists } from './expand-lists.js';
import { isIsolated, type Publication } from './graph.js';
import { killPoint } from './kill-points.js';
import type { NodeDefinition } from './node.js';
import { NodePace } from './node-pace.js';
import type { Planner } from './planner.js';
import type { PublishedFile, Publisher } from './publish.js';
import type { Retries } from './retry.js';
import { ReuseNotes } from './reuse-notes.js';
import type { ReusedBatch } from './reused-batch.js';
import type { StandingResults } from './standing-results.js';
import { RunAccount, type NodeReport, type NodeState } from './run-account.js';
import type { ViewedRun } from './run-view.js';
import type { Decision, SchedulerWork } from './scheduler.js';

export interface RunWorkOptions {
  readonly runId: string;
  readonly table: InstanceTable;
  readonly store: CacheStore;
  readonly planner: Planner;
  readonly runner: InstanceRunner;
  /** Whether the executor runs short nodes in batches. */
  readonly takesBatches: boolean;
  readonly publisher: Publisher;
  /** For the command in messages. */
  readonly outputDir: string;
  readonly retries: Retries;
  /** Memory that the run has; no node is given more. */
  readonly memoryGb: number;
  readonly cancel: (id: string, now: boolean) => void;
  readonly emit: (event: RunEvent) => void;
  readonly standing: StandingResults;
  /** Reused instances are told together. */
  readonly reused: ReusedBatch;
}

/** Files that are copied at a time. */
const PUBLISH_AT_A_TIME = 2;
/** How soon to look again for a result that another run is working on. */
const HELD_RETRY_MS = 200;
const NONE: readonly number[] = [];
const SETTLED: Decision = { kind: 'settled' };

interface Group {
  readonly publications: Publication[];
  /** Instances that have not come to an end. */
  readonly open: Set<number>;
}

export class RunWork implements SchedulerWork, ViewedRun {
  readonly #options: RunWorkOptions;
  readonly #account: RunAccount;
  readonly #notes: ReuseNotes;
  readonly #orders = new Map<number, Order>();
  readonly #running = new Set<number>();
  readonly #pace = new NodePace();
  /** Told that another run works on their result. */
  readonly #waiting = new Set<number>();
  /** By key: the instance that is to make the result, and those that wait for it. */
  readonly #working = new Map<string, { readonly index: number; readonly parked: number[] }>();
  readonly #groupsOf = new Map<number, Group[]>();
  readonly #groups: Group[] = [];
  readonly #groupsByName = new Map<string, Group>();
  readonly #publishing = new PQueue({ concurrency: PUBLISH_AT_A_TIME });
  readonly #published: PublishedFile[] = [];
  #isStopping = false;
  #publishError: { readonly error: unknown } | null = null;

  constructor(options: RunWorkOptions) {
    this.#options = options;
    this.#account = new RunAccount(options.table);
    this.#notes = new ReuseNotes(options);
    this.#groupPublications(0);
  }

  together(look: () => void): void {
    const { store, reused } = this.#options;
    store.lookTogether(look);
    reused.flush();
  }

  /**
   * Takes the results of all instances without looking at one, where the last run left everything as it is now; then
   * nothing is left to schedule.
   */
  takeAll(): boolean {
    const { table, standing, reused } = this.#options;
    if (!standing.takeAll()) return false;
    this.#account.noteAll('reused');
    for (const { id, index } of table.graph.instances) {
      reused.add(id);
      this.#notes.reused(index);
    }
    reused.flush();
    for (const index of this.#groupsOf.keys()) this.#ended(index);
    return true;
  }

  decide(index: number): Decision | Promise<Decision> {
    const { table, planner, standing, reused } = this.#options;
    const instance = table.instance(index);
    if (standing.take(index)) {
      reused.add(instance.id);
      this.#notes.reused(index);
      this.#account.note(index, 'reused', null);
      this.#ended(index);
      return SETTLED;
    }
    const verdict = judge(table, instance);
    switch (verdict.kind) {
      case 'skip':
        this.#skip(index, verdict.reason, null, false);
        return SETTLED;
      case 'not-started':
        this.#notStarted(index, verdict.because, false);
        return SETTLED;
      case 'fail':
        this.#fail(index, null, verdict.failure, { ms: 0, logTail: '', logPath: null, crashPath: null });
        return SETTLED;
      case 'go': {
        const facts = planner.facts(instance);
        if (facts instanceof Promise) return facts.then((known) => this.#assess(index, known));
        return this.#assess(index, facts);
      }
    }
  }

  #assess(index: number, facts: ExternalFacts): Decision {
    const { planner, table, emit, reused } = this.#options;
    const found = planner.assess(index, facts);
    if (found.kind === 'run') {
      // Two instances may have one key: the second takes the result of the first.
      const { key } = found.fingerprint;
      const other = this.#working.get(key);
      if (other !== undefined && other.index !== index) {
        other.parked.push(index);
        return { kind: 'parked' };
      }
      this.#working.set(key, other ?? { index, parked: [] });
      const { fingerprint, reason } = found;
      this.#orders.set(index, { index, fingerprint, reason, facts, attempt: 1 });
      return { kind: 'run' };
    }
    const { id } = table.instance(index);
    const { key } = found.fingerprint;
    const before = this.#orders.get(index);
    this.#orders.delete(index);
    table.setKey(index, key);
    if (before === undefined && !found.adopted) this.#options.standing.found(index);
    this.#notes.reused(index);
    if (found.result.state === 'skipped') {
      this.#skip(index, found.result.skipReason ?? 'skipped', found.result, before === undefined);
      return SETTLED;
    }
    const isTakenOver = found.adopted || this.#waiting.has(index);
    if (isTakenOver) emit({ type: 'node-adopted', id, key });
    else reused.add(id);
    this.#account.note(index, 'reused', key);
    this.#finish(index, found.result);
    return SETTLED;
  }

  batchSize(index: number): number {
    const instance = this.#options.table.instance(index);
    return this.#options.takesBatches && !isIsolated(instance) ? this.#pace.batchSize(instance.node) : 1;
  }

  async execute(index: number, batch: number | null): Promise<Decision> {
    const order = this.#orders.get(index);
    if (order === undefined) throw new Error(`instance ${index} was started before it was looked at`);
    this.#notes.willRun();
    this.#running.add(index);
    let end: InstanceEnd;
    try {
      end = await this.#options.runner.run(order, batch);
    } finally {
      this.#running.delete(index);
    }
    if (end.kind === 'returned') return { kind: 'run' };
    if (end.kind === 'elsewhere') {
      if (!end.isDone && !this.#waiting.has(index)) {
        this.#waiting.add(index);
        const { id } = this.#options.table.instance(index);
        this.#options.emit({ type: 'node-waiting', id, key: order.fingerprint.key });
      }
      return { kind: 'later', afterMs: end.isDone ? 0 : HELD_RETRY_MS };
    }
    this.#orders.delete(index);
    const { key } = order.fingerprint;
    const { node } = this.#options.table.instance(index);
    this.#pace.note(node, end.kind === 'failed' ? Infinity : end.result.ms);
    if (end.kind === 'failed') {
      if (end.failure.failureClass === 'cancelled') this.#cancelled(index, order);
      else if (this.#retries(index, order, end.failure)) return { kind: 'run' };
      else this.#fail(index, order, end.failure, end);
    } else if (end.result.state === 'skipped') {
      this.#skip(index, end.result.skipReason ?? 'skipped', end.result, false, order);
    } else {
      const { id } = this.#options.table.instance(index);
      const { attempt: attempts } = order;
      this.#options.emit({ type: 'node-done', id, key, ms: end.ms, peakMb: end.peakMb, attempts });
      this.#account.note(index, 'executed', key, { reason: order.reason, attempts });
      this.#finish(index, end.result);
    }
    return SETTLED;
  }

  cancelAll(now: boolean): void {
    this.#isStopping = true;
    for (const index of this.#running) this.#options.cancel(this.#options.table.instance(index).id, now);
  }

  abandon(index: number, because: string): void {
    this.#notStarted(index, because, true);
  }

  unfold(index: number | null): boolean {
    const { graph } = this.#options.table;
    const before = graph.instances.length;
    const known = graph.publications.length;
    if (index === null) loseLists(graph);
    else expandLists(this.#options.table, index);
    const added = graph.instances.length - before;
    this.#groupPublications(known);
    if (added === 0) return false;
    const because = index === null ? null : this.#options.table.instance(index).id;
    this.#options.emit({ type: 'nodes-added', because, added, nodes: graph.instances.length });
    return true;
  }

  released(index: number): readonly number[] {
    if (this.#working.size === 0) return NONE;
    const key = this.#options.table.key(index);
    const working = key === null ? undefined : this.#working.get(key);
    if (working?.index !== index) return NONE;
    this.#working.delete(key as string);
    return working.parked;
  }

  isFatal(index: number): boolean {
    return this.#options.table.state(index) === 'failed' && !this.#mayBeAllowed(index);
  }

  /** Publishes what was held back, waits for all copies, and closes the history of the run. */
  async finishPublishing(): Promise<void> {
    let mayLose: boolean | null = null;
    for (const group of this.#groups) {
      if (group.open.size > 0) continue;
      const lost = group.publications.filter(({ instance }) => this.#isLost(instance));
      if (lost.length === 0) continue;
      // Where all failures are allowed, so is what hangs below them.
      const isAllowed =
        lost.every(({ instance }) => this.#isAllowed(instance)) || (mayLose ??= this.failures().allowed);
      if (isAllowed) this.#publish(group);
    }
    await this.#publishing.onIdle();
    if (this.#publishError !== null) throw this.#publishError.error;
    const { failed, notStarted } = this.#account.counts();
    this.#notes.close(failed === 0 && notStarted === 0);
  }

  /** After an error: copies that have not begun are given up, those that have are waited for. */
  async stopPublishing(): Promise<void> {
    this.#publishing.clear();
    await this.#publishing.onIdle();
  }

  get published(): readonly PublishedFile[] {
    return this.#published;
  }

  reports(): NodeReport[] {
    return this.#account.reports();
  }

  counts(): RunCounts {
    return this.#account.counts();
  }

  endOf(index: number): NodeState | undefined {
    return this.#account.state(index);
  }

  runningIndices(): Iterable<number> {
    return this.#running;
  }

  meanMs(node: NodeDefinition): number | null {
    return this.#pace.meanMs(node);
  }

  /** Failed instances, and whether every one of them is a failure that joins allow. */
  failures(): { readonly all: readonly NodeReport[]; readonly allowed: boolean } {
    const all: NodeReport[] = [];
    let allowed = true;
    for (const index of this.#account.ended('failed')) {
      all.push(this.#account.report(index) as NodeReport);
      allowed &&= this.#isAllowed(index);
    }
    return { all, allowed };
  }

  #finish(index: number, result: StoredResult): void {
    this.#options.table.finish(index, result);
    this.#ended(index);
  }

  #skip(
    index: number,
    reason: string,
    result: StoredResult | null,
    reused: boolean,
    order: Order | null = null,
  ): void {
    const { table, emit } = this.#options;
    if (result === null) table.end(index, 'skipped', reason);
    else table.finish(index, result);
    emit({ type: 'node-skipped', id: table.instance(index).id, reason, reused });
    this.#account.note(index, 'skipped', result?.key ?? null, {
      because: reason,
      reason: order?.reason ?? null,
    });
    this.#ended(index);
  }

  /** Puts the instance in line again when its failure may not come again; tells so. */
  #retries(index: number, order: Order, { failureClass, message }: NodeFailure): boolean {
    const { table, emit, retries, memoryGb } = this.#options;
    const { id, retry, resources, timeoutMs } = table.instance(index);
    if (this.#isStopping) return false;
    const next = retries.next(index, failureClass, retry, { resources, timeoutMs }, memoryGb);
    if (next === null) return false;
    table.graph.raise(index, next);
    this.#orders.set(index, { ...order, attempt: order.attempt + 1 });
    emit({
      type: 'node-retried',
      id,
      attempt: order.attempt,
      failureClass,
      message,
      memoryGb: next.resources.memoryGb,
      timeoutMs: next.timeoutMs,
    });
    return true;
  }

  #fail(
    index: number,
    order: Order | null,
    cause: NodeFailure,
    end: Omit<Extract<InstanceEnd, { kind: 'failed' }>, 'kind' | 'failure'>,
  ): void {
    const { table, emit } = this.#options;
    table.end(index, 'failed', cause.message);
    emit({
      type: 'node-failed',
      id: table.instance(index).id,
      ...cause,
      ms: end.ms,
      logTail: end.logTail,
      logPath: end.logPath,
      crashPath: end.crashPath,
      rerun: end.crashPath === null ? null : rerunCommand(table.instance(index).id, this.#options.outputDir),
      attempts: order?.attempt ?? 0,
      allowed: this.#mayBeAllowed(index),
    });
    this.#account.note(index, 'failed', order?.fingerprint.key ?? null, {
      error: cause,
      attempts: order?.attempt ?? 0,
      reason: order?.reason ?? null,
    });
    this.#ended(index);
  }

  #notStarted(index: number, because: string, stopped: boolean): void {
    const { table, emit } = this.#options;
    table.end(index, 'not-started', because);
    emit({ type: 'node-not-started', id: table.instance(index).id, because, stopped });
    this.#account.note(index, 'not-started', null, { because });
    this.#ended(index);
  }

  #cancelled(index: number, order: Order): void {
    const { table, emit } = this.#options;
    const because = 'it was cancelled while it ran';
    table.end(index, 'not-started', because);
    emit({ type: 'node-cancelled', id: table.instance(index).id });
    this.#account.note(index, 'cancelled', order.fingerprint.key, {
      because,
      reason: order.reason,
      error: failure('cancelled', 'CANCELLED', { message: because, cure: 'run again to go on' }),
    });
    this.#ended(index);
  }

  #groupPublications(from: number): void {
    const { publications } = this.#options.table.graph;
    for (const publication of publications.slice(from)) {
      const known = publication.group === null ? undefined : this.#groupsByName.get(publication.group);
      const group = known ?? { publications: [], open: new Set<number>() };
      if (known === undefined) this.#groups.push(group);
      if (publication.group !== null) this.#groupsByName.set(publication.group, group);
      group.publications.push(publication);
      if (!group.open.has(publication.instance)) {
        group.open.add(publication.instance);
        const groups = this.#groupsOf.get(publication.instance) ?? [];
        groups.push(group);
        this.#groupsOf.set(publication.instance, groups);
      }
    }
  }

  /** A group appears when all its members have ended well; one with failed members is looked at again at the end. */
  #ended(index: number): void {
    for (const group of this.#groupsOf.get(index) ?? []) {
      group.open.delete(index);
      if (group.open.size > 0) continue;
      if (!group.publications.some(({ instance }) => this.#isLost(instance))) this.#publish(group);
    }
  }

  #isLost(index: number): boolean {
    const state = this.#options.table.state(index);
    return state !== 'done' && state !== 'skipped';
  }

  #publish(group: Group): void {
    const { table, publisher, emit } = this.#options;
    const members = group.publications.flatMap((publication) => {
      const result = table.result(publication.instance);
      return result === undefined ? [] : [{ publication, result }];
    });
    if (members.length === 0) return;
    killPoint('before-publish');
    void this.#publishing.add(async () => {
      try {
        for (const file of await publisher.publish(members)) {
          this.#published.push(file);
          emit({
            type: 'published',
            path: file.path,
            id: table.instance(file.instance).id,
            fresh: file.fresh,
          });
        }
      } catch (error) {
        // Other files are still worth publishing; the run ends with the first error.
        this.#publishError ??= { error };
      }
    });
  }

  #mayBeAllowed(index: number): boolean {
    return isAllowedFailure(this.#options.table, index, () => true);
  }

  /** A dependant that could do without a lost member holds unless it failed for want of members, or was stopped. */
  #isAllowed(index: number): boolean {
    return isAllowedFailure(this.#options.table, index, (consumer) => {
      const report = this.#account.report(consumer);
      if (report === null || report.state === 'not-started') return false;
      return report.error?.failureClass !== 'requirement';
    });
  }
}
