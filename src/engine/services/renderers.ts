/** Three looks of the same events: lines, JSON lines, and a bar that is drawn over. All go to one stream, never to stdout. */
import type { ServiceEvent, ServiceListener } from './service-events.js';

/** Where text goes; a terminal is drawn over. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** One JSON object per event. */
export function jsonRenderer(sink: TextSink): ServiceListener {
  return (event) => void sink.write(`${JSON.stringify(event)}\n`);
}

/** Log lines, and a line for every tenth of a bar; nothing is skipped or told twice. */
export function lineRenderer(sink: TextSink): ServiceListener {
  const bars = new Map<number, { readonly description: string; tenth: number }>();
  return (event) => {
    switch (event.type) {
      case 'log':
        sink.write(`${logLine(event)}\n`);
        return;
      case 'progress-start':
        bars.set(event.id, { description: event.description, tenth: 0 });
        if (event.total === null) sink.write(`${event.description} ...\n`);
        return;
      case 'progress-advance': {
        const bar = bars.get(event.id);
        if (bar === undefined || event.total === null || event.total === 0) return;
        const tenth = Math.floor((10 * event.done) / event.total);
        if (tenth <= bar.tenth) return;
        bar.tenth = tenth;
        sink.write(`${bar.description}: ${event.done}/${event.total} (${10 * tenth} %)\n`);
        return;
      }
      case 'progress-reset': {
        const bar = bars.get(event.id);
        if (bar !== undefined) bar.tenth = 0;
        return;
      }
      case 'progress-stop':
        bars.delete(event.id);
    }
  };
}

/** The innermost bar in one line that is drawn over at most ten times a second; log lines stand above it. */
export function terminalRenderer(
  sink: TextSink,
  now: () => number = () => performance.now(),
): ServiceListener {
  interface Bar {
    readonly description: string;
    done: number;
    total: number | null;
    readonly since: number;
  }
  const bars = new Map<number, Bar>();
  let drawn = -Infinity;
  let isShown = false;
  const clear = (): void => {
    if (isShown) sink.write('\r\u001b[2K');
    isShown = false;
  };
  const draw = (): void => {
    const time = now();
    clear();
    if (bars.size === 0) return;
    drawn = time;
    const text = [...bars.values()].map((bar) => barText(bar, time)).join('  ');
    sink.write(text.slice(0, (sink.columns ?? 80) - 1));
    isShown = true;
  };
  return (event) => {
    switch (event.type) {
      case 'log':
        clear();
        sink.write(`${logLine(event)}\n`);
        return draw();
      case 'progress-start':
        bars.set(event.id, { description: event.description, done: 0, total: event.total, since: now() });
        return draw();
      case 'progress-advance': {
        const bar = bars.get(event.id);
        if (bar === undefined) return;
        bar.done = event.done;
        bar.total = event.total;
        if (now() - drawn >= 100 || bar.done === bar.total) draw();
        return;
      }
      case 'progress-reset': {
        const bar = bars.get(event.id);
        if (bar !== undefined) bar.done = 0;
        return;
      }
      case 'progress-stop':
        bars.delete(event.id);
        draw();
    }
  };
}

function barText(
  bar: {
    readonly description: string;
    readonly done: number;
    readonly total: number | null;
    readonly since: number;
  },
  now: number,
): string {
  const seconds = (now - bar.since) / 1000;
  if (bar.total === null)
    return `${'|/-\\'[Math.floor(seconds * 4) % 4]} ${bar.description} ${bar.done || ''}`.trimEnd();
  const share = bar.total === 0 ? 1 : Math.min(1, bar.done / bar.total);
  const filled = Math.round(20 * share);
  const left = share > 0 && share < 1 ? ` ${Math.ceil((seconds / share) * (1 - share))} s left` : '';
  return `${bar.description} [${'#'.repeat(filled)}${'.'.repeat(20 - filled)}] ${bar.done}/${bar.total}${left}`;
}

/** `[HH:MM:SS] LEVEL name - message`, local time. */
function logLine({ time, level, logger, message }: Extract<ServiceEvent, { type: 'log' }>): string {
  const at = new Date(time);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
  return `[${clock}] ${level.toUpperCase().padEnd(5)} ${logger} - ${message}`;
}
