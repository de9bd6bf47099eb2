import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { JOURNAL_FILE } from '../../engine/node-journal.js';
import { readNodeOutput } from '../../engine/run-log.js';
import type { ListedRun } from '../../engine/run-document.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import { FollowedFile } from '../followed-file.js';
import { localTime } from '../progress/lines.js';
import { durationText } from '../../engine/duration-text.js';
import { chooseRun, namesRun } from '../run-choice.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { withoutControlCodes } from '../terminal.js';
import { reportConfigProblems } from './report-config.js';

export interface LogOptions extends ConfigSources {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly level: LogLevel;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error'];
/** A run writes its lines at least this often. */
const FOLLOW_MS = 200;

/** A line of the journal: these fields and whatever the message brought. */
interface JournalLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly node?: string;
  readonly [field: string]: unknown;
}

/**
 * `pipeline log [RUN] [NODE]`: what the nodes of a run said and what became of them, and of a failed node what it
 * printed. One word is a run when a run has that id, else a node of the newest run.
 */
export async function logCommand(
  words: readonly string[],
  options: LogOptions,
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const { outputDir } = place.value;
  const [first = null, second = null] = words;
  const isNode = second === null && first !== null && !namesRun(outputDir, first);
  const run = chooseRun(outputDir, isNode ? null : first);
  const node = isNode ? first : second;
  const folder = join(outputDir, 'logs', run.run_id);
  const file = new FollowedFile(join(folder, JOURNAL_FILE));
  const show = (): void => {
    for (const line of file.next()) showLine(line, node, options, session);
  };
  if (options.follow === true) await follow(outputDir, run, show);
  show();
  if (options.json === true) return EXIT.done;
  if (node !== null) showOutput(folder, node, session);
  const ended =
    run.ended === null ? '' : `, ${run.counts?.executed ?? 0} run, ${run.counts?.reused ?? 0} reused`;
  if (options.follow !== true)
    session.terminal.note(`run ${run.run_id} of ${run.workflow}: ${run.status}${ended}`);
  return EXIT.done;
}

/** Shows what comes until the run has ended, or its process is gone. */
async function follow(outputDir: string, run: ListedRun, show: () => void): Promise<void> {
  while (chooseRun(outputDir, run.run_id).status === 'running') {
    show();
    await wait(FOLLOW_MS);
  }
}

function showLine(text: string, node: string | null, options: LogOptions, session: Session): void {
  const line = JSON.parse(text) as JournalLine;
  if (node !== null && line.node !== node && line.node?.startsWith(`${node}[`) !== true) return;
  if (LEVELS.indexOf(line.level) < LEVELS.indexOf(options.level)) return;
  session.terminal.result(options.json === true ? text : lineText(line));
}

function lineText(line: JournalLine): string {
  const { time, level, msg, node } = line;
  const mark = level === 'info' ? '' : `${level}  `;
  const what = [node ?? '', mark + msg + extraText(line)].filter((part) => part !== '').join('  ');
  return withoutControlCodes(`${localTime(new Date(time))}  ${what}`);
}

/** What is worth reading of the fields beside the message. */
function extraText(line: JournalLine): string {
  switch (line.msg) {
    case 'started':
      return typeof line['reason'] === 'string' ? `: ${line['reason']}` : '';
    case 'done':
      return typeof line['ms'] === 'number' ? ` in ${durationText(line['ms'])}` : '';
    case 'metric':
      return ` ${String(line['metric'])} ${JSON.stringify(line['values'])}`;
    default:
      return typeof line['cure'] === 'string' ? `\n  mend: ${line['cure']}` : '';
  }
}

/** What a node printed, which is kept of nodes that failed. */
function showOutput(folder: string, node: string, session: Session): void {
  if (!existsSync(folder)) return;
  for (const { name, text } of readNodeOutput(folder, node)) {
    session.terminal.result(`--- ${name}\n${withoutControlCodes(text).trimEnd()}`);
  }
}
