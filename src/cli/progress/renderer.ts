import type { RunEvent } from '../../engine/events.js';
import type { LogFormat } from '../options.js';
import type { Terminal } from '../terminal.js';
import { JsonLines } from './jsonl.js';
import { PlainLines } from './lines.js';
import { PrettyLines } from './tty.js';
import type { RunView } from '../../engine/run-view.js';
import { LiveProgress } from './live.js';

export interface ProgressOptions {
  /** Also what was reused, and the messages of nodes below `warn`. */
  readonly verbose: boolean;
  /** Stack traces of failed nodes. */
  readonly debug: boolean;
}

/** Turns the events of a run into something to read; one object per run. */
export interface ProgressRenderer {
  show(event: RunEvent): void;
  /** Where it is there, it is given the run to look at. */
  watch?(view: RunView): void;
  /** Ends the showing, also of a run that did not end well. */
  close?(): void;
}

export function progressRenderer(
  format: LogFormat,
  terminal: Terminal,
  options: ProgressOptions,
): ProgressRenderer {
  switch (format) {
    case 'json':
      return new JsonLines(terminal, () => new Date());
    case 'plain':
      return new PlainLines(terminal, options, () => new Date());
    case 'pretty':
      return terminal.screen === null
        ? new PrettyLines(terminal, options, () => Date.now())
        : new LiveProgress(terminal, options, () => Date.now(), terminal.screen);
  }
}
