/** The numbers behind a chart as a table that opens: for screen readers, for copying, and for what the pointer reads. */
import type { ReportBlock, ReportLines } from '../engine/report-section.js';
import { binsOf } from './histogram.js';
import { html, type Html } from './html.js';
import { MOST_LABELS } from './matrix-picture.js';
import { MOST_ROWS, table } from './table.js';

/** Columns that still make a table. */
const MOST_SERIES = 40;

export function lineNumbers({ title, x, series }: ReportLines): Html | null {
  if (x.values.length > MOST_ROWS || series.length > MOST_SERIES) return null;
  const columns = [{ name: x.title }, ...series.map(({ name }) => ({ name }))];
  const rows = x.values.map((value, i) => [value, ...series.map(({ values }) => values[i] ?? null)]);
  return opened(table({ title: `Numbers of ${title}`, columns, rows }));
}

export function histogramNumbers({
  title,
  x,
  counted,
  values,
}: Extract<ReportBlock, { kind: 'histogram' }>): Html {
  const bins = binsOf(values.filter((value) => Number.isFinite(value)));
  const columns = [{ name: 'from' }, { name: 'below' }, { name: counted }];
  const rows = bins.map(({ from, to, count }) => [from, to, count]);
  return opened(table({ title: `Numbers of ${title}`, caption: x, columns, rows }));
}

export function matrixNumbers({
  title,
  labels,
  values,
}: Extract<ReportBlock, { kind: 'matrix' }>): Html | null {
  if (labels.length > MOST_LABELS) return null;
  const columns = [{ name: 'from' }, ...labels.map((name) => ({ name }))];
  const rows = labels.map((label, i) => [label, ...values.slice(i * labels.length, (i + 1) * labels.length)]);
  return opened(table({ title: `Numbers of ${title}`, columns, rows }));
}

function opened(content: Html): Html {
  return html`<details class="numbers">
    <summary>Numbers</summary>
    ${content}
  </details>`;
}
