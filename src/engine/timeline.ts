import type { RunEvent, RunReason } from './events.js';

/** One attempt of an instance, as the events told it. Times: ms since the run began, on the monotonic clock. */
export interface TimedAttempt {
  readonly id: string;
  readonly n: number;
  readonly key: string;
  readonly reason: RunReason['kind'];
  readonly startMs: number;
  /** Place among those that ran at the same time, from 0. */
  readonly lane: number;
  endMs: number;
  state: 'done' | 'skipped' | 'failed' | 'cancelled' | 'unfinished';
}

/** When each attempt of a run began and ended. */
export class Timeline {
  readonly attempts: TimedAttempt[] = [];
  /** Wall clock at the beginning, ms since 1970. */
  readonly beganAt: number;
  readonly #origin: number;
  readonly #open = new Map<string, TimedAttempt>();
  readonly #lanes: boolean[] = [];

  constructor(beganAt: number = Date.now(), origin: number = performance.now()) {
    this.beganAt = beganAt;
    this.#origin = origin;
  }

  record(event: RunEvent): void {
    switch (event.type) {
      case 'node-started':
        // An attempt that is followed by another one has failed.
        this.#end(event.id, 'failed');
        this.#begin(event);
        return;
      case 'node-done':
        this.#end(event.id, 'done');
        return;
      case 'node-skipped':
        this.#end(event.id, 'skipped');
        return;
      case 'node-failed':
        this.#end(event.id, 'failed');
        return;
      case 'node-cancelled':
        this.#end(event.id, 'cancelled');
        return;
      default:
        return;
    }
  }

  #begin(event: Extract<RunEvent, { type: 'node-started' }>): void {
    const free = this.#lanes.indexOf(false);
    const lane = free < 0 ? this.#lanes.length : free;
    this.#lanes[lane] = true;
    const startMs = performance.now() - this.#origin;
    const { id, key, attempt: n } = event;
    const attempt: TimedAttempt = {
      id,
      n,
      key,
      reason: event.reason.kind,
      startMs,
      lane,
      endMs: startMs,
      state: 'unfinished',
    };
    this.#open.set(id, attempt);
    this.attempts.push(attempt);
  }

  #end(id: string, state: TimedAttempt['state']): void {
    const attempt = this.#open.get(id);
    if (attempt === undefined) return;
    this.#open.delete(id);
    this.#lanes[attempt.lane] = false;
    attempt.endMs = performance.now() - this.#origin;
    attempt.state = state;
  }
}
