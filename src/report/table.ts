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

/** One word stays on its line; a sentence has the width of some words. */
function shapeOf(text: string): 'word' | 'words' | null {
  if (!text.includes(' ')) return text.length <= 34 ? 'word' : null;
  return text.length > 12 ? 'words' : null;
}

/** Columns that say nothing but 0 in every row are left out, of those that may be. */
export function withoutZeros(
  shown: Pick<ShownTable, 'columns' | 'rows'>,
  optional: readonly string[],
): Pick<ShownTable, 'columns' | 'rows'> {
  const kept = shown.columns.map(
    ({ name }, i) => !optional.includes(name) || shown.rows.some((row) => row[i] !== 0),
  );
  return {
    columns: shown.columns.filter((_, i) => kept[i]),
    rows: shown.rows.map((row) => row.filter((_, i) => kept[i])),
  };
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
          const shape = typeof cell === 'string' ? shapeOf(cell) : null;
          return html`<td${shape !== null && html` class="${shape}"`}>${cell === null ? 'n/a' : cell}</td>`;
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
