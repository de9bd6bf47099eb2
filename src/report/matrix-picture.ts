import type { ReportBlock } from '../engine/report-section.js';
import { colorAt } from './colors.js';
import { numberText, shortened } from './format.js';
import { html, type Html } from './html.js';
import { rangeOf } from './line-chart.js';
import { pngUri } from './png.js';
import { scaleBar } from './scale-bar.js';

type Matrix = Extract<ReportBlock, { kind: 'matrix' }>;

/** With more rows than this the labels would not be readable. */
export const MOST_LABELS = 40;
const MOST_LETTERS = 26;

/** A matrix as a picture, one pixel per cell, that the page enlarges without smoothing. */
export function matrixPicture({ title, labels, values, unit }: Matrix): Html {
  const side = labels.length;
  const [, high] = rangeOf(values);
  const pixels = Uint8Array.from({ length: side * side }, (_, i) => {
    const value = values[i] ?? Number.NaN;
    return Number.isFinite(value)
      ? 1 + Math.round((high > 0 ? Math.min(1, Math.max(0, value / high)) : 0) * 254)
      : 0;
  });
  const palette = Array.from({ length: 256 }, (_, i) =>
    i === 0 ? ([128, 128, 128] as const) : colorAt('sequential', (i - 1) / 254),
  );
  const uri = pngUri({ width: side, height: side, pixels, palette });
  const cell = Math.max(2, Math.min(22, Math.floor(520 / Math.max(1, side))));
  const shown = side <= MOST_LABELS;
  const letters = Math.min(MOST_LETTERS, Math.max(...labels.map(({ length }) => length), 1));
  const margin = shown ? 10 + 7 * letters : 10;
  const size = side * cell;
  const texts = shown
    ? labels.map((label, i) => {
        const at = margin + (i + 0.5) * cell;
        const text = shortened(label, MOST_LETTERS);
        return html`<text x="${margin - 5}" y="${at + 3.5}" text-anchor="end">${text}</text
          ><text transform="rotate(-90 ${at + 3.5} ${margin - 5})" x="${at + 3.5}" y="${margin - 5}"
            >${text}</text
          >`;
      })
    : [];
  return html`<svg
      class="chart"
      viewBox="0 0 ${margin + size + 4} ${margin + size + 4}"
      width="${margin + size + 4}"
      role="img"
      aria-label="${title}: ${side} by ${side}, from 0 to ${numberText(high)}${unit === '' ? '' : ` ${unit}`}"
    >
      ${texts}
      <image
        href="${uri}"
        x="${margin}"
        y="${margin}"
        width="${size}"
        height="${size}"
        style="image-rendering:pixelated"
        preserveAspectRatio="none"
      /></svg
    >${scaleBar('sequential', [0, high], unit)}`;
}
