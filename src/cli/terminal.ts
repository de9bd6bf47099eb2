/** The two streams of a command: results go to stdout, everything else to stderr. */
export interface Terminal {
  /** A result. One line break is added. */
  result(text: string): void;
  /** Anything else that people read. One line break is added. */
  note(text: string): void;
  readonly hasColor: boolean;
  /** Whether a person watches stderr. */
  readonly isInteractive: boolean;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'on'> & { readonly isTTY?: boolean };

/**
 * Writes to the process's streams. A reader that went away (`pipeline list | head`) ends the writing without an
 * error; other failures of a stream are not hidden.
 */
export function processTerminal(
  stdout: Stream = process.stdout,
  stderr: Stream = process.stderr,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  const writeTo = (stream: Stream): ((text: string) => void) => {
    let isOpen = true;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // EPIPE: the reader has gone; EIO: the terminal was closed.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      isOpen = false;
    });
    return (text) => {
      if (isOpen) stream.write(`${text}\n`);
    };
  };
  const noColor = env['NO_COLOR'];
  return {
    result: writeTo(stdout),
    note: writeTo(stderr),
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
