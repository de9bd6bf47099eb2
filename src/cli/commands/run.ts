import type { RunResult } from '../../engine/run.js';
import type { TemplateGraph } from '../../engine/template.js';
import { EXIT, exitCodeOf } from '../exit-codes.js';
import { runOnFinish } from '../on-finish.js';
import type { RunOptions } from '../options.js';
import { entriesOf, estimateText, planLines, planSummary } from '../plan-text.js';
import { prepareStudy } from '../prepare.js';
import { progressRenderer } from '../progress/renderer.js';
import { runRequest } from '../requests.js';
import { runDocuments } from '../run-documents.js';
import type { Session } from '../session.js';
import { listenToStopKeys } from '../stop-keys.js';
import { runSummary } from '../summary.js';
import { showPlan } from './plan.js';

/**
 * `pipeline run`: checks, then runs what has no result yet; the same command goes on where it was stopped.
 *
 * @param untilOf - the nodes to run, with what they need; none: all
 */
export async function runCommand(
  options: RunOptions,
  session: Session,
  untilOf: (template: TemplateGraph) => readonly string[] = () => options.until,
): Promise<number> {
  const node = typeof options.explain === 'string' ? options.explain : null;
  if (options.dryRun === true) {
    return showPlan(
      options,
      session,
      { json: false, node, showNodes: options.explain !== undefined },
      untilOf,
    );
  }
  const prepared = await prepareStudy(options, session);
  if (prepared.kind === 'refused') return prepared.exitCode;
  const { study, workflow } = prepared;
  const { terminal } = session;
  const request = { ...runRequest(options, study, session), until: untilOf(workflow.template()) };
  if (options.explain !== undefined) {
    const plan = await workflow.plan(request);
    const entries = node === null ? plan.entries : entriesOf(plan, node);
    for (const line of planLines(entries)) terminal.result(line);
    terminal.note(planSummary(plan));
    const estimate = estimateText(plan);
    if (estimate !== null) terminal.note(estimate);
  }

  const format = options.logFormat ?? (terminal.isInteractive ? 'pretty' : 'plain');
  const renderer = progressRenderer(format, terminal, options);
  const keys = listenToStopKeys(terminal);
  const started = performance.now();
  const finish = async (result: RunResult | null, exitCode: number): Promise<void> => {
    if (options.onFinish === undefined) return;
    const { outputDir, entry } = study;
    await runOnFinish(options.onFinish, { workflow: entry.name, outputDir, result, exitCode }, session);
  };
  prepared.makeFolders();
  try {
    const result = await workflow.run({
      ...request,
      documents: runDocuments(study, workflow),
      onEvent: (event) => renderer.show(event),
      ...(renderer.watch !== undefined && { onView: (view) => renderer.watch?.(view) }),
      signal: keys.controller.signal,
    });
    // The last JSON line is the event run-finished: who asked for JSON reads no prose.
    if (format !== 'json') {
      const ms = performance.now() - started;
      terminal.note(runSummary(study.entry.name, result, ms, study.outputDir, session.cwd));
    }
    // A run that only took what was there has nothing to report: `pipeline report` writes a page about it when asked.
    const isNews = result.counts.reused < result.counts.total;
    if (options.report !== false && isNews) {
      const { reportRun } = await import('../run-report.js');
      await reportRun(study, result.runId, session, format === 'json');
    }
    // A run that its time limit ended was not interrupted by a key.
    const isInterrupted = result.status === 'cancelled' && result.exitCode !== EXIT.timeLimit;
    const exitCode = isInterrupted ? keys.exitCode() : result.exitCode;
    await finish(result, exitCode);
    return exitCode;
  } catch (error) {
    await finish(null, exitCodeOf(error));
    throw error;
  } finally {
    renderer.close?.();
    keys.release();
  }
}
