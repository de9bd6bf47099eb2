import { listRuns, type ListedRun } from '../../engine/run-document.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import { localTime } from '../progress/lines.js';
import { durationText } from '../../engine/duration-text.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline runs`: the runs that wrote to an output directory, the newest last. */
export async function runsCommand(
  options: ConfigSources & { readonly json?: boolean },
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const { outputDir } = place.value;
  const runs = listRuns(outputDir).reverse();
  if (options.json === true) {
    session.terminal.result(JSON.stringify(runs, null, 2));
    return EXIT.done;
  }
  const width = Math.max(0, ...runs.map(({ workflow }) => workflow.length));
  for (const run of runs) {
    const facts = [run.run_id, localTime(new Date(run.started)), run.workflow.padEnd(width)];
    session.terminal.result(`${facts.join('  ')}  ${run.status}${lengthText(run)}${countsText(run)}`);
  }
  if (runs.length === 0) session.terminal.note(`no run has written to ${outputDir}`);
  return EXIT.done;
}

function lengthText({ started, ended }: ListedRun): string {
  return ended === null ? '' : ` in ${durationText(Math.max(0, Date.parse(ended) - Date.parse(started)))}`;
}

function countsText({ counts }: ListedRun): string {
  if (counts === null) return '';
  const parts = [`${counts.executed} run`, `${counts.reused} reused`];
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (counts.not_started > 0) parts.push(`${counts.not_started} not started`);
  return `: ${parts.join(', ')}`;
}
