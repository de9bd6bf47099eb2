import type { GlobalOptions } from './options.js';
import type { Terminal } from './terminal.js';

/** What a command may use of the world around it. */
export interface Session {
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command line, for the history of runs. */
  readonly argv: readonly string[];
  readonly options: GlobalOptions;
  /** The options of another command line of this program, of an earlier run for example. */
  readonly parse: (argv: readonly string[]) => Promise<GlobalOptions | null>;
}
