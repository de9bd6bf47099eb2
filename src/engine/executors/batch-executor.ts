/**
 * Runs tasks as array jobs of a cluster scheduler. The status files that the jobs leave are its truth; the scheduler is
 * asked rarely, for all jobs at once, and only believed about jobs that are silent. Nothing is submitted a second time
 * before the scheduler was asked for the token of the first.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RequirementError } from '../../errors.js';
import type { RunEvent } from '../events.js';
import { endedByParent, failure, type NodeFailure } from '../failure.js';
import { readLogTail } from '../log-capture.js';
import type { ResourceLimits } from '../resource-pool.js';
import { adoptEarlierJobs, forgetGroup, type BatchStore } from './batch-adoption.js';
import {
  attemptFolder,
  attemptLogs,
  elementLog,
  listDone,
  readStatus,
  type TaskStatus,
} from './batch-files.js';
import {
  isDone,
  isFinished,
  openElements,
  type Element,
  type Entry,
  type Group,
  type Slot,
} from './batch-group.js';
import { judgeSilentEnd, type Judgement } from './batch-judge.js';
import { crashLogs, takeScratch } from './batch-leftovers.js';
import type { Executor, ExecutorOutcome, ExecutorTask } from './executor.js';
import { makeGroup, type GroupMakingOptions } from './group-making.js';
import { JobCancellation } from './job-cancellation.js';
import { JobQuestions } from './job-questions.js';
import { needsDetails } from './job-states.js';
import { JobSubmission } from './job-submission.js';
import { WaitingTasks } from './waiting-tasks.js';

/** Times in ms. */
export interface BatchSettings {
  readonly pollMs: number;
  readonly statusMs: number;
  readonly graceMs: number;
  readonly packMs: number;
  readonly maxQueued: number;
}

export interface BatchExecutorOptions extends GroupMakingOptions {
  readonly settings: BatchSettings;
  readonly limits: ResourceLimits;
  /** Array elements of all jobs that may run together; null: no limit. */
  readonly throttle: number | null;
  readonly store: BatchStore;
  readonly emit: (event: RunEvent) => void;
}

/** A task whose jobs are lost before they start it is given up after so many. */
const MOST_LOSSES = 3;
const LOG_TAIL_LINES = 20;

export class BatchExecutor implements Executor {
  readonly #options: BatchExecutorOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Set<Group>();
  readonly #waiting: WaitingTasks;
  readonly #submission: JobSubmission;
  readonly #questions: JobQuestions;
  readonly #cancellation: JobCancellation;
  /** Nodes that jobs of an earlier run may be working on, by key. */
  readonly #earlier = new Map<string, { group: Group; element: Element; slot: Slot }>();
  readonly #calls = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #wakeAt = Infinity;
  #successes = 0;
  #broken: { readonly error: unknown } | null = null;
  #isClosed = false;

