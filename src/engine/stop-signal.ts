/**
 * How a run is asked to stop, in three degrees: an interrupt key pressed once lets running nodes finish, twice
 * cancels them, three times kills them.
 */
export type StopLevel = 0 | 1 | 2 | 3;

/** How firmly a run is asked to stop: start no more, cancel what runs, kill it. */
export const STOP = { none: 0, drain: 1, cancel: 2, kill: 3 } as const;

/** Tells a run to stop, in steps that only rise. */
export interface StopSignal {
  readonly level: StopLevel;
  /** Calls the listener at every rise; returns how to end that. */
  onRise(listener: (level: StopLevel) => void): () => void;
}

/** Raises a {@link StopSignal}. */
export class StopController {
  #level: StopLevel = STOP.none;
  readonly #listeners = new Set<(level: StopLevel) => void>();

  readonly signal: StopSignal;

  constructor() {
    const level = (): StopLevel => this.#level;
    this.signal = {
      get level() {
        return level();
      },
      onRise: (listener) => {
        this.#listeners.add(listener);
        return () => {
          this.#listeners.delete(listener);
        };
      },
    };
  }

  /** One degree harder: drain, cancel, kill. */
  escalate(): StopLevel {
    this.raise(Math.min(this.#level + 1, STOP.kill) as StopLevel);
    return this.#level;
  }

  /** Never lowers the level. */
  raise(level: StopLevel): void {
    if (level <= this.#level) return;
    this.#level = level;
    for (const listener of [...this.#listeners]) listener(level);
  }
}

/** A controller that rises with the caller's signal. A plain AbortSignal cancels: running nodes are asked to end. */
export function followStop(signal: AbortSignal | StopSignal | undefined): {
  readonly controller: StopController;
  /** Ends the listening: a signal may serve many runs. */
  readonly release: () => void;
} {
  const controller = new StopController();
  if (signal === undefined) return { controller, release: () => undefined };
  if (!(signal instanceof AbortSignal)) {
    controller.raise(signal.level);
    const release = signal.onRise((level) => {
      controller.raise(level);
    });
    return { controller, release };
  }
  const cancel = (): void => {
    controller.raise(STOP.cancel);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return {
    controller,
    release: () => {
      signal.removeEventListener('abort', cancel);
    },
  };
}
