import { StopController } from '../engine/stop-signal.js';
import { EXIT } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** Listens to interrupts while a run goes on. */
export interface StopKeys {
  readonly controller: StopController;
  /** Exit code of a run that was stopped: 130 after Ctrl-C, 143 after SIGTERM or SIGHUP. */
  exitCode(): number;
  /** Ends the listening. */
  release(): void;
}

const MESSAGES = {
  1: 'stopping: running nodes finish, no others start (Ctrl-C again cancels them)',
  2: 'cancelling: running nodes are asked to end (Ctrl-C again kills them)',
  3: 'killing the running nodes',
} as const;

/**
 * The first interrupt drains, the second cancels, the third kills. A request to terminate, and a terminal that is
 * closed, cancel at once.
 */
export function listenToStopKeys(terminal: Terminal, events: NodeJS.EventEmitter = process): StopKeys {
  const controller = new StopController();
  let exitCode: number = EXIT.interrupted;
  const tell = (level: number): void => {
    if (level === 1 || level === 2 || level === 3) terminal.note(MESSAGES[level]);
  };
  const interrupt = (): void => tell(controller.escalate());
  const terminate = (): void => {
    exitCode = EXIT.terminated;
    controller.raise(controller.signal.level >= 2 ? 3 : 2);
    tell(controller.signal.level);
  };
  events.on('SIGINT', interrupt);
  events.on('SIGTERM', terminate);
  events.on('SIGHUP', terminate);
  return {
    controller,
    exitCode: () => exitCode,
    release() {
      events.off('SIGINT', interrupt);
      events.off('SIGTERM', terminate);
      events.off('SIGHUP', terminate);
    },
  };
}