  constructor(options: BatchExecutorOptions) {
    this.#options = options;
    const { scheduler, settings, store, runId, throttle, graceMs, emit } = options;
    const groups = this.#groups;
    const warn = (message: string, cure?: string): void => {
      this.#warn(message, cure ?? null);
    };
    this.#waiting = new WaitingTasks({
      ...{ ...settings, groups, throttle },
      arraySize: scheduler.limits().arraySize,
      typicalMs: (node) => store.typicalMs(node),
    });
    const dissolve = (group: Group, cause: NodeFailure | null = null): void => {
      this.#dissolve(group, cause);
    };
    this.#submission = new JobSubmission({
      ...{ scheduler, store, runId, statusMs: settings.statusMs, emit, warn, dissolve },
      onAnswered: (group) => {
        // An answer that is missing is looked for soon.
        if (group.state === 'unsure') this.#questions.hurry();
        // Tasks may have been cancelled while the call was under way.
        if (this.#cancellation.has(group)) this.#call(this.#cancellation.run());
      },
      onTooLarge: (elements) => {
        this.#waiting.noteTooLarge(elements);
      },
    });
    this.#questions = new JobQuestions({
      ...{ scheduler, statusMs: settings.statusMs, groups, warn },
      onFound: (group, jobId) => {
        this.#submission.known(group, jobId);
      },
      onAbsent: (group) => {
        if (group.job === null) dissolve(group);
        else group.state = 'waiting';
      },
    });
    this.#cancellation = new JobCancellation({
      ...{ scheduler, pollMs: settings.pollMs, graceMs, warn, dissolve },
      readDone: (group) => {
        this.#readDone(group);
      },
      settle: (entry) => {
        this.#settleCancelled(entry);
      },
    });
    this.#adopt();
  }

  /** Jobs of dead runs go on: their nodes are waited for. */
  #adopt(): void {
    const { scheduler, directory, store, emit } = this.#options;
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
    if (this.#groups.size === 0) return;
    emit({ type: 'jobs-adopted', scheduler: scheduler.title, jobs: this.#groups.size, nodes });
    this.#wake(0);
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
      this.#waiting.remove(entry);
      this.#settleCancelled(entry);
      return;
    }
    if (!entry.isCancelled) {
      entry.isCancelled = true;
      // All that are cancelled in this turn go into one call.
      if (this.#cancellation.isEmpty) setImmediate(() => this.#call(this.#cancellation.run()));
      this.#cancellation.add(place.group);
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
    this.#waiting.add(entry);
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
    for (const group of this.#groups) this.#readDone(group);
    for (const group of this.#groups) this.#judge(group);
    for (const group of this.#groups) {
      if (isDone(group) && group.unreleased === 0) this.#forget(group);
    }
    const now = performance.now();
    if (this.#questions.isDue(now)) this.#call(this.#questions.ask());
    for (const group of this.#groups) {
      if (group.state === 'waiting' && now >= group.retryAt) this.#call(this.#submission.give(group));
    }
    if (this.#waiting.isTimeToSubmit(now)) this.#submitWaiting();
    if (this.#entries.size > 0 || this.#groups.size > 0) this.#wake(this.#options.settings.pollMs);
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
      this.#cancellation.add(entry.place.group);
    }
    this.#call(this.#cancellation.run());
    this.#waiting.clear();
    this.#entries.clear();
    for (const entry of entries) entry.fail(error);
  }

  // ---- submission

  #submitWaiting(): void {
    this.#waiting.submit((packed) => {
      const group = makeGroup(this.#options, packed, this.#options.settings.packMs);
      this.#groups.add(group);
      this.#call(this.#submission.give(group));
    });
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
    const { store } = this.#options;
    const status = readStatus(group.folder, element.index, slot.index);
    if (status === null) {
      const message = 'the status file of the node cannot be read';
      const cure = 'the installation may mix versions: use one on all machines';
      this.#failSlot(group, element, slot, failure('crashed', 'CRASHED', { message, cure }));
      return;
    }
    if (status.outcome === 'given-back') {
      this.#waiting.noteTooLong(group.name);
      this.#again(slot);
      return;
    }
    const attemptDir = attemptFolder(group.folder, element.index, slot.index, status.attempt);
    if (status.outcome === 'result') {
      this.#successes++;
      this.#waiting.noteTime(group.name, status.ms);
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
      this.#waiting.noteTimeout(id);
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
    this.#cancellation.forget(group);
    forgetGroup(group.token, group.folder, this.#options.store);
  }

  // ---- jobs that ended silently

  /** Gives up elements that have ended, or are gone, and have left nothing for as long as a file may take. */
  #judge(group: Group): void {
    if (group.state !== 'known') return;
    const { scheduler, settings } = this.#options;
    const silent = openElements(group).filter(({ silentSince }) => silentSince !== null);
    if (silent.length === 0) return;
    const { ended } = listDone(group.folder);
    for (const element of silent) {
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
        // What was asked to end, for the queue, has failed by nothing of its own; it may not have started again.
        hasBegun: !ended.has(element.index) && open.some((slot) => slot.hasBegun),
        logTail: readLogTail(elementLog(group.folder, element.index), LOG_TAIL_LINES),
      });
      if (judgement.kind === 'setup') this.#setup(group, element, judgement);
      // Only what was still so in a later list: a job may have been put back in the queue.
      else if (this.#questions.answered - silentSince >= graceMs) this.#giveUp(group, element, judgement);
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

  #warn(message: string, cure: string | null = null): void {
    this.#options.emit({ type: 'warning', code: 'BATCH', message, cure });
  }
}

function slotOf(group: Group, name: string): { element: Element; slot: Slot } | null {
  const [index, at] = name.split('.').map(Number);
  const element = group.elements[index as number];
  const slot = element?.slots[at as number];
  return element === undefined || slot === undefined ? null : { element, slot };
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
