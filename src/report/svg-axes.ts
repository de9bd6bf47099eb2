import { numberText, ticks } from './format.js';
import { html, type Html } from './html.js';

/** Where data stand in a chart: ranges of the values, and the rectangle in pixels that shows them. */
export interface Frame {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function atX({ x: [low, high], left, width }: Frame, value: number): number {
  return round(left + (high > low ? ((value - low) / (high - low)) * width : width / 2));
}

export function atY({ y: [low, high], top, height }: Frame, value: number): number {
  return round(top + height - (high > low ? ((value - low) / (high - low)) * height : height / 2));
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * Grid, numbers and titles of both axes, or of x alone; along y whole numbers only where things are counted. Colours
 * come from the style of the page.
 */
export function axes(
  frame: Frame,
  titles: { readonly x: string; readonly y: string | null; readonly countsY?: boolean },
): Html {
  const { left, top, width, height } = frame;
  const bottom = top + height;
  const across = ticks(frame.x[0], frame.x[1]).map((value) => {
    const x = atX(frame, value);
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" /><text
        x="${x}"
        y="${bottom + 14}"
        text-anchor="middle"
        >${numberText(value)}</text
      >`;
  });
  const yTicks = titles.y === null ? [] : ticks(frame.y[0], frame.y[1]);
  const shown = titles.countsY === true ? yTicks.filter(Number.isInteger) : yTicks;
  const up = shown.map((value) => {
    const y = atY(frame, value);
    return html`<line class="grid" x1="${left}" x2="${left + width}" y1="${y}" y2="${y}" /><text
        x="${left - 5}"
        y="${y + 3.5}"
        text-anchor="end"
        >${numberText(value)}</text
      >`;
  });
  const middle = round(top + height / 2);
  return html`${across}${up}<text x="${round(left + width / 2)}" y="${bottom + 30}" text-anchor="middle"
      >${titles.x}</text
    >${titles.y !== null && html`<text transform="rotate(-90 12 ${middle})" x="12" y="${middle}" text-anchor="middle">${titles.y}</text>`}`;
}
