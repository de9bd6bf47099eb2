/**
 * Runs tasks as array jobs of a cluster scheduler. The status files that the jobs leave are its truth; the scheduler is
 * asked rarely, for all jobs at once, and only believed about jobs that are silent. Nothing is submitted a second time
 * before the scheduler was asked for the token of the first.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RequirementError } from '../../errors.js';
import type { RunEvent } from '../events.js';
import { endedByParent, failure, type NodeFailure } from '../failure.js';
import { killPoint } from '../kill-points.js';
import { readLogTail } from '../log-capture.js';
import type { ResourceLimits } from '../resource-pool.js';
import { adoptEarlierJobs, forgetGroup, groupFolder, type BatchStore } from './batch-adoption.js';
import {
  attemptFolder,
  attemptLogs,
  elementLog,
  jobScript,
  listDone,
  readStatus,
  writeGroup,
  type TaskStatus,
} from './batch-files.js';
import {
  isDone,
  isFinished,
  isQueued,
  openElements,
  type Element,
  type Entry,
  type Group,
  type Slot,
} from './batch-group.js';
import { judgeSilentEnd, type Judgement } from './batch-judge.js';
import type { BatchJob, BatchJobState, BatchScheduler, CancelTarget } from './batch-scheduler.js';
import { crashLogs, takeScratch } from './batch-leftovers.js';
import type { Executor, ExecutorOutcome, ExecutorTask } from './executor.js';
import { evenPacks, packSize, throttleFor } from './packing.js';

/** Times in ms. */
export interface BatchSettings {
  readonly pollMs: number;
  readonly statusMs: number;
  readonly graceMs: number;
  readonly packMs: number;
  readonly maxQueued: number;
}

export interface BatchExecutorOptions {
  readonly scheduler: BatchScheduler;
  readonly settings: BatchSettings;
  readonly limits: ResourceLimits;
  /** Array elements of all jobs that may run together; null: no limit. */
  readonly throttle: number | null;
  /** `<cache>/batch`; shared between machines. */
  readonly directory: string;
  readonly runId: string;
  readonly store: BatchStore;
  readonly logCapBytes: number;
  /** Between the steps of ending a node. */
  readonly graceMs: number;
  /** The program that a job runs. */
  readonly program: { readonly node: string; readonly command: string };
  readonly emit: (event: RunEvent) => void;
}

/** Tasks that come together are submitted together: so long nothing new may arrive first. */
const QUIET_POLLS = 0.5;
/** While jobs wait in the queue, a new one brings nothing: tasks are collected for so many intervals of questions. */
const SLOWEST_STATUS_FACTOR = 4;
const SILENT_STATUS_FACTOR = 20;
/** A job that takes this many times as long as it should gives back what it has not started. */
const GIVE_BACK_FACTOR = 2;
/** A task whose jobs are lost before they start it is given up after so many. */
const MOST_LOSSES = 3;
const CANCEL_TRIES = 3;
/** Held jobs whose release a warning names. */
const SHOWN_RELEASES = 3;
const LOG_TAIL_LINES = 20;

export class BatchExecutor implements Executor {
  readonly #options: BatchExecutorOptions;
  readonly #entries = new Map<string, Entry>();
  #waiting: Entry[] = [];
  readonly #groups = new Set<Group>();
  /** Nodes that jobs of an earlier run may be working on, by key. */
  readonly #earlier = new Map<string, { group: Group; element: Element; slot: Slot }>();
  /** Tasks without a limit that ended at that of their job: the next one may take so many times as long. */
  readonly #timeFactors = new Map<string, number>();
  readonly #ownMs = new Map<string, { sum: number; count: number }>();
  readonly #calls = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #wakeAt = Infinity;
  #lastArrival = 0;
  #firstArrival = 0;
  #lastSubmission = -Infinity;
  #arraySize: number;
  #statusMs: number;
  #lastAsked: number;
  /** When the question was asked that the scheduler answered last. */
  #answered = 0;
  #isAsking = false;
  #isSilent = false;
  #accepted = 0;
  #successes = 0;
  #cancelling = new Set<Group>();
  /** Elements that are held and that was told of. */
  readonly #heldTold = new WeakMap<Group, Set<number>>();
  #broken: { readonly error: unknown } | null = null;
  #isClosed = false;

