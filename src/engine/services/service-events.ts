/** What loggers and progress bars of node authors say: one closed union, told to whoever listens. */
export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

/** What loggers and progress bars of authors of nodes report. */
export type ServiceEvent =
  | {
      readonly type: 'log';
      /** Dotted name of the logger. */
      readonly logger: string;
      readonly level: LogLevelName;
      readonly message: string;
      /** ms since 1970 */
      readonly time: number;
    }
  | {
      readonly type: 'progress-start';
      readonly id: number;
      readonly description: string;
      /** null: not known, shown as a spinner. */
      readonly total: number | null;
      /** The bar this one belongs to. */
      readonly parent: number | null;
    }
  | {
      readonly type: 'progress-advance';
      readonly id: number;
      readonly done: number;
      readonly total: number | null;
    }
  /** A bar starts over, for the next step of its parent. */
  | { readonly type: 'progress-reset'; readonly id: number }
  | { readonly type: 'progress-stop'; readonly id: number };

/** Receives the events of loggers and progress bars of this process. */
export type ServiceListener = (event: ServiceEvent) => void;

let listener: ServiceListener | null = null;
let fallback: ServiceListener | null = null;

/**
 * Who hears loggers and progress bars from now on; null: the default, lines on stderr.
 *
 * @returns who heard them before, to be given back
 */
export function setServiceListener(next: ServiceListener | null): ServiceListener | null {
  const before = listener;
  listener = next;
  return before;
}

/** What listens where nobody else does. */
export function setFallbackListener(next: ServiceListener): void {
  fallback ??= next;
}

export function emitService(event: ServiceEvent): void {
  (listener ?? fallback)?.(event);
}
