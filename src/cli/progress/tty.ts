import type { RunEvent } from '../../engine/events.js';
import type { Terminal } from '../terminal.js';
import { EventTexts, type EventLevel } from './event-text.js';

const MARKS: Readonly<Record<EventLevel, { mark: string; color: number }>> = {
  step: { mark: '·', color: 2 },
  done: { mark: '✓', color: 32 },
  warning: { mark: '!', color: 33 },
  failure: { mark: '✗', color: 31 },
};

/** Marked lines with the time since the start, for a person who watches. Colours only where the terminal has them. */
export class PrettyLines {
  readonly #texts: EventTexts;
  readonly #startMs: number;
  #nodes = 0;
  #ended = 0;

  constructor(
    readonly terminal: Terminal,
    options: { readonly verbose: boolean; readonly debug: boolean },
    readonly nowMs: () => number,
  ) {
    this.#texts = new EventTexts(options, nowMs);
    this.#startMs = nowMs();
  }

  /** @param isShown - false: it is only counted */
  show(event: RunEvent, isShown = true): void {
    if (event.type === 'run-started' || event.type === 'nodes-added') this.#nodes = event.nodes;
    if (event.type === 'nodes-reused') this.#ended += event.ids.length;
    else if (/^node-(adopted|done|skipped|failed|cancelled|not-started)$/.test(event.type)) this.#ended++;
    const line = isShown ? this.#texts.of(event) : null;
    if (line === null) return;
    const { mark, color } = MARKS[line.level];
    const shownMark = this.terminal.hasColor ? `\u001b[${color}m${mark}\u001b[0m` : mark;
    const width = String(this.#nodes).length;
    const share =
      event.type === 'run-started' ? '' : `[${String(this.#ended).padStart(width)}/${this.#nodes}] `;
    this.terminal.note(`${shownMark} ${elapsedText(this.nowMs() - this.#startMs)} ${share}${line.text}`);
  }
}

/** `0:07`, `12:30`, `1:02:03`. */
export function elapsedText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
