import { join } from 'node:path';
import { REPORT_FILE, writeReport, type WrittenReport } from '../report/write-report.js';
import { renderError } from './render-error.js';
import type { Session } from './session.js';
import { shownPlace } from './shown-place.js';
import type { Study } from './study.js';

/** Writes the report of a run that has just ended. A report that fails is told and changes nothing about the run. */
export async function reportRun(
  { entry, outputDir }: Study,
  runId: string,
  session: Session,
  isQuiet: boolean,
): Promise<void> {
  const { terminal } = session;
  const place = shownPlace(outputDir, session.cwd);
  try {
    const report = await writeReport(outputDir, runId, async (results) =>
      (await entry.definition()).describeResults(results),
    );
    tellProblems(report, session);
    if (!isQuiet) terminal.note(`  report: ${join(place, 'logs', runId, REPORT_FILE)}`);
  } catch (error) {
    const why = renderError(error, { debug: session.options.debug });
    terminal.note(
      `warning  REPORT  the report could not be written; the results are complete without it\n${why}\n` +
        `  mend: pipeline report ${runId} -o ${place}`,
    );
  }
}

export function tellProblems({ problems }: WrittenReport, { terminal }: Session): void {
  for (const problem of problems) terminal.note(`warning  REPORT  left out of the report: ${problem}`);
}
