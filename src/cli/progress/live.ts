import type { RunEvent } from '../../engine/events.js';
import type { Remaining, RunView } from '../../engine/run-view.js';
import type { Terminal } from '../terminal.js';
import { leftText, progressBlock } from './progress-block.js';
import type { ScreenSize } from './screen-block.js';
import { Tally } from './tally.js';
import { PrettyLines } from './tty.js';

/** Between two frames, ms. */
const FRAME_MS = 200;
/** Between two looks at what is left to do, ms: numbers that change all the time are not read. */
const LEFT_MS = 2000;

/** A block that is redrawn in place while the run goes on; above it stays what a reader must not miss. */
export class LiveProgress {
  readonly #lines: PrettyLines;
  readonly #startMs: number;
  #workflow = '';
  #view: RunView | null = null;
  #tally: Tally | null = null;
  #timer: NodeJS.Timeout | null = null;
  #left: { readonly at: number; readonly found: Remaining | null } | null = null;

  constructor(
    readonly terminal: Terminal,
    readonly options: { readonly verbose: boolean; readonly debug: boolean },
    readonly nowMs: () => number,
    readonly size: () => ScreenSize,
  ) {
    this.#lines = new PrettyLines(terminal, options, nowMs);
    this.#startMs = nowMs();
  }

  watch(view: RunView): void {
    this.#view = view;
    this.#tally = new Tally(view);
    this.#timer = setInterval(() => this.draw(), FRAME_MS);
    this.#timer.unref();
  }

  show(event: RunEvent): void {
    if (event.type === 'run-started') this.#workflow = event.workflow;
    // Starts, steps and ends of nodes are what the block is about.
    const isInBlock = /^(run-started|node-(started|progress|done)|nodes-added)$/.test(event.type);
    this.#lines.show(event, !isInBlock || this.options.verbose);
    if (event.type === 'run-finished') this.close();
  }

  draw(): void {
    const view = this.#view;
    const tally = this.#tally;
    if (view === null || tally === null) return;
    const now = this.nowMs();
    if (this.#left === null || now - this.#left.at >= LEFT_MS) {
      const found = view.remaining();
      // Before something is known it is asked for again at once.
      this.#left = found === null ? null : { at: now, found };
    }
    tally.count();
    const found = this.#left?.found ?? null;
    const left = found === null ? null : leftText(found.ms, found.isPartial);
    const facts = { workflow: this.#workflow, view, tally, elapsedMs: now - this.#startMs, left };
    this.terminal.block(progressBlock(facts, this.size()));
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#view = null;
    this.terminal.block([]);
  }
}
