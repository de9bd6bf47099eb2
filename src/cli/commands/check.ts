import { isReady } from '../../engine/requirements.js';
import { requirementProblems } from '../../engine/prepare.js';
import { EXIT } from '../exit-codes.js';
import type { StudyOptions } from '../options.js';
import { checkOptions, contextOf, reportRequirements, reportWarnings } from '../prepare.js';
import type { Session } from '../session.js';
import { openStudy } from '../study.js';
import { openCatalog } from '../workflow-catalog.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline check`: configuration and requirements, all problems at once; runs and writes nothing. */
export async function checkCommand(
  options: StudyOptions & { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  const opened = await openStudy(catalog, options, session);
  if (!opened.ok) return reportConfigProblems(opened.error, session);
  const study = opened.value;
  const definition = await study.entry.definition();
  const problems = await requirementProblems({
    definition,
    config: study.loaded.config,
    context: contextOf(study, options),
    find: (other) => catalog.find(other).definition(),
    ...checkOptions(options),
  });
  const { name } = study.entry;
  if (options.json === true) {
    session.terminal.result(JSON.stringify({ workflow: name, ready: isReady(problems), problems }, null, 2));
  }
  if (!isReady(problems)) return reportRequirements(name, problems, session);
  reportWarnings(name, problems, session);
  if (options.json !== true) session.terminal.result(`${name}: ready to run`);
  return EXIT.done;
}
