import type { RunEvent } from '../../engine/events.js';
import type { Terminal } from '../terminal.js';

/** One JSON object per event: the event itself with the wall time, for programs that follow a run. */
export class JsonLines {
  constructor(
    readonly terminal: Terminal,
    readonly now: () => Date,
  ) {}

  show(event: RunEvent): void {
    this.terminal.note(JSON.stringify({ time: this.now().toISOString(), ...event }));
  }
}
