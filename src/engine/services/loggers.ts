import { ConfigError } from '../../errors.js';
import { emitService, setFallbackListener, type LogLevelName } from './service-events.js';
import { jsonRenderer, lineRenderer, terminalRenderer } from './renderers.js';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** How much a logger says. */
export type LoggerLevel = (typeof LEVELS)[number];

/** Options of `getLogger`. */
export interface LoggerOptions {
  /** Of this logger and those below it; without it, that of the nearest logger above that has one. */
  readonly level?: LoggerLevel;
  /** false: JSON lines where nobody listens and stderr is used. Of the whole process; the last word counts. */
  readonly pretty?: boolean;
}

/** Says what happens, under a dotted name. */
export interface Logger {
  readonly name: string;
  /** The level in force. */
  readonly level: LoggerLevel;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const ROOT = 'neuroloom';
const own = new Map<string, LoggerLevel>([[ROOT, 'info']]);
const made = new Map<string, Logger>();
let isPretty = true;

// Standard error is opened at the first event and not before: a listener may come first.
let render: ((event: Parameters<typeof emitService>[0]) => void) | null = null;
setFallbackListener((event) => {
  render ??= !isPretty
    ? jsonRenderer(process.stderr)
    : process.stderr.isTTY
      ? terminalRenderer(process.stderr)
      : lineRenderer(process.stderr);
  render(event);
});

/**
 * A logger by its dotted name, `neuroloom.spectral`; the same name gives the same logger. Levels are inherited by name.
 *
 * Within a node its lines go to the log of the node; elsewhere to stderr.
 */
export function getLogger(name: string = ROOT, { level, pretty }: LoggerOptions = {}): Logger {
  if (level !== undefined) own.set(name, checked(level));
  if (pretty !== undefined && pretty !== isPretty) {
    isPretty = pretty;
    render = null;
  }
  const known = made.get(name);
  if (known !== undefined) return known;
  const at = (of: LogLevelName) => (message: string) => {
    if (LEVELS.indexOf(of) < LEVELS.indexOf(levelOf(name))) return;
    emitService({ type: 'log', logger: name, level: of, message: String(message), time: Date.now() });
  };
  const logger: Logger = {
    name,
    get level() {
      return levelOf(name);
    },
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  made.set(name, logger);
  return logger;
}

/**
 * The level of every logger, also of those that were made before or have one of their own; with a name, of that one and those
 * below it.
 *
 * @throws ConfigError CONFIG_VALUE for a level that is not there
 */
export function setLogLevel(level: LoggerLevel, name?: string): void {
  checked(level);
  for (const known of [...own.keys()]) {
    if (name === undefined || known === name || known.startsWith(`${name}.`)) own.delete(known);
  }
  own.set(name ?? ROOT, level);
}

/** The nearest level from a name upward. Every logger is below the root. */
function levelOf(name: string): LoggerLevel {
  for (let at = name; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const level = own.get(at);
    if (level !== undefined) return level;
  }
  return own.get(ROOT) ?? 'info';
}

function checked(level: LoggerLevel): LoggerLevel {
  if (LEVELS.includes(level)) return level;
  throw new ConfigError('CONFIG_VALUE', `there is no log level '${String(level)}'`, {
    cure: `use one of ${LEVELS.join(', ')}`,
  });
}
