import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { durationText } from '../engine/duration-text.js';
import { ParentWatch, type WatchedStart } from '../engine/parent-watch.js';
import { REPORT_FILE, type DrawElsewhere, type WrittenReport } from '../report/write-report.js';
import type { ReportAnswer, ReportTask } from './report-child.js';
import type { Session } from './session.js';
import { shownPlace } from './shown-place.js';
import type { Study } from './study.js';

/**
 * Has the report of a run that has just ended drawn, in a process of its own. A report that fails, or takes longer than
 * `report_time_limit_s`, is told and changes nothing about the run.
 */
export async function reportRun(
  { entry, outputDir, loaded: { config } }: Study,
  runId: string,
  { terminal, cwd, options }: Session,
  isQuiet: boolean,
): Promise<void> {
  const place = shownPlace(outputDir, cwd);
  const { load, verbose, debug } = options;
  const task = { outputDir, runId, workflow: entry.name, cwd, options: { load, verbose, debug } };
  const limit = config.report_time_limit_s;
  const said = await drawnElsewhere(task, limit);
  if ('error' in said) {
    const why =
      said.error === OVERDUE
        ? `after ${durationText(limit! * 1000)} (report_time_limit_s) it was ended`
        : said.error;
    terminal.note(
      `warning  REPORT  the report could not be written; the results are complete without it\n${why}\n` +
        `  mend: pipeline report ${runId} -o ${place}`,
    );
    return;
  }
  tellProblems(said.report, { terminal });
  if (!isQuiet) terminal.note(`  report: ${join(place, 'logs', runId, REPORT_FILE)}`);
}

const OVERDUE = 'overdue';

/** Each holds a volume at a time, and reads the results for itself. */
const MOST_HELPERS = 3;

/** Pages of participants of one report are drawn by some processes at once. */
export function reportHelpers(task: Omit<ReportTask, 'pages'>): {
  readonly helpers: number;
  readonly drawElsewhere: DrawElsewhere;
} {
  return {
    helpers: Math.min(MOST_HELPERS, availableParallelism() - 1),
    drawElsewhere: async (pages) => {
      const said = await drawnElsewhere({ ...task, pages: [...pages] }, null);
      return 'report' in said ? said.report.problems : [`pages of ${pages.size} participants: ${said.error}`];
    },
  };
}

/**
 * @param limitS - seconds; null: no limit
 * @returns also when no process could be started: the run has its results all the same
 */
export async function drawnElsewhere(
  task: ReportTask,
  limitS: number | null,
  script = fileURLToPath(new URL('./report-child.js', import.meta.url)),
  watch = new ParentWatch(null, process.env),
): Promise<ReportAnswer> {
  let started: WatchedStart;
  try {
    started = watch.around(process.execPath, []);
  } catch (error) {
    return { error: `its process could not be started: ${(error as Error).message}` };
  }
  const { pipe, ...program } = started;
  return new Promise((settle) => {
    // What libraries print is no result of this command.
    const child = fork(script, [], { stdio: ['ignore', 2, 2, 'ipc', pipe], ...program });
    if (child.pid !== undefined) watch.started(child.pid);
    let isOverdue = false;
    const timer =
      limitS === null
        ? undefined
        : setTimeout(() => {
            isOverdue = true;
            child.kill('SIGKILL');
          }, limitS * 1000);
    const end = (answer: ReportAnswer): void => {
      clearTimeout(timer);
      settle(answer);
    };
    child.once('message', (answer) => end(answer as ReportAnswer));
    child.once('error', (error) => {
      if (child.pid === undefined) void watch.close();
      end({ error: `its process could not be started: ${error.message}` });
    });
    child.once('exit', (code, signal) => {
      if (child.pid !== undefined) watch.ended(child.pid);
      void watch.close();
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      end({ error: isOverdue ? OVERDUE : `its process ${how}` });
    });
    child.send(task);
  });
}

export function tellProblems({ problems }: WrittenReport, { terminal }: Pick<Session, 'terminal'>): void {
  for (const problem of problems) terminal.note(`warning  REPORT  left out of the report: ${problem}`);
}
