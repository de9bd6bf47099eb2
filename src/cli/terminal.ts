/** The two streams of a command: results go to stdout, everything else to stderr. */
export interface Terminal {
  /** A result. One line break is added. */
  result(text: string): void;
  /** Anything else that people read. One line break is added. */
  note(text: string): void;
  readonly hasColor: boolean;
  /** Whether a person watches stderr. */
  readonly isInteractive: boolean;
  /** Why a stream could not be written, such as a full disk behind it; null when all was well or nobody reads. */
  failure(): { readonly stream: 'stdout' | 'stderr'; readonly error: NodeJS.ErrnoException } | null;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'> & { readonly isTTY?: boolean };

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
      if (isOpen) stream.write(`${text}\n`);
    };
  };
  const noColor = env['NO_COLOR'];
  return {
    result: writeTo('stdout', stdout),
    note: writeTo('stderr', stderr),
    failure: () => failure,
    isInteractive: stderr.isTTY === true,
    hasColor: stderr.isTTY === true && (noColor === undefined || noColor === '') && env['TERM'] !== 'dumb',
  };
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
