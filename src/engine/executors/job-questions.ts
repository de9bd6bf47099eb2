/** Asks the scheduler about all jobs at once, rarely, and more rarely while nothing changes or nobody answers. */
import { openElements, type Group } from './batch-group.js';
import type { BatchJobState, BatchScheduler } from './batch-scheduler.js';
import { applyStates, jobsToAskFor, statesByToken, unfinished } from './job-states.js';

/** While nothing changes, so many times the least time lies between two questions. */
const SLOWEST_STATUS_FACTOR = 4;
/** While nobody answers. */
const SILENT_STATUS_FACTOR = 20;
/** Held jobs whose release a warning names. */
const SHOWN_RELEASES = 3;

export interface JobQuestionsOptions {
  readonly scheduler: BatchScheduler;
  /** Least time between two questions, ms. */
  readonly statusMs: number;
  readonly groups: ReadonlySet<Group>;
  /** A submission without answer has arrived under this number, or has not. */
  readonly onFound: (group: Group, jobId: string) => void;
  readonly onAbsent: (group: Group) => void;
  readonly warn: (message: string, cure?: string) => void;
}

export class JobQuestions {
  readonly #options: JobQuestionsOptions;
  #statusMs: number;
  #lastAsked = performance.now();
  #answered = 0;
  #isAsking = false;
  #isSilent = false;
  /** Elements that are held and that was told of. */
  readonly #heldTold = new WeakMap<Group, Set<number>>();

  constructor(options: JobQuestionsOptions) {
    this.#options = options;
    this.#statusMs = options.statusMs;
  }

  /** When the question was asked that the scheduler answered last with a list, ms of the monotonic clock. */
  get answered(): number {
    return this.#answered;
  }

  isDue(now: number): boolean {
    return !this.#isAsking && this.#options.groups.size > 0 && now - this.#lastAsked >= this.#statusMs;
  }

  /** The next question comes after the least time: something is waited for. */
  hurry(): void {
    this.#statusMs = this.#options.statusMs;
  }

  async ask(): Promise<void> {
    const { scheduler, statusMs, groups, warn } = this.#options;
    this.#isAsking = true;
    this.#lastAsked = performance.now();
    const asked = this.#lastAsked;
    const answer = await scheduler.states(jobsToAskFor(groups));
    this.#isAsking = false;
    switch (answer.kind) {
      case 'unknown':
        this.#statusMs = Math.min(2 * this.#statusMs, SILENT_STATUS_FACTOR * statusMs);
        if (!this.#isSilent) warn(`${scheduler.title} does not answer: ${answer.text}; jobs go on`);
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

  #applyList(jobs: readonly BatchJobState[], asked: number): void {
    const { groups, statusMs } = this.#options;
    const byToken = statesByToken(jobs, groups);
    let hasChanged = false;
    for (const group of unfinished(groups)) {
      const listed = byToken.get(group.token);
      if (group.state === 'unsure') {
        hasChanged = true;
        this.#lookUp(group, listed);
      } else if (group.state === 'known' && group.knownAt < asked) {
        hasChanged = applyStates(group, listed ?? new Map<number, BatchJobState>(), true) || hasChanged;
      }
    }
    for (const group of groups) this.#tellHeld(group);
    this.#statusMs = hasChanged ? statusMs : Math.min(1.5 * this.#statusMs, SLOWEST_STATUS_FACTOR * statusMs);
  }

  #applyDetails(jobId: string, jobs: readonly BatchJobState[]): void {
    for (const group of this.#options.groups) {
      if (group.jobId !== jobId) continue;
      const states = new Map(jobs.map((job) => [job.element ?? 0, job]));
      applyStates(group, states, false);
      for (const element of group.elements) if (element.silentSince !== null) element.isAsked = true;
    }
    this.hurry();
  }

  /** The token tells whether a submission without answer arrived. */
  #lookUp(group: Group, listed: ReadonlyMap<number, BatchJobState> | undefined): void {
    const first = listed?.values().next().value;
    if (first !== undefined) {
      this.#options.onFound(group, first.jobId);
      return;
    }
    group.absences++;
    if (group.absences >= group.absencesNeeded) this.#options.onAbsent(group);
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
    this.#options.warn(
      `${title} holds ${jobs} of ${group.name} (${state.reason || state.word}) and starts it only when somebody releases it`,
      `let go on with: ${shown.join('; ')}${more}`,
    );
  }
}