  constructor(options: BatchExecutorOptions) {
    this.#options = options;
    const { scheduler, settings, directory, store } = options;
    this.#arraySize = Math.min(scheduler.limits().arraySize, settings.maxQueued);
    this.#statusMs = settings.statusMs;
    this.#lastAsked = performance.now();
    let nodes = 0;
    for (const group of adoptEarlierJobs(directory, store)) {
      this.#groups.add(group);
      for (const element of group.elements) {
        for (const slot of element.slots) {
          if (slot.isConcluded) continue;
          nodes++;
          this.#earlier.set(slot.key, { group, element, slot });
        }
      }
    }
    if (this.#groups.size > 0) {
      options.emit({ type: 'jobs-adopted', scheduler: scheduler.title, jobs: this.#groups.size, nodes });
      this.#wake(0);
    }
  }

  submit(task: ExecutorTask): Promise<ExecutorOutcome> {
    if (this.#isClosed) throw new Error('the executor is closed');
    return new Promise((done, fail) => {
      const now = performance.now();
      const entry: Entry = {
        ...{ task, done, fail, submittedAt: now, losses: 0, isCancelled: false, place: null },
      };
      if (this.#broken !== null) {
        fail(this.#broken.error);
        return;
      }
      this.#entries.set(task.id, entry);
      const earlier = this.#earlier.get(task.key);
      if (earlier !== undefined && !earlier.slot.isConcluded && earlier.slot.entry === null) {
        earlier.slot.entry = entry;
        entry.place = earlier;
        if (earlier.slot.hasBegun) task.onStarted?.(0);
      } else {
        this.#enqueue(entry);
      }
      this.#wake(this.#options.settings.pollMs);
    });
  }

  states(): ReadonlyMap<string, 'submitted' | 'running'> {
    const states = new Map<string, 'submitted' | 'running'>();
    for (const [id, { place }] of this.#entries) {
      states.set(id, place?.slot.hasBegun === true ? 'running' : 'submitted');
    }
    return states;
  }

  cancel(id: string, now: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const { place } = entry;
    if (place === null) {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
      this.#settleCancelled(entry);
      return;
    }
    if (!entry.isCancelled) {
      entry.isCancelled = true;
      // All that are cancelled in this turn go into one call.
      if (this.#cancelling.size === 0) setImmediate(() => this.#call(this.#cancelJobs()));
      this.#cancelling.add(place.group);
    }
    if (now) this.#settleCancelled(entry);
  }

  limits(): ResourceLimits {
    return this.#options.limits;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await Promise.all(this.#calls);
    for (const group of this.#groups) {
      if (isDone(group)) this.#forget(group);
    }
  }

  #enqueue(entry: Entry): void {
    entry.place = null;
    const now = performance.now();
    if (this.#waiting.length === 0) this.#firstArrival = now;
    this.#lastArrival = now;
    this.#waiting.push(entry);
    this.#wake(this.#options.settings.pollMs);
  }

  #wake(afterMs: number): void {
    const at = performance.now() + afterMs;
    if (this.#isClosed || at >= this.#wakeAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(() => {
      this.#wakeAt = Infinity;
      this.#timer = null;
      this.#guard(() => {
        this.#tick();
      });
    }, afterMs);
  }

  #tick(): void {
    const { settings } = this.#options;
    for (const group of this.#groups) this.#readDone(group);
    for (const group of this.#groups) this.#judge(group);
    for (const group of this.#groups) {
      if (isDone(group) && group.unreleased === 0) this.#forget(group);
    }
    const now = performance.now();
    if (!this.#isAsking && this.#groups.size > 0 && now - this.#lastAsked >= this.#statusMs) {
      this.#call(this.#ask());
    }
    for (const group of this.#groups) {
      if (group.state === 'waiting' && now >= group.retryAt) this.#call(this.#give(group));
    }
    if (this.#isTimeToSubmit(now)) this.#submitWaiting();
    if (this.#entries.size > 0 || this.#groups.size > 0) this.#wake(settings.pollMs);
  }

  /** Runs something that is not waited for; its error is the error of the run. */
  #call(work: Promise<void>): void {
    const call = work
      .catch((error: unknown) => {
        this.#break(error);
      })
      .finally(() => {
        this.#calls.delete(call);
      });
    this.#calls.add(call);
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#break(error);
    }
  }

  /** Nothing can go on: every task ends with this error, and the jobs that are out are cancelled. */
  #break(error: unknown): void {
    if (this.#broken !== null) return;
    this.#broken = { error };
    const entries = [...this.#entries.values()];
    for (const entry of entries) {
      if (entry.place === null) continue;
      entry.isCancelled = true;
      this.#cancelling.add(entry.place.group);
    }
    this.#call(this.#cancelJobs());
    this.#waiting = [];
    this.#entries.clear();
    for (const entry of entries) entry.fail(error);
  }

  // ---- submission

  #isTimeToSubmit(now: number): boolean {
    if (this.#waiting.length === 0) return false;
    const { pollMs, statusMs } = this.#options.settings;
    if (this.#room() <= 0) return false;
    const isQuiet = now - this.#lastArrival >= QUIET_POLLS * pollMs;
    const isQueueEmpty = ![...this.#groups].some(
      (group) => group.job !== null && group.elements.some(isQueued),
    );
    if (isQuiet && isQueueEmpty && now - this.#lastSubmission >= 2 * pollMs) return true;
    return now - Math.max(this.#firstArrival, this.#lastSubmission) >= statusMs;
  }

  /** Array elements that may be added to the queue. */
  #room(): number {
    let open = 0;
    for (const group of this.#groups) open += openElements(group).length;
    return this.#options.settings.maxQueued - open;
  }

  #submitWaiting(): void {
    const kinds = new Map<string, Entry[]>();
    for (const entry of this.#waiting) {
      const { id, node, resources, timeoutMs } = entry.task;
      const { cpus, memoryGb, gpus } = resources;
      const kind = JSON.stringify([node, cpus, memoryGb, gpus, timeoutMs, this.#timeFactors.get(id)]);
      const same = kinds.get(kind);
      if (same === undefined) kinds.set(kind, [entry]);
      else same.push(entry);
    }
    const later: Entry[] = [];
    let room = this.#room();
    for (const entries of kinds.values()) {
      const first = entries[0] as Entry;
      const size = packSize(this.#expectedMs(first.task.node), this.#options.settings.packMs);
      const packs = evenPacks(entries, size);
      while (packs.length > 0) {
        const count = Math.min(room, this.#arraySize, packs.length);
        const throttle = throttleFor(this.#options.throttle, this.#throttleTaken(), count);
        if (count <= 0 || throttle === 0) break;
        this.#call(this.#give(this.#makeGroup(packs.splice(0, count), throttle)));
        this.#lastSubmission = performance.now();
        room -= count;
      }
      later.push(...packs.flat());
    }
    this.#waiting = later;
    this.#firstArrival = performance.now();
  }

  #throttleTaken(): number {
    let taken = 0;
    for (const group of this.#groups) {
      if (isDone(group)) continue;
      taken += Math.min(openElements(group).length, group.job?.throttle ?? Infinity);
    }
    return taken;
  }

  #expectedMs(node: string): number | null {
    const own = this.#ownMs.get(node);
    return own === undefined ? this.#options.store.typicalMs(node) : own.sum / own.count;
  }

  #makeGroup(packs: readonly Entry[][], throttle: number | null): Group {
    const { scheduler, directory, runId, program, settings, logCapBytes, graceMs } = this.#options;
    const token = `nl${randomBytes(6).toString('hex')}`;
    const folder = groupFolder(directory, runId, token);
    const { task } = packs[0]?.[0] as Entry;
    const { indexVariable, title } = scheduler;
    const isPacked = packs.some((entries) => entries.length > 1);
    const giveBackMs = isPacked ? GIVE_BACK_FACTOR * settings.packMs : null;
    const elements = packs.map((entries, index): Element => ({
      index,
      slots: entries.map((entry, slot) => ({
        ...{ index: slot, id: entry.task.id, key: entry.task.key, entry },
        ...{ hasBegun: false, isConcluded: false },
      })),
      ...{ state: null, silentSince: null, isAsked: false },
    }));
    writeGroup(folder, {
      record: {
        ...{ format: 1, scheduler: title, runId, token, name: task.node },
        elements: elements.map(({ slots }) => slots.map(({ id, key }) => ({ id, key }))),
      },
      script: jobScript({ folder, indexVariable, ...program }),
      packs: packs.map((entries) => ({
        pack: {
          ...{ format: 1, token, logCapBytes, graceMs, giveBackMs },
          tasks: entries.map(({ task: { id, heapMb, timeoutMs } }) => ({ id, heapMb, timeoutMs })),
        },
        taskFiles: entries.map((entry) => readFileSync(entry.task.taskFile, 'utf8')),
      })),
    });
    const job: BatchJob = {
      ...{ token, name: task.node, folder, script: join(folder, 'job.sh'), elements: elements.length },
      ...{ throttle, resources: task.resources, timeLimitMs: timeLimitMs(packs) },
      timeFactor: this.#timeFactors.get(task.id) ?? 1,
    };
    const group: Group = {
      ...{ token, name: task.node, folder, elements, job, jobId: null, state: 'waiting' },
      ...{ absences: 0, absencesNeeded: 1, retryAt: 0 },
      ...{ knownAt: 0, unreleased: 0 },
    };
    for (const element of elements) {
      for (const slot of element.slots) {
        if (slot.entry !== null) slot.entry.place = { group, element, slot };
      }
    }
    this.#groups.add(group);
    return group;
  }

  async #give(group: Group): Promise<void> {
    const { scheduler, store, runId, settings, emit } = this.#options;
    const { job, token } = group;
    if (job === null) throw new Error('a job of an earlier run is never submitted again');
    group.state = 'asking';
    group.absences = 0;
    const row = { runId, token, count: job.elements };
    store.putBatchJob({ ...row, jobId: null });
    killPoint('batch-recorded');
    const outcome = await scheduler.submit(job);
    if (outcome.kind === 'accepted') killPoint('batch-accepted');
    switch (outcome.kind) {
      case 'accepted': {
        this.#known(group, outcome.jobId);
        const nodes = group.elements.reduce((sum, { slots }) => sum + slots.length, 0);
        const { title } = scheduler;
        const { jobId } = outcome;
        emit({
          type: 'jobs-submitted',
          scheduler: title,
          jobId,
          node: group.name,
          jobs: job.elements,
          nodes,
        });
        killPoint('batch-known');
        return;
      }
      case 'unsure':
        this.#unsure(group, 2, settings.statusMs);
        this.#warn(`a submission to ${scheduler.title} was not answered: ${outcome.text}`);
        return;
      case 'later':
        this.#unsure(group, 1, 2 * settings.statusMs);
        this.#warn(`${scheduler.title} takes no more jobs for now: ${outcome.text}`);
        return;
      case 'refused':
        this.#refused(group, outcome);
    }
  }

  #known(group: Group, jobId: string): void {
    const { store, runId } = this.#options;
    group.jobId = jobId;
    group.state = 'known';
    group.knownAt = performance.now();
    this.#accepted++;
    store.putBatchJob({ runId, token: group.token, jobId, count: group.elements.length });
    // Tasks may have been cancelled while the call was under way.
    if (this.#cancelling.has(group)) this.#call(this.#cancelJobs());
  }

  #unsure(group: Group, absencesNeeded: number, retryMs: number): void {
    group.state = 'unsure';
    group.absencesNeeded = absencesNeeded;
    group.retryAt = performance.now() + retryMs;
    this.#statusMs = this.#options.settings.statusMs;
    if (this.#cancelling.has(group)) this.#call(this.#cancelJobs());
  }

  #refused(group: Group, { because, text }: { because: 'array-size' | 'request'; text: string }): void {
    const { scheduler } = this.#options;
    const elements = group.elements.length;
    if (because === 'array-size' && elements > 1) {
      this.#arraySize = Math.max(1, Math.floor(elements / 2));
      this.#warn(`${scheduler.title} takes no array of ${elements}; arrays are made smaller: ${text}`);
      this.#dissolve(group, null);
      return;
    }
    const message = `${scheduler.title} refused the job of ${group.name}: ${text}`;
    const cure =
      'check partition, account, qos, constraint and time (--slurm-partition ...), and what the node asks for';
    if (this.#accepted === 0) {
      throw new RequirementError('REQUIREMENT', message, { where: '--executor slurm', cure });
    }
    this.#dissolve(group, failure('requirement', 'REQUIREMENT', { message, cure }));
  }

  /** The job is not there. Its tasks go into another one, or fail. */
  #dissolve(group: Group, cause: NodeFailure | null): void {
    for (const element of group.elements) {
      for (const slot of element.slots) {
        if (slot.isConcluded) continue;
        if (cause === null) this.#again(slot);
        else this.#failSlot(group, element, slot, cause);
      }
    }
  }

  // ---- what the jobs say

  #readDone(group: Group): void {
    if (isDone(group)) return;
    const { begun, finished, refused } = listDone(group.folder);
    for (const index of refused) {
      const element = group.elements[index];
      if (element === undefined || isFinished(element)) continue;
      const text = readFileSync(join(group.folder, 'done', `${index}.refused`), 'utf8').trim();
      const cure = 'install Node.js and this package on a file system that all machines share';
      this.#setup(group, element, { kind: 'setup', message: text, cure });
    }
    for (const name of begun) {
      const slot = slotOf(group, name)?.slot;
      if (slot === undefined || slot.hasBegun) continue;
      slot.hasBegun = true;
      slot.entry?.task.onStarted?.(0);
    }
    for (const name of finished) {
      const found = slotOf(group, name);
      if (found !== null && !found.slot.isConcluded) {
        this.#conclude(group, found.element, found.slot);
      }
    }
  }

  #conclude(group: Group, element: Element, slot: Slot): void {
    const { store, settings } = this.#options;
    const status = readStatus(group.folder, element.index, slot.index);
    if (status === null) {
      const message = 'the status file of the node cannot be read';
      const cure = 'the installation may mix versions: use one on all machines';
      this.#failSlot(group, element, slot, failure('crashed', 'CRASHED', { message, cure }));
      return;
    }
    if (status.outcome === 'given-back') {
      this.#ownMs.set(group.name, { sum: settings.packMs, count: 1 });
      this.#again(slot);
      return;
    }
    const attemptDir = attemptFolder(group.folder, element.index, slot.index, status.attempt);
    if (status.outcome === 'result') {
      this.#successes++;
      const own = this.#ownMs.get(group.name) ?? { sum: 0, count: 0 };
      this.#ownMs.set(group.name, { sum: own.sum + status.ms, count: own.count + 1 });
    }
    const { entry } = slot;
    slot.isConcluded = true;
    this.#earlier.delete(slot.key);
    if (entry === null) {
      if (status.outcome === 'result') store.adopt(attemptDir);
      return;
    }
    for (const message of status.messages) entry.task.onMessage?.(message);
    takeScratch(entry.task.taskFile, `${attemptDir}.work`);
    this.#settle(group, slot, { ...outcomeOf(status, group, element, slot), attemptDir });
  }

  /** A task that no job has started goes into another job. */
  #again(slot: Slot): void {
    const { entry } = slot;
    slot.isConcluded = true;
    slot.entry = null;
    this.#earlier.delete(slot.key);
    if (entry === null) return;
    if (entry.isCancelled) this.#settleCancelled(entry);
    else this.#enqueue(entry);
  }

  #failSlot(group: Group, element: Element, slot: Slot, cause: NodeFailure): void {
    const { entry } = slot;
    slot.isConcluded = true;
    this.#earlier.delete(slot.key);
    if (entry === null) return;
    const isOurs = entry.isCancelled;
    this.#settle(group, slot, {
      ...{ kind: 'failed', failure: isOurs ? endedByParent('cancelled', null) : cause },
      logs: crashLogs(group.folder, element.index),
      ...{ exit: null, signal: null, ms: performance.now() - entry.submittedAt, peakMb: 0, cpuMs: 0, pid: 0 },
    });
  }

  #settle(group: Group, slot: Slot, outcome: ExecutorOutcome): void {
    const { entry } = slot;
    slot.entry = null;
    if (entry === null || this.#entries.get(entry.task.id) !== entry) return;
    const { id, timeoutMs } = entry.task;
    this.#entries.delete(id);
    if (timeoutMs === null && outcome.kind === 'failed' && outcome.failure.failureClass === 'timeout') {
      this.#timeFactors.set(id, 2 * (this.#timeFactors.get(id) ?? 1));
    }
    group.unreleased++;
    entry.done({
      ...outcome,
      release: () => {
        group.unreleased--;
      },
    });
  }

  #settleCancelled(entry: Entry): void {
    if (this.#entries.get(entry.task.id) !== entry) return;
    this.#entries.delete(entry.task.id);
    if (entry.place !== null) entry.place.slot.entry = null;
    entry.done({
      ...{ kind: 'failed', failure: endedByParent('cancelled', null), logs: { stdout: '', stderr: '' } },
      ...{ exit: null, signal: null, ms: performance.now() - entry.submittedAt, peakMb: 0, cpuMs: 0, pid: 0 },
    });
  }

  #forget(group: Group): void {
    this.#groups.delete(group);
    this.#cancelling.delete(group);
    forgetGroup(group.token, group.folder, this.#options.store);
  }

  // ---- what the scheduler says

  async #ask(): Promise<void> {
    const { scheduler, settings } = this.#options;
    this.#isAsking = true;
    this.#lastAsked = performance.now();
    const asked = this.#lastAsked;
    const answer = await scheduler.states(this.#wanted());
    this.#isAsking = false;
    switch (answer.kind) {
      case 'unknown':
        this.#statusMs = Math.min(2 * this.#statusMs, SILENT_STATUS_FACTOR * settings.statusMs);
        if (!this.#isSilent) this.#warn(`${scheduler.title} does not answer: ${answer.text}; jobs go on`);
        this.#isSilent = true;
        return;
      case 'more':
        return;
      case 'list':
        this.#isSilent = false;
        this.#answered = asked;
        this.#applyList(answer.jobs, asked);
        return;
      case 'details':
        this.#isSilent = false;
        this.#applyDetails(answer.jobId, answer.jobs);
    }
  }

  /** Jobs that must be asked for by number: silent ones whose end is not understood. */
  #wanted(): string[] {
    const wanted: string[] = [];
    for (const { jobId, state, elements } of this.#groups) {
      if (jobId !== null && state === 'known' && elements.some(needsDetails)) wanted.push(jobId);
    }
    return wanted;
  }

  #applyList(jobs: readonly BatchJobState[], asked: number): void {
    const byToken = statesByToken(jobs, this.#groups);
    let hasChanged = false;
    for (const group of this.#groups) {
      if (isDone(group)) continue;
      const listed = byToken.get(group.token);
      if (group.state === 'unsure') {
        hasChanged = true;
        this.#lookUp(group, listed);
      } else if (group.state === 'known' && group.knownAt < asked) {
        hasChanged = this.#applyStates(group, listed ?? new Map<number, BatchJobState>(), true) || hasChanged;
      }
    }
    for (const group of this.#groups) this.#tellHeld(group);
    const { statusMs } = this.#options.settings;
    this.#statusMs = hasChanged ? statusMs : Math.min(1.5 * this.#statusMs, SLOWEST_STATUS_FACTOR * statusMs);
  }

  /** A held job waits for a person, who does not know of it: once an element. */
  #tellHeld(group: Group): void {
    const told = this.#heldTold.get(group) ?? new Set<number>();
    const held = openElements(group).filter(({ state }) => (state?.release ?? null) !== null);
    const fresh = held.filter(({ index }) => !told.has(index));
    // One that was released and is held again is told again.
    this.#heldTold.set(group, new Set(held.map(({ index }) => index)));
    const state = fresh[0]?.state;
    if (state === undefined || state === null) return;
    const { title } = this.#options.scheduler;
    const jobs = fresh.length === 1 ? 'a job' : `${fresh.length} jobs`;
    const shown = fresh.slice(0, SHOWN_RELEASES).map((element) => element.state?.release ?? '');
    const more = fresh.length > SHOWN_RELEASES ? ', and so on' : '';
    this.#warn(
      `${title} holds ${jobs} of ${group.name} (${state.reason || state.word}) and starts it only when somebody releases it`,
      `let go on with: ${shown.join('; ')}${more}`,
    );
  }

  /** The token tells whether a submission without answer arrived. */
  #lookUp(group: Group, listed: ReadonlyMap<number, BatchJobState> | undefined): void {
    const first = listed?.values().next().value;
    if (first !== undefined) {
      this.#known(group, first.jobId);
      return;
    }
    group.absences++;
    if (group.absences < group.absencesNeeded) return;
    if (group.job === null) this.#dissolve(group, null);
    else group.state = 'waiting';
  }

  #applyDetails(jobId: string, jobs: readonly BatchJobState[]): void {
    for (const group of this.#groups) {
      if (group.jobId !== jobId) continue;
      const states = new Map(jobs.map((job) => [job.element ?? 0, job]));
      this.#applyStates(group, states, false);
      for (const element of group.elements) if (element.silentSince !== null) element.isAsked = true;
    }
    this.#statusMs = this.#options.settings.statusMs;
  }

  /** @param isList - elements that are not in it are missing */
  #applyStates(group: Group, states: ReadonlyMap<number, BatchJobState>, isList: boolean): boolean {
    const now = performance.now();
    let hasChanged = false;
    for (const element of openElements(group)) {
      const state = states.get(element.index);
      if (state === undefined) {
        if (isList && element.silentSince === null) {
          element.silentSince = now;
          element.state = null;
          hasChanged = true;
        }
        continue;
      }
      hasChanged ||= state.word !== element.state?.word;
      // The list has no exit codes: what is known of the end stays known.
      const isNews = element.state?.phase !== state.phase || element.state.release !== state.release;
      if (isNews || state.exit !== null) element.state = state;
      const isThere = ['waiting', 'running', 'unknown'].includes(state.phase);
      if (isThere) {
        element.silentSince = null;
        element.isAsked = false;
      } else element.silentSince ??= now;
    }
    return hasChanged || openElements(group).some((element) => element.silentSince !== null);
  }

  /** Gives up elements that have ended, or are gone, and have left nothing for as long as a file may take. */
  #judge(group: Group): void {
    if (group.state !== 'known') return;
    const { scheduler, settings } = this.#options;
    for (const element of openElements(group)) {
      const { silentSince, state } = element;
      if (silentSince === null || needsDetails(element)) continue;
      // What an earlier run cancelled itself leaves nothing to wait for.
      const isCancelledBefore = group.job === null && state?.phase === 'cancelled';
      const graceMs = isCancelledBefore ? 0 : settings.graceMs;
      const open = element.slots.filter((slot) => !slot.isConcluded);
      const judgement = judgeSilentEnd({
        state,
        title: scheduler.title,
        job: `${group.jobId ?? ''}_${element.index}`,
        hasBegun: open.some((slot) => slot.hasBegun),
        logTail: readLogTail(elementLog(group.folder, element.index), LOG_TAIL_LINES),
      });
      if (judgement.kind === 'setup') this.#setup(group, element, judgement);
      // Only what was still so in a later list: a job may have been put back in the queue.
      else if (this.#answered - silentSince >= graceMs) this.#giveUp(group, element, judgement);
    }
  }

  #giveUp(
    group: Group,
    element: Element,
    { kind, failure: cause }: Exclude<Judgement, { kind: 'setup' }>,
  ): void {
    const open = element.slots.filter((slot) => !slot.isConcluded);
    const isBegun = open.some((slot) => slot.hasBegun);
    const isStopped = element.state?.phase === 'cancelled';
    for (const slot of open) {
      const { entry } = slot;
      // Of several nodes in a job, the one that was running is to blame; the others had no chance.
      // What became of the job of an earlier run is no failure of this one.
      const isBlamed = kind === 'failed' && group.job !== null && (slot.hasBegun || !isBegun || isStopped);
      if (entry !== null && !isBlamed && group.job !== null) entry.losses++;
      if (isBlamed || (entry?.losses ?? 0) > MOST_LOSSES) this.#failSlot(group, element, slot, cause);
      else this.#again(slot);
    }
  }

  /** A machine where nothing can run: the run ends when none has run anything yet, else other machines are tried. */
  #setup(group: Group, element: Element, problem: Extract<Judgement, { kind: 'setup' }>): void {
    const { message, cure } = problem;
    if (this.#successes === 0) {
      throw new RequirementError('REQUIREMENT', message, { where: '--executor slurm', cure });
    }
    this.#giveUp(group, element, {
      kind: 'again',
      failure: failure('node-lost', 'NODE_LOST', { message, cure }),
    });
  }

  // ---- cancellation

  async #cancelJobs(): Promise<void> {
    const groups = [...this.#cancelling].filter(({ state }) => state === 'known' || state === 'unsure');
    const { scheduler, settings, graceMs } = this.#options;
    for (const group of this.#cancelling) if (group.state === 'waiting') this.#dissolve(group, null);
    for (const group of groups) this.#cancelling.delete(group);
    const targets = groups.map(cancelTarget).filter((target) => target !== null);
    let problem: string | null = null;
    for (let tries = 0; targets.length > 0 && tries < CANCEL_TRIES; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, settings.pollMs));
      problem = await scheduler.cancel(targets);
      if (problem === null) break;
    }
    if (problem !== null) {
      const ids = targets.map(({ jobId, name, token }) => jobId ?? `--name=${name}.${token}`).join(' ');
      this.#warn(`jobs could not be cancelled: ${problem}`, `cancel them with: scancel ${ids}`);
    }
    const until = performance.now() + 2 * graceMs + settings.pollMs;
    const isWaiting = (group: Group): boolean => problem === null && !this.#hasEnded(group);
    while (groups.some(isWaiting) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(settings.pollMs, graceMs)));
    }
    for (const group of groups) {
      const isOver = problem === null && this.#hasEnded(group);
      for (const element of group.elements) {
        for (const slot of element.slots) {
          if (slot.entry?.isCancelled !== true) continue;
          this.#settleCancelled(slot.entry);
          if (isOver) slot.isConcluded = true;
        }
      }
    }
  }

  /** Nothing of the cancelled elements runs any more, as far as they say themselves. */
  #hasEnded(group: Group): boolean {
    this.#readDone(group);
    const { ended } = listDone(group.folder);
    return openElements(group).every(
      (element) =>
        ended.has(element.index) ||
        element.slots.every(({ entry, hasBegun }) => entry?.isCancelled !== true || !hasBegun),
    );
  }

  #warn(message: string, cure: string | null = null): void {
    this.#options.emit({ type: 'warning', code: 'BATCH', message, cure });
  }
}

