import type { ConfigProblem } from '../../config/index.js';
import { EXIT } from '../exit-codes.js';
import { renderConfigProblem } from '../render-error.js';
import type { Session } from '../session.js';

/** Tells all problems of a configuration and how many there are. */
export function reportConfigProblems(problems: readonly ConfigProblem[], session: Session): number {
  for (const problem of problems) session.terminal.note(renderConfigProblem(problem));
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  session.terminal.note(
    `${errors === 1 ? '1 problem' : `${errors} problems`} of the configuration; nothing was run`,
  );
  return EXIT.usage;
}
