/** Draws the report of a run in a process of its own: what goes wrong here costs the page and not the run. */
import {
  writeParticipantPages,
  writeReport,
  type Describe,
  type WrittenReport,
} from '../report/write-report.js';
import { renderError } from './render-error.js';
import { reportHelpers } from './run-report.js';
import { openCatalog } from './workflow-catalog.js';
import type { GlobalOptions } from './options.js';

/** What the process is asked. */
export interface ReportTask {
  readonly outputDir: string;
  readonly runId: string;
  readonly workflow: string;
  readonly cwd: string;
  readonly options: GlobalOptions;
  /** Only these pages of participants, as label and path, of a report that another process writes. */
  readonly pages?: readonly (readonly [label: string, page: string])[];
}

export type ReportAnswer = { readonly report: WrittenReport } | { readonly error: string };

async function answer(task: ReportTask): Promise<ReportAnswer> {
  const { outputDir, runId, workflow, cwd, options, pages } = task;
  try {
    const entry = (await openCatalog({ cwd, options })).find(workflow);
    const describe: Describe = async (results) => (await entry.definition()).describeResults(results);
    if (pages !== undefined) {
      const problems = await writeParticipantPages(outputDir, runId, describe, new Map(pages));
      return { report: { path: outputDir, participants: pages.length, problems } };
    }
    return { report: await writeReport(outputDir, runId, describe, reportHelpers(task)) };
  } catch (error) {
    return { error: renderError(error, { debug: options.debug }) };
  }
}

process.once('message', (task: ReportTask) => {
  void answer(task).then((said) => process.send?.(said, () => process.exit(0)));
});
