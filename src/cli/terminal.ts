import { ScreenBlock, type ScreenSize } from './progress/screen-block.js';
import type { Line } from './progress/text-width.js';

/** The two streams of a command: results go to stdout, everything else to stderr. */
export interface Terminal {
  /** A result. One line break is added. */
  result(text: string): void;
  /** Anything else that people read. One line break is added. */
  note(text: string): void;
  /** Lines that stand below all notes and are drawn again in place; does nothing where `screen` is null. */
  block(lines: readonly Line[]): void;
  /** Size of the terminal behind stderr; null when there is none, or none whose cursor can be moved. */
  readonly screen: (() => ScreenSize) | null;
  readonly hasColor: boolean;
  /** Whether a person watches stderr. */
  readonly isInteractive: boolean;
  /** Why a stream could not be written, such as a full disk behind it; null when all was well or nobody reads. */
  failure(): { readonly stream: 'stdout' | 'stderr'; readonly error: NodeJS.ErrnoException } | null;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** A terminal that does not tell its size, as some serial ones. */
const USUAL_SIZE: ScreenSize = { columns: 80, rows: 24 };

/**
 * Writes to the process's streams. A reader that went away (`pipeline list | head`) ends the writing without an
 * error. Any other failure ends it too, so that a full disk under a log stops no run, and is kept for the exit code.
 */
export function processTerminal(
  stdout: Stream = process.stdout,
  stderr: Stream = process.stderr,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  let failure: ReturnType<Terminal['failure']> = null;
  const writeTo = (name: 'stdout' | 'stderr', stream: Stream): ((text: string) => void) => {
    let isOpen = true;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      isOpen = false;
      // EPIPE: the reader has gone; EIO: the terminal was closed.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') failure ??= { stream: name, error };
    });
    return (text) => {
      if (isOpen && text !== '') stream.write(text);
    };
  };
  const isInteractive = stderr.isTTY === true;
  const hasColor = wantsColor(isInteractive, env);
  const size = (): ScreenSize => ({
    // A window of no size is one whose size is not known.
    columns: stderr.columns || USUAL_SIZE.columns,
    rows: stderr.rows || USUAL_SIZE.rows,
  });
  const screen = isInteractive && env['TERM'] !== 'dumb' ? size : null;
  const block = new ScreenBlock(size, hasColor);
  const out = writeTo('stdout', stdout);
  const err = writeTo('stderr', stderr);
  return {
    result(text) {
      // Where both go to one terminal, the result must not land in the block.
      const lines = block.lines;
      if (stdout.isTTY === true) err(block.replace([]));
      out(`${text}\n`);
      err(block.replace(lines));
    },
    note: (text) => err(block.above(`${text}\n`)),
    block(lines) {
      if (screen !== null) err(block.replace(lines));
    },
    screen,
    failure: () => failure,
    isInteractive,
    hasColor,
  };
}

/** FORCE_COLOR before NO_COLOR, as in Node itself; without either, a terminal that is not dumb has colours. */
function wantsColor(isInteractive: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: forced = '', NO_COLOR: refused = '', TERM: term } = env;
  if (forced !== '') return !['0', 'false'].includes(forced);
  return isInteractive && refused === '' && term !== 'dumb';
}

/** Removes terminal control codes from text that a node or a file brought. Line breaks and tabs stay. */
export function withoutControlCodes(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- escape sequences: CSI, OSC, and single ones
      .replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g, '')
      // eslint-disable-next-line no-control-regex -- what is left of them
      .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  );
}
