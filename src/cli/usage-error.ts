import type { Command, CommanderError } from 'commander';
import { nearest } from '../nearest.js';

/** What is wrong with a command line, with the nearest word that exists and the help that lists them. */
export function usageMessage(program: Command, argv: readonly string[], error: CommanderError): string {
  const command = chosenCommand(program, argv);
  const mend = `  mend: see \`${fullName(command)} --help\``;
  if (error.code === 'commander.help') {
    const verbs = command.commands.map((verb) => verb.name()).join(', ');
    return `USAGE  ${fullName(command)} needs a verb: ${verbs}\n${mend}`;
  }
  const text = error.message.replace(/^error: /, '').replace(/\.$/, '');
  return `USAGE  ${text}${suggestion(command, error)}\n${mend}`;
}

function suggestion(command: Command, error: CommanderError): string {
  const word = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  if (error.code === 'commander.unknownOption') {
    const known = optionsOf(command).flatMap((option) => option.long ?? []);
    const near = nearest(word.replace(/=.*/, ''), known);
    return near === null ? '' : `; did you mean ${near}?`;
  }
  if (error.code === 'commander.unknownCommand' || error.code === 'commander.excessArguments') {
    const near = nearest(
      word,
      command.commands.map((verb) => verb.name()),
    );
    return near === null ? '' : `; did you mean ${near}?`;
  }
  return '';
}

function optionsOf(command: Command): Command['options'] {
  return [...command.options, ...(command.parent === null ? [] : optionsOf(command.parent))];
}

/** The innermost verb that the arguments name. */
function chosenCommand(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const child = command.commands.find((verb) => verb.name() === word);
    if (child !== undefined) command = child;
  }
  return command;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
