/** Gives array jobs to the scheduler: recorded before the call, known after it, never twice under doubt. */
import { RequirementError } from '../../errors.js';
import type { RunEvent } from '../events.js';
import { failure, type NodeFailure } from '../failure.js';
import { killPoint } from '../kill-points.js';
import type { BatchStore } from './batch-adoption.js';
import type { Group } from './batch-group.js';
import type { BatchScheduler, SubmitOutcome } from './batch-scheduler.js';

/** Lists without the token that make sure that a submission did not arrive. */
const ABSENCES_UNANSWERED = 2;
const ABSENCES_REFUSED = 1;

export interface JobSubmissionOptions {
  readonly scheduler: BatchScheduler;
  readonly store: BatchStore;
  readonly runId: string;
  /** Least time between two questions to the scheduler, ms. */
  readonly statusMs: number;
  readonly emit: (event: RunEvent) => void;
  readonly warn: (message: string) => void;
  /** The call is over, whatever came of it: what was wanted meanwhile can be done. */
  readonly onAnswered: (group: Group) => void;
  /** Arrays of so many elements are too large. */
  readonly onTooLarge: (elements: number) => void;
  /** The job is not there: its tasks go into another one, or fail for a reason. */
  readonly dissolve: (group: Group, cause: NodeFailure | null) => void;
}

export class JobSubmission {
  readonly #options: JobSubmissionOptions;
  #hasAccepted = false;

  constructor(options: JobSubmissionOptions) {
    this.#options = options;
  }

  /** @throws RequirementError when the cluster refuses the first request of the run */
  async give(group: Group): Promise<void> {
    const { scheduler, store, runId, statusMs, warn } = this.#options;
    const { job, token } = group;
    if (job === null) throw new Error('a job of an earlier run is never submitted again');
    group.state = 'asking';
    group.absences = 0;
    store.putBatchJob({ runId, token, count: job.elements, jobId: null });
    killPoint('batch-recorded');
    const outcome = await scheduler.submit(job);
    switch (outcome.kind) {
      case 'accepted':
        killPoint('batch-accepted');
        this.known(group, outcome.jobId);
        this.#tell(group, outcome.jobId);
        killPoint('batch-known');
        return;
      case 'unsure':
        this.#unsure(group, ABSENCES_UNANSWERED, statusMs);
        warn(`a submission to ${scheduler.title} was not answered: ${outcome.text}`);
        return;
      case 'later':
        this.#unsure(group, ABSENCES_REFUSED, 2 * statusMs);
        warn(`${scheduler.title} takes no more jobs for now: ${outcome.text}`);
        return;
      case 'refused':
        this.#refused(group, outcome);
    }
  }

  /** The scheduler has the job under this number. */
  known(group: Group, jobId: string): void {
    const { store, runId, onAnswered } = this.#options;
    group.jobId = jobId;
    group.state = 'known';
    group.knownAt = performance.now();
    this.#hasAccepted = true;
    store.putBatchJob({ runId, token: group.token, jobId, count: group.elements.length });
    onAnswered(group);
  }

  #tell(group: Group, jobId: string): void {
    const { scheduler, emit } = this.#options;
    const nodes = group.elements.reduce((sum, { slots }) => sum + slots.length, 0);
    const jobs = group.elements.length;
    emit({ type: 'jobs-submitted', scheduler: scheduler.title, jobId, node: group.name, jobs, nodes });
  }

  #unsure(group: Group, absencesNeeded: number, retryMs: number): void {
    group.state = 'unsure';
    group.absencesNeeded = absencesNeeded;
    group.retryAt = performance.now() + retryMs;
    this.#options.onAnswered(group);
  }

  #refused(group: Group, { because, text }: Extract<SubmitOutcome, { kind: 'refused' }>): void {
    const { scheduler, warn, onTooLarge, dissolve } = this.#options;
    const elements = group.elements.length;
    if (because === 'array-size' && elements > 1) {
      onTooLarge(elements);
      warn(`${scheduler.title} takes no array of ${elements}; arrays are made smaller: ${text}`);
      dissolve(group, null);
      return;
    }
    const message = `${scheduler.title} refused the job of ${group.name}: ${text}`;
    const cure =
      'check partition, account, qos, constraint and time (--slurm-partition ...), and what the node asks for';
    if (!this.#hasAccepted) {
      throw new RequirementError('REQUIREMENT', message, { where: '--executor slurm', cure });
    }
    dissolve(group, failure('requirement', 'REQUIREMENT', { message, cure }));
  }
}
