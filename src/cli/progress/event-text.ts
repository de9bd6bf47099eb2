import type { RunEvent } from '../../engine/events.js';
import { reasonText } from '../../engine/reason-text.js';
import { isUpstreamSkip } from '../../engine/skip-reason.js';
import { durationText } from '../../engine/duration-text.js';
import { renderNodeFailure } from '../render-error.js';
import { withoutControlCodes } from '../terminal.js';

export type EventLevel = 'step' | 'done' | 'warning' | 'failure';

export interface EventText {
  readonly level: EventLevel;
  readonly text: string;
}

/** Least time between two progress lines of one node: a log is read by people. */
const PROGRESS_PACE_MS = 10_000;

/** What the end of the run left. */
interface Stopped {
  readonly because: string;
  readonly nodes: number;
}

/** Says an event in one line, or in a block for a failure; null for what a reader does not need. */
export class EventTexts {
  readonly #shownAt = new Map<string, number>();
  #stopped: Stopped | null = null;

  constructor(
    readonly options: { readonly verbose: boolean; readonly debug: boolean },
    readonly nowMs: () => number,
  ) {}

  of(event: RunEvent): EventText | null {
    switch (event.type) {
      case 'run-started':
        return step(`${event.workflow}: ${count(event.nodes, 'node')}, up to ${count(event.jobs, 'worker')}`);
      case 'nodes-added':
        return event.because === null
          ? null
          : step(`${event.because}  gave a list: ${count(event.added, 'node')} more, ${event.nodes} in all`);
      case 'nodes-reused':
        return this.options.verbose ? step(event.ids.map((id) => `${id}  reused`).join('\n  ')) : null;
      case 'node-adopted':
        return step(`${event.id}  finished by another run, taken over`);
      case 'node-waiting':
        return step(`${event.id}  waits: another run is working on it`);
      case 'node-started': {
        const attempt = event.attempt > 1 ? `, attempt ${event.attempt}` : '';
        return step(`${event.id}  started: ${reasonText(event.reason)}${attempt}`);
      }
      case 'node-progress':
        return this.#progress(event);
      case 'node-metric':
        return this.options.verbose ? step(`${event.id}  ${event.name} ${metricText(event.values)}`) : null;
      case 'node-log':
        return this.#log(event);
      case 'node-done': {
        const memory = event.peakMb >= 1 ? `, peak ${memoryText(event.peakMb)}` : '';
        const tries = event.attempts > 1 ? `, in attempt ${event.attempts}` : '';
        return { level: 'done', text: `${event.id}  done in ${durationText(event.ms)}${memory}${tries}` };
      }
      case 'node-skipped': {
        // A skipped item is told in every run, also when that decision came from the cache: it stays missing. What
        // follows from it is not worth a line each.
        if (isUpstreamSkip(event.reason) && !this.options.verbose) return null;
        return { level: 'warning', text: `${event.id}  skipped: ${withoutControlCodes(event.reason)}` };
      }
      case 'node-retried': {
        const more =
          event.failureClass === 'out-of-memory'
            ? ` with ${memoryText(event.memoryGb * 1024)}`
            : event.failureClass === 'timeout' && event.timeoutMs !== null
              ? ` with a limit of ${durationText(event.timeoutMs)}`
              : '';
        const text = `${event.id}  attempt ${event.attempt} failed (${event.failureClass}): ${event.message}`;
        return { level: 'warning', text: withoutControlCodes(`${text}\n  it is tried again${more}`) };
      }
      case 'node-failed': {
        const allowed = event.allowed ? '\n  the run goes on without it' : '';
        return {
          level: event.allowed ? 'warning' : 'failure',
          text: renderNodeFailure(event, { showStack: this.options.debug }) + allowed,
        };
      }
      case 'node-not-started':
        if (event.stopped) {
          this.#stopped = { because: event.because, nodes: (this.#stopped?.nodes ?? 0) + 1 };
          return null;
        }
        return { level: 'warning', text: `${event.id}  not started: ${withoutControlCodes(event.because)}` };
      case 'node-cancelled':
        return { level: 'warning', text: `${event.id}  cancelled while it ran` };
      case 'published':
        return event.fresh && this.options.verbose ? step(`${event.path}  written`) : null;
      case 'pruned':
        return step(`${event.path}  taken away: it is no longer part of the result`);
      case 'jobs-submitted':
        return step(
          `${event.scheduler} job ${event.jobId}: ${count(event.nodes, 'node')} of ${event.node} in ${count(event.jobs, 'array element')}`,
        );
      case 'jobs-adopted':
        return step(
          `${count(event.jobs, `${event.scheduler} job`)} of earlier runs may still work on ${count(event.nodes, 'node')}; results are taken over`,
        );
      case 'warning': {
        const cure = event.cure === null ? '' : `\n  mend: ${event.cure}`;
        return { level: 'warning', text: withoutControlCodes(`${event.code}  ${event.message}${cure}`) };
      }
      case 'run-finished':
        return this.#stopped === null ? null : this.#notStarted(this.#stopped); // the summary says the rest
    }
  }

  /** One line for all: a run that is stopped early leaves thousands. */
  #notStarted({ because, nodes }: Stopped): EventText {
    return { level: 'warning', text: `${count(nodes, 'node')} not started: ${withoutControlCodes(because)}` };
  }

  #progress(event: Extract<RunEvent, { type: 'node-progress' }>): EventText | null {
    const now = this.nowMs();
    const last = this.#shownAt.get(event.id);
    const isLast = event.total > 0 && event.done >= event.total;
    if (last !== undefined && now - last < PROGRESS_PACE_MS && !isLast) return null;
    this.#shownAt.set(event.id, now);
    const text = event.text === null ? '' : `  ${withoutControlCodes(event.text)}`;
    const of = event.total > 0 ? ` of ${event.total}` : '';
    return step(`${event.id}  ${event.done}${of}${text}`);
  }

  #log(event: Extract<RunEvent, { type: 'node-log' }>): EventText | null {
    const isWarning = event.level === 'warn' || event.level === 'error';
    const isShown = isWarning || (event.level === 'info' ? this.options.verbose : this.options.debug);
    if (!isShown) return null;
    return {
      level: isWarning ? 'warning' : 'step',
      text: `${event.id}  ${withoutControlCodes(event.message)}`,
    };
  }
}

function step(text: string): EventText {
  return { level: 'step', text };
}

/** `1 node`, `12 nodes`. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

export function memoryText(mb: number): string {
  return mb < 1000 ? `${Math.round(mb)} MB` : `${(mb / 1024).toFixed(1)} GB`;
}

function metricText(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === 'number' ? Number(value.toPrecision(5)) : JSON.stringify(value)}`,
    )
    .join(' ');
}