/** What of a job is to be cancelled: elements in which nothing is wanted any more. */
function cancelTarget(group: Group): CancelTarget | null {
  const open = openElements(group);
  const unwanted = open.filter(({ slots }) =>
    slots.every(
      ({ isConcluded, entry }) => isConcluded || entry?.isCancelled === true || isOrphan(group, entry),
    ),
  );
  if (unwanted.length === 0) return null;
  const elements = unwanted.length === open.length ? null : unwanted.map(({ index }) => index);
  return { token: group.token, name: group.name, jobId: group.jobId, elements };
}

/** A node of an own job that nobody waits for: it was cancelled before. Those of earlier runs may be wanted later. */
function isOrphan(group: Group, entry: Entry | null): boolean {
  return entry === null && group.job !== null;
}

/** A silent element whose end can only be understood with more than the list says. */
function needsDetails(element: Element): boolean {
  const { silentSince, isAsked, state } = element;
  if (silentSince === null || isAsked || isFinished(element)) return false;
  return state === null || (state.phase === 'failed' && state.exit === null);
}

function slotOf(group: Group, name: string): { element: Element; slot: Slot } | null {
  const [index, at] = name.split('.').map(Number);
  const element = group.elements[index as number];
  const slot = element?.slots[at as number];
  return element === undefined || slot === undefined ? null : { element, slot };
}

