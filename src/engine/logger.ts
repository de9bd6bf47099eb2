import { createRequire } from 'node:module';
import type * as Pino from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type StructuredLogger = Pick<Pino.Logger, LogLevel>;

/**
 * A logger that writes one JSON object per line: `level`, `time` (ISO), the fields of the call, `msg`. The only user of
 * pino, which is loaded here and not before: a run that reuses everything logs nothing.
 *
 * @param write - receives each line with its line break
 */
export function structuredLogger(write: (line: string) => void, level: LogLevel = 'debug'): StructuredLogger {
  const { pino } = createRequire(import.meta.url)('pino') as typeof Pino;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}
