import type { ReportLines } from '../engine/report-section.js';
import { numberText, shortened } from './format.js';
import { html, type Html } from './html.js';
import { atX, atY, axes, round, type Frame } from './svg-axes.js';

/** Of a letter of the legend, pixels, rather too much than too little. */
const LETTER = 6.9;
const KEY = 27;
const DASHES = ['', '6 3', '2 3', '8 3 2 3', '1 4'];

/** Lines that differ in colour and in dashes, and a legend; readable without colour. */
export function lineChart(
  chart: ReportLines,
  size: { readonly width: number; readonly height: number },
): Html {
  const { x, y, series } = chart;
  const width = size.width - 78;
  const longest = Math.max(...series.map(({ name }) => name.length), 1) * LETTER + KEY + 10;
  const columns = Math.max(1, Math.min(series.length, Math.floor(width / longest)));
  const letters = Math.floor((width / columns - KEY) / LETTER);
  const legendHeight = series.length > 1 ? 18 * Math.ceil(series.length / columns) : 0;
  const frame: Frame = {
    x: rangeOf(x.values),
    y: padded(rangeOf(series.flatMap(({ values }) => values))),
    left: 64,
    top: 8 + legendHeight,
    width,
    height: size.height - 48,
  };
  const lines = series.map(
    ({ name, values }, i) =>
      html`<path
        class="line c${i % 6}"
        stroke-dasharray="${DASHES[i % DASHES.length] ?? ''}"
        d="${pathOf(frame, x.values, values)}"
        ><title>${name}</title></path
      >`,
  );
  const legend = series.map(({ name }, i) => {
    const [left, top] = [64 + (i % columns) * (width / columns), 14 + Math.floor(i / columns) * 18];
    return html`<path
        class="line c${i % 6}"
        stroke-dasharray="${DASHES[i % DASHES.length] ?? ''}"
        d="M${round(left)} ${top - 4}h22"
      /><text x="${round(left + KEY)}" y="${top}">${shortened(name, letters)}</text>`;
  });
  return html`<svg
    class="chart"
    viewBox="0 0 ${size.width} ${size.height + legendHeight}"
    width="${size.width}"
    role="img"
    aria-label="${chart.title}: ${spoken(chart)}"
    data-frame="${[frame.left, frame.width, frame.top, frame.height, ...frame.x].join(' ')}"
  >
    ${axes(frame, { x: x.title, y: y.title })}${lines}${series.length > 1 && legend}
  </svg>`;
}

/** What a chart shows, for those who do not see it: each line by its ends. */
function spoken({ x, series }: ReportLines): string {
  const ends = series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    const [first, last] = [known[0], known.at(-1)];
    return first === undefined || last === undefined
      ? `${name} without values`
      : `${name} from ${numberText(first)} to ${numberText(last)}`;
  });
  return `${ends.join('; ')}; over ${x.title}`;
}

function pathOf(frame: Frame, x: readonly number[], values: readonly (number | null)[]): string {
  let isOpen = false;
  return values
    .map((value, i) => {
      const at = x[i];
      if (value === null || at === undefined || !Number.isFinite(value)) {
        isOpen = false;
        return '';
      }
      const word = isOpen ? 'L' : 'M';
      isOpen = true;
      return `${word}${atX(frame, at)} ${atY(frame, value)}`;
    })
    .join('');
}

export function rangeOf(values: Iterable<number | null>): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

function padded([low, high]: readonly [number, number]): [number, number] {
  const room = high > low ? (high - low) * 0.04 : Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low < high * 0.3 ? 0 : low - room, high + room];
}
