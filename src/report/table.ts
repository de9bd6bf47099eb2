import type { ReportCell, ReportColumn } from '../engine/report-section.js';
import { numberText } from './format.js';
import { html, type Html } from './html.js';

export interface ShownTable {
  readonly title: string;
  readonly columns: readonly ReportColumn[];
  /** HTML where a cell is more than a value. */
  readonly rows: readonly (readonly (ReportCell | Html)[])[];
  readonly caption?: string | undefined;
}

/** More rows make a page that no browser scrolls well. */
export const MOST_ROWS = 1000;

/** A table that can be sorted by every column where the page may run its script; a plain table where not. */
export function table({ title, columns, rows, caption }: ShownTable): Html {
  const shown = rows.slice(0, MOST_ROWS);
  const isNumeric = columns.map(
    (_, i) =>
      shown.some((row) => typeof row[i] === 'number') &&
      shown.every((row) => row[i] === null || typeof row[i] === 'number'),
  );
  const heads = columns.map(
    ({ name, unit, meaning }, i) =>
      html`<th
        scope="col"
        ${isNumeric[i] === true && html` class="number"`}${meaning !== undefined && html` title="${meaning}"`}
      >
        ${name}${unit !== undefined && unit !== '' && html` <span class="unit">(${unit})</span>`}
      </th>`,
  );
  const lines = shown.map(
    (row) =>
      html`<tr>
        ${columns.map((_, i) => {
          const cell = row[i] ?? null;
          if (typeof cell === 'number')
            return html`<td class="number" data-v="${String(cell)}">${numberText(cell)}</td>`;
          return html`<td>${cell === null ? 'n/a' : cell}</td>`;
        })}
      </tr>`,
  );
  const left = rows.length - shown.length;
  const more = left > 0 ? ` The first ${shown.length} of ${rows.length} rows.` : '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${title}">
    <table>
      <caption>
        ${title}${caption !== undefined && html`<span class="small">${caption}</span>`}${more !== '' && html`<span class="small">${more}</span>`}
      </caption>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
}
