import { CommanderError, type Command } from 'commander';
import { VERSION } from '../version.js';
import { EXIT } from './exit-codes.js';
import type { GlobalOptions } from './options.js';
import { buildProgram } from './program.js';
import { processTerminal, type Terminal } from './terminal.js';

/**
 * The `pipeline` command: reads the arguments, runs one verb, says what went wrong.
 *
 * @param argv - arguments after the program's name
 * @returns the exit code of DESIGN section 5
 */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = buildProgram(VERSION, async (options, implementation) => {
    const cwd = process.cwd();
    exitCode = await implementation({ terminal, cwd, env: process.env, argv, options, parse: optionsOf });
  });
  everyCommand(program, (command) =>
    command
      .exitOverride()
      .showSuggestionAfterError(false)
      .configureOutput({
        writeOut: (text) => terminal.result(text.trimEnd()),
        // Usage errors are told below, in the house style.
        writeErr: () => undefined,
      }),
  );
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return await checkStreams(terminal, exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return usageOutcome(program, argv, error, terminal);
    const [{ renderError }, { exitCodeOf }] = await Promise.all([
      import('./render-error.js'),
      import('./exit-codes.js'),
    ]);
    terminal.note(renderError(error, { debug: argv.includes('--debug') }));
    return exitCodeOf(error);
  }
}

/** The options of a command line, which is not carried out; null when it has no verb. */
async function optionsOf(argv: readonly string[]): Promise<GlobalOptions | null> {
  let options: GlobalOptions | null = null;
  const program = buildProgram(VERSION, (given) => {
    options = given;
    return Promise.resolve();
  });
  await program.parseAsync([...argv], { from: 'user' });
  return options;
}

/** A result that did not reach its file is a failure, also when the work itself was done. */
async function checkStreams(terminal: Terminal, exitCode: number): Promise<number> {
  // A stream tells its failure in a later turn than the write.
  await new Promise((resolve) => setImmediate(resolve));
  const failure = terminal.failure();
  if (failure === null) return exitCode;
  const { systemCode } = await import('../engine/system-code.js');
  const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(failure.error) ?? '');
  terminal.note(
    `${isFull ? 'IO_FULL' : 'IO'}  ${failure.stream} could not be written: ${failure.error.message}\n` +
      '  mend: send it to a place with room, then run the same command again',
  );
  return exitCode === EXIT.done ? EXIT.storage : exitCode;
}

async function usageOutcome(
  program: Command,
  argv: readonly string[],
  error: CommanderError,
  terminal: Terminal,
): Promise<number> {
  if (error.exitCode === 0) return EXIT.done; // help or version was asked for and shown
  const { usageMessage } = await import('./usage-error.js');
  terminal.note(usageMessage(program, argv, error));
  return EXIT.usage;
}

function everyCommand(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) everyCommand(child, change);
}
