import type { ReportSection } from '../../engine/report-section.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { writeReport } from '../../report/write-report.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import { chooseRun } from '../run-choice.js';
import { reportHelpers, tellProblems } from '../run-report.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { openCatalog } from '../workflow-catalog.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline report`: writes the report of a run again and prints its path. */
export async function reportCommand(
  run: string | undefined,
  options: ConfigSources,
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const { outputDir } = place.value;
  const chosen = chooseRun(outputDir, run ?? null);
  const catalog = await openCatalog(session);
  const entry = catalog.entries.find(({ name }) => name === chosen.workflow);
  if (entry === undefined) {
    session.terminal.note(
      `warning  REPORT  workflow ${chosen.workflow} is not known here: its results are shown without its words\n` +
        '  mend: load its module with --load',
    );
  }
  const describe = async (results: ResultFiles): Promise<ReportSection | null> =>
    entry === undefined ? null : (await entry.definition()).describeResults(results);
  const { load, verbose, debug } = session.options;
  const task = { outputDir, runId: chosen.run_id, workflow: chosen.workflow, cwd: session.cwd };
  const report = await writeReport(outputDir, chosen.run_id, describe, {
    redraw: true,
    ...(entry !== undefined && reportHelpers({ ...task, options: { load, verbose, debug } })),
  });
  tellProblems(report, session);
  session.terminal.result(report.path);
  return EXIT.done;
}
