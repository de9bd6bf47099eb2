import { durationText } from '../../engine/duration-text.js';
import type { RunningNode, RunView } from '../../engine/run-view.js';
import { withoutControlCodes } from '../terminal.js';
import { count } from './event-text.js';
import { elapsedText } from './tty.js';
import { cutText, textWidth, type Line, type Span } from './text-width.js';
import type { ShownNode, Tally } from './tally.js';

const GREEN = 32;
const RED = 31;
const YELLOW = 33;
const FAINT = 2;
/** A bar is no use below this width, and no better above the other. */
const BAR_COLUMNS = { least: 8, most: 30 };
/** Running nodes and kinds of nodes that are shown where the window has room. */
const MOST_RUNNING = 5;
const MOST_KINDS = 6;
/** Labels of participants in one line. */
const MOST_LABELS = 8;

/** Everything that the block shows. */
export interface BlockFacts {
  readonly workflow: string;
  readonly view: RunView;
  readonly tally: Tally;
  readonly elapsedMs: number;
  /** `about 2 min left`; null when nothing is known. */
  readonly left: string | null;
}

/** The lines of a run that goes on, from the most to the least important. */
export function progressBlock(
  facts: BlockFacts,
  { columns, rows }: { columns: number; rows: number },
): Line[] {
  const running = facts.view.running();
  const lines: Line[] = [headLine(facts, columns), countsLine(facts)];
  const participants = participantsLine(facts.tally, running);
  if (participants !== null) lines.push(participants);
  // One row is the cursor's, and a line above gives what happened last.
  const room = Math.max(1, rows - 2 - lines.length);
  const kinds = facts.tally.nodes.filter(({ ended, total }) => ended < total);
  const shownRunning = running.slice(0, Math.min(MOST_RUNNING, Math.max(1, Math.ceil(room / 2))));
  const kindRoom = Math.min(MOST_KINDS, room - shownRunning.length - 1);
  if (facts.tally.nodes.length > 1 && kindRoom > 1) lines.push(...kindLines(kinds, kindRoom));
  lines.push(...runningLines(shownRunning, running.length - shownRunning.length));
  return lines;
}

function headLine({ workflow, view, elapsedMs, left }: BlockFacts, columns: number): Line {
  const { total } = view.counts();
  const ended = endedOf(view);
  const numbers = ` ${ended}/${total}`;
  const time = ` ${elapsedText(elapsedMs)}${left === null ? '' : `, ${left}`}`;
  const room = columns - 1 - textWidth(workflow) - 1 - numbers.length - 1 - time.length;
  const line: Span[] = [{ text: `${workflow} `, color: 1 }];
  if (room >= BAR_COLUMNS.least) line.push(...bar(ended, total, Math.min(room, BAR_COLUMNS.most)));
  return [...line, { text: numbers }, { text: ` ${time}`, color: FAINT }];
}

function endedOf(view: RunView): number {
  const { executed, reused, skipped, failed, notStarted } = view.counts();
  return executed + reused + skipped + failed + notStarted;
}

function bar(done: number, total: number, width: number): Span[] {
  const filled = total === 0 ? 0 : Math.floor((done / total) * width);
  return [
    { text: '━'.repeat(filled), color: GREEN },
    { text: '─'.repeat(width - filled), color: FAINT },
  ];
}

function countsLine({ view }: BlockFacts): Line {
  const { executed, reused, skipped, failed, notStarted } = view.counts();
  const parts: Span[] = [{ text: `  ${executed} run, ${reused} reused` }];
  if (skipped > 0) parts.push({ text: ', ' }, { text: `${skipped} skipped`, color: YELLOW });
  if (failed > 0) parts.push({ text: ', ' }, { text: `${failed} failed`, color: RED });
  if (notStarted > 0) parts.push({ text: `, ${notStarted} not started` });
  return parts;
}

/** How many participants are through, and who is at work now. */
function participantsLine(tally: Tally, running: readonly RunningNode[]): Line | null {
  const { labels, ended, failed, word } = tally.participants;
  if (labels.length < 2) return null;
  const parts: Span[] = [{ text: `  ${ended} of ${count(labels.length, word)} through` }];
  if (failed.length > 0) parts.push({ text: `, ${failed.length} with a failure`, color: RED });
  const now = new Set(running.map(({ index }) => tally.labelOf(index)).filter((label) => label !== null));
  if (now.size > 0) {
    const shown = [...now].slice(0, MOST_LABELS).join(', ');
    const more = now.size > MOST_LABELS ? ` and ${now.size - MOST_LABELS} more` : '';
    parts.push({ text: `; now ${shown}${more}`, color: FAINT });
  }
  return parts;
}

function kindLines(kinds: readonly ShownNode[], room: number): Line[] {
  const shown = kinds.length > room ? kinds.slice(0, room - 1) : kinds;
  const width = Math.max(0, ...shown.map(({ id }) => textWidth(id)));
  const lines: Line[] = shown.map(({ id, ended, total, failed }) => {
    const line: Span[] = [{ text: `  ${id.padEnd(width)}  ${ended} of ${total}` }];
    if (failed > 0) line.push({ text: `, ${failed} failed`, color: RED });
    return line;
  });
  if (kinds.length > shown.length)
    lines.push([{ text: `  and ${kinds.length - shown.length} more`, color: FAINT }]);
  return lines;
}

/** The slowest first: who waits looks for it. */
function runningLines(running: readonly RunningNode[], more: number): Line[] {
  const width = Math.min(40, Math.max(0, ...running.map(({ id }) => textWidth(id))));
  const lines: Line[] = running.map((node) => {
    const id = cutText(node.id, width);
    const pad = ' '.repeat(width - textWidth(id));
    return [
      { text: '  ▸ ', color: GREEN },
      { text: `${id}${pad}  ${elapsedText(node.ms)}` },
      { text: detailText(node), color: FAINT },
    ];
  });
  if (more > 0) lines.push([{ text: `    and ${more} more`, color: FAINT }]);
  return lines;
}

function detailText({ done, total, text, usualMs, ms }: RunningNode): string {
  const parts: string[] = [];
  if (total > 0) parts.push(`${done} of ${total}`);
  else if (done > 0) parts.push(String(done));
  if (text !== null) parts.push(withoutControlCodes(text).replaceAll(/\s+/g, ' '));
  // Worth saying only when it is something to wait for.
  if (total === 0 && usualMs !== null && usualMs > 2000) {
    parts.push(
      ms > 2 * usualMs ? `usually ${durationText(usualMs)}: slow` : `usually ${durationText(usualMs)}`,
    );
  }
  return parts.length === 0 ? '' : `  ${parts.join('  ')}`;
}

/** `about 2 min left`, in steps that do not jump about; null where a lower bound says nothing. */
export function leftText(ms: number, isPartial: boolean): string | null {
  const seconds = ms / 1000;
  if (seconds < 10) return isPartial ? null : 'a few s left';
  const text =
    seconds < 60
      ? `${Math.round(seconds / 10) * 10} s`
      : seconds < 5400
        ? `${Math.round(seconds / 60)} min`
        : `${(seconds / 3600).toFixed(1)} h`;
  return `${isPartial ? 'more than' : 'about'} ${text} left`;
}
