/** What may stand at the end of an unfinished command line, and the scripts with which shells ask. */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What is known only by looking. */
export interface CompletionSources {
  workflows(): readonly string[];
  keys(): Promise<readonly { readonly key: string; readonly choices: readonly string[] }[]>;
  participants(inputDir: string | null): readonly string[];
}

/**
 * Candidates for the last word; empty where the shell's own files are the best guess.
 *
 * @param words - after the program's name; the last one may be empty
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  sources: CompletionSources,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { command, operands } = verbOf(program, before);
  const starting = (all: readonly string[]): string[] =>
    [...new Set(all)].filter((one) => one.startsWith(current)).sort();
  const option = optionNamed([...command.options, ...program.options], before.at(-1));
  if (option !== null && (option.required || (option.optional && !current.startsWith('-')))) {
    return valuesOf(option, current, before, sources);
  }
  if (current.startsWith('-')) {
    const known = [...command.options, ...program.options].filter(({ hidden }) => !hidden);
    return starting([...known.flatMap(({ long }) => long ?? []), '--help']);
  }
  const verbs = command.commands.map((child) => child.name()).filter((name) => name !== 'complete-words');
  if (verbs.length > 0 && operands === 0) return starting(verbs);
  const argument = command.registeredArguments[operands];
  if (argument?.argChoices !== undefined) return starting(argument.argChoices);
  if (argument?.name() === 'workflow') return starting(sources.workflows());
  if (argument?.name() === 'key') return starting((await sources.keys()).map(({ key }) => key));
  return [];
}

async function valuesOf(
  option: Option,
  current: string,
  before: readonly string[],
  sources: CompletionSources,
): Promise<string[]> {
  const starting = (all: readonly string[]): string[] => all.filter((one) => one.startsWith(current));
  if (option.argChoices !== undefined) return starting(option.argChoices);
  switch (option.long) {
    case '--workflow':
      return starting(sources.workflows());
    case '--participants': {
      const done = current.slice(0, current.lastIndexOf(',') + 1);
      const given = new Set(done.split(','));
      const labels = sources.participants(valueAfter(before, '-i', '--input'));
      return starting(labels.filter((label) => !given.has(label)).map((label) => done + label));
    }
    case '--set': {
      const keys = await sources.keys();
      const [key = '', value] = current.split('=');
      if (value === undefined) return starting(keys.map((one) => `${one.key}=`));
      return starting((keys.find((one) => one.key === key)?.choices ?? []).map((one) => `${key}=${one}`));
    }
    default:
      return [];
  }
}

/** The innermost verb that the words name, and how many of its arguments are there already. */
function verbOf(program: Command, words: readonly string[]): { command: Command; operands: number } {
  let command = program;
  let operands = 0;
  let isValue = false;
  for (const word of words) {
    if (isValue) {
      isValue = false;
      continue;
    }
    if (word.startsWith('-')) {
      isValue = optionNamed([...command.options, ...program.options], word)?.required === true;
      continue;
    }
    const child = operands === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (child === undefined) operands++;
    else command = child;
  }
  return { command, operands };
}

function optionNamed(options: readonly Option[], word: string | undefined): Option | null {
  return options.find(({ short, long }) => word !== undefined && (word === short || word === long)) ?? null;
}

function valueAfter(words: readonly string[], ...flags: readonly string[]): string | null {
  const at = words.findLastIndex((word) => flags.includes(word));
  return at < 0 ? null : (words[at + 1] ?? null);
}

/** The scripts ask `pipeline complete-words`; without an answer the shell completes files. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      // Bash splits words at `=`, which `--set key=value` needs whole: the line is split at blanks here.
      return `_pipeline_complete() {
  local line="\${COMP_LINE:0:COMP_POINT}" words current
  read -r -a words <<< "$line"
  current="\${words[\${#words[@]}-1]}"
  if [[ "$line" == *" " ]]; then words+=(""); current=""; fi
  local IFS=$'\\n'
  COMPREPLY=($(pipeline complete-words -- "\${words[@]:1}" 2>/dev/null))
  if [[ "$current" == *=* ]]; then COMPREPLY=("\${COMPREPLY[@]#*=}"); fi
  if [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" != *= ]]; then COMPREPLY[0]+=" "; fi
}
complete -o default -o nospace -F _pipeline_complete pipeline`;
    case 'zsh':
      return `#compdef pipeline
_pipeline_complete() {
  local -a found
  found=("\${(@f)$(pipeline complete-words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z "\${found[1]}" ]]; then _files; return; fi
  local -a open; open=(\${(M)found:#*=})
  if (( \${#open} )); then compadd -S '' -a found; else compadd -a found; fi
}
compdef _pipeline_complete pipeline`;
    case 'fish':
      return `function __pipeline_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (pipeline complete-words -- $words[2..-1] 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c pipeline -f -a '(__pipeline_complete)'`;
  }
}
