import type { ReportBlock } from '../engine/report-section.js';
import { count, isPoint, median, numberText, ticks } from './format.js';
import { html, type Html } from './html.js';
import { rangeOf } from './line-chart.js';
import { atX, atY, axes, type Frame } from './svg-axes.js';

type Histogram = Extract<ReportBlock, { kind: 'histogram' }>;

const [WIDTH, HEIGHT] = [420, 220];

/** Bars of round width, about as many as the root of the number of values. */
export function histogram(block: Histogram): Html {
  const values = block.values.filter((value) => Number.isFinite(value));
  const bins = binsOf(values);
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const frame: Frame = {
    x: [bins[0]?.from ?? 0, bins.at(-1)?.to ?? 1],
    y: [0, most * 1.05],
    left: 56,
    top: 10,
    width: WIDTH - 70,
    height: HEIGHT - 52,
  };
  const bars = bins.map(({ from, to, count: height }) => {
    const [left, right] = [atX(frame, from), atX(frame, to)];
    const top = atY(frame, height);
    return html`<rect
      class="bar"
      x="${left + 0.5}"
      y="${top}"
      width="${Math.max(0.5, right - left - 1)}"
      height="${Math.max(0, frame.top + frame.height - top)}"
      ><title>${numberText(from)} to ${numberText(to)}: ${height}</title></rect
    >`;
  });
  const [low, high] = rangeOf(values);
  const spoken =
    values.length === 0
      ? 'no values'
      : `${count(values.length, 'value')} from ${numberText(low)} to ${numberText(high)}, median ${numberText(median(values))}`;
  return html`<svg
      class="chart"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      width="${WIDTH}"
      role="img"
      aria-label="${block.title}: ${spoken}"
    >
      ${axes(frame, { x: block.x, y: block.counted, countsY: true })}${bars}
    </svg>
    <p class="small">
      ${spoken}${block.values.length > values.length && `; ${block.values.length - values.length} without a value`}
    </p>`;
}

interface Bin {
  readonly from: number;
  readonly to: number;
  count: number;
}

/** Round limits that cover all values; a value on a limit counts above it. */
export function binsOf(values: readonly number[]): Bin[] {
  if (values.length === 0) return [];
  const [low, high] = rangeOf(values);
  if (isPoint(low, high)) {
    const half = Math.abs(low) * 0.05 || 0.5;
    return [{ from: low - half, to: high + half, count: values.length }];
  }
  const target = Math.min(40, Math.max(5, Math.ceil(Math.sqrt(values.length))));
  const coarse = ticks(low, high);
  const coarseStep = coarse.length > 1 ? coarse[1]! - coarse[0]! : high - low;
  let step = coarseStep;
  while ((high - low) / step < target / 1.5) step /= 2;
  const first = Math.floor(low / step + 1e-9);
  const bins: Bin[] = [];
  for (let i = first; i * step <= high; i++) bins.push({ from: i * step, to: (i + 1) * step, count: 0 });
  for (const value of values) {
    const bin = bins[Math.min(bins.length - 1, Math.max(0, Math.floor(value / step + 1e-9) - first))];
    if (bin !== undefined) bin.count++;
  }
  return bins;
}
