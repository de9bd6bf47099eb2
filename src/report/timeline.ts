import { durationText } from '../engine/duration-text.js';
import { instanceParts } from '../engine/result-files.js';
import { count } from './format.js';
import { html, type Html } from './html.js';
import type { AttemptFacts, RunFacts } from './run-facts.js';
import { axes, atX, type Frame } from './svg-axes.js';

/** More bars than this nobody tells apart: the longest are drawn. */
const MOST_BARS = 1500;
const [WIDTH, LANE] = [900, 16];

/** When each attempt ran, one row for those that follow each other. */
export function timeline({ attempts, ms }: RunFacts): Html {
  if (attempts.length === 0) return html`<p>Nothing ran: every result was there.</p>`;
  const shown = longest(attempts);
  const lanes = lanesOf(shown);
  const used = Math.max(...lanes.values()) + 1;
  const isMinutes = ms > 180_000;
  const unit = isMinutes ? 60_000 : 1000;
  const frame: Frame = {
    x: [0, Math.max(ms, 1) / unit],
    y: [0, 0],
    left: 64,
    top: 8,
    width: WIDTH - 78,
    height: used * LANE,
  };
  const nodes = [...new Set(shown.map(({ id }) => instanceParts(id).node))];
  const bars = shown.map((attempt) => {
    const [left, right] = [atX(frame, attempt.startMs / unit), atX(frame, attempt.endMs / unit)];
    const place = nodes.indexOf(instanceParts(attempt.id).node) % 6;
    const took = durationText(attempt.endMs - attempt.startMs);
    return html`<rect
      class="span c${place} ${attempt.state}"
      x="${left}"
      y="${frame.top + lanes.get(attempt)! * LANE + 2}"
      width="${Math.max(1, right - left)}"
      height="${LANE - 4}"
      rx="2"
      ><title>${attempt.id}: ${attempt.state} after ${took}</title></rect
    >`;
  });
  const legend = nodes
    .slice(0, 24)
    .map((node, i) => html`<li><span class="dot c${i % 6}"></span>${node}</li>`);
  const left = attempts.length - shown.length;
  return html`<svg
      class="chart"
      viewBox="0 0 ${WIDTH} ${frame.height + 48}"
      width="${WIDTH}"
      role="img"
      aria-label="Timeline: ${count(attempts.length, 'attempt')}, at most ${used} at a time, ${durationText(ms)} in all"
    >
      ${axes(frame, { x: `since the beginning (${isMinutes ? 'min' : 's'})`, y: null })}${bars}
    </svg>
    <ul class="legend">
      ${legend}
    </ul>
    ${left > 0 && html`<p class="small">The ${shown.length} longest of ${attempts.length} attempts; all are in trace.json.</p>`}`;
}

function longest(attempts: readonly AttemptFacts[]): AttemptFacts[] {
  if (attempts.length <= MOST_BARS) return [...attempts];
  return [...attempts]
    .sort((a, b) => b.endMs - b.startMs - (a.endMs - a.startMs))
    .slice(0, MOST_BARS)
    .sort((a, b) => a.startMs - b.startMs);
}

/** Each attempt in the first row that is free. */
export function lanesOf(attempts: readonly AttemptFacts[]): Map<AttemptFacts, number> {
  const freeAt: number[] = [];
  const lanes = new Map<AttemptFacts, number>();
  for (const attempt of [...attempts].sort((a, b) => a.startMs - b.startMs)) {
    const free = freeAt.findIndex((end) => end <= attempt.startMs);
    const lane = free < 0 ? freeAt.length : free;
    freeAt[lane] = attempt.endMs;
    lanes.set(attempt, lane);
  }
  return lanes;
}