/** Elements by token; where one token has two jobs, what is alive counts. */
function statesByToken(
  jobs: readonly BatchJobState[],
  groups: ReadonlySet<Group>,
): Map<string, Map<number, BatchJobState>> {
  const tokens = new Map<string, string>();
  for (const { jobId, token } of groups) if (jobId !== null) tokens.set(jobId, token);
  const found = new Map<string, Map<number, BatchJobState>>();
  for (const job of jobs) {
    const token = job.token ?? tokens.get(job.jobId);
    if (token === undefined) continue;
    const states = found.get(token) ?? new Map<number, BatchJobState>();
    found.set(token, states);
    const element = job.element ?? 0;
    const other = states.get(element);
    if (other === undefined || !['waiting', 'running'].includes(other.phase)) states.set(element, job);
  }
  return found;
}

/** Of the longest pack, when each of its nodes has a limit. */
function timeLimitMs(packs: readonly Entry[][]): number | null {
  let longest = 0;
  for (const entries of packs) {
    let sum = 0;
    for (const { task } of entries) {
      if (task.timeoutMs === null) return null;
      sum += task.timeoutMs;
    }
    longest = Math.max(longest, sum);
  }
  return longest;
}

function outcomeOf(status: TaskStatus, group: Group, element: Element, slot: Slot): ExecutorOutcome {
  const { ms, peakMb, cpuMs, pid, attempt } = status;
  const logs = status.printed
    ? attemptLogs(group.folder, element.index, slot.index, attempt)
    : { stdout: '', stderr: '' };
  const used = { logs, ms, peakMb, cpuMs, pid };
  if (status.failure === null) return { kind: 'result', ...used };
  const { exit, signal } = status;
  return { kind: 'failed', failure: status.failure, exit, signal: signal as NodeJS.Signals | null, ...used };
}
