/** Draws the report of a run in a process of its own: what goes wrong here costs the page and not the run. */
import { writeReport, type WrittenReport } from '../report/write-report.js';
import { renderError } from './render-error.js';
import { openCatalog } from './workflow-catalog.js';
import type { GlobalOptions } from './options.js';

/** What the process is asked. */
export interface ReportTask {
  readonly outputDir: string;
  readonly runId: string;
  readonly workflow: string;
  readonly cwd: string;
  readonly options: GlobalOptions;
}

export type ReportAnswer = { readonly report: WrittenReport } | { readonly error: string };

async function answer({ outputDir, runId, workflow, cwd, options }: ReportTask): Promise<ReportAnswer> {
  try {
    const entry = (await openCatalog({ cwd, options })).find(workflow);
    const report = await writeReport(outputDir, runId, async (results) =>
      (await entry.definition()).describeResults(results),
    );
    return { report };
  } catch (error) {
    return { error: renderError(error, { debug: options.debug }) };
  }
}

process.once('message', (task: ReportTask) => {
  // Without the process that asked nobody waits for the page.
  process.once('disconnect', () => process.exit(1));
  void answer(task).then((said) => process.send?.(said, () => process.exit(0)));
});
