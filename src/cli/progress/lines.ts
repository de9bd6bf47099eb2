import type { RunEvent } from '../../engine/events.js';
import type { Terminal } from '../terminal.js';
import { EventTexts } from './event-text.js';

/** One dated line per change, without cursor codes or colours: for log files and batch systems. */
export class PlainLines {
  readonly #texts: EventTexts;

  constructor(
    readonly terminal: Terminal,
    options: { readonly verbose: boolean; readonly debug: boolean },
    readonly now: () => Date,
  ) {
    this.#texts = new EventTexts(options, () => this.now().getTime());
  }

  show(event: RunEvent): void {
    const line = this.#texts.of(event);
    if (line === null) return;
    const mark = line.level === 'warning' ? 'warning  ' : line.level === 'failure' ? 'error  ' : '';
    this.terminal.note(`${localTime(this.now())}  ${mark}${line.text}`);
  }
}

/** `2026-03-01 14:05:09`, local time. */
export function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
