import type { Command } from 'commander';
import type { GlobalOptions } from '../options.js';
import type { Session } from '../session.js';

export type Implementation = (session: Session) => Promise<number>;

/** Binds what a verb does to its options (those of the program among them) and its arguments. */
export type Does = <O extends GlobalOptions>(
  implement: (options: O, args: string[]) => Implementation,
) => (...given: unknown[]) => Promise<void>;

export type Example = readonly [command: string, meaning: string];

/** A verb below `parent`: its description, its examples first in its help. */
export function verb(
  parent: Command,
  usage: string,
  description: string,
  shown: readonly Example[],
): Command {
  return parent.command(usage).description(description).addHelpText('before', examples(shown));
}

/** The block of examples that opens a help text. */
export function examples(shown: readonly Example[]): string {
  const lines = shown.map(
    ([command, meaning]) => `  ${command}${meaning === '' ? '' : `\n      ${meaning}`}`,
  );
  return `Examples:\n${lines.join('\n')}\n`;
}
