import type { Excerpt, Place } from './problem.js';

/** Longest piece of a line that is shown. */
const SHOWN = 100;

/** Text of one file with the positions of its lines. */
export class SourceText {
  readonly #lineStarts: number[] = [0];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  /** The place of the characters from `start` up to `end`, which is cut at the end of the line. */
  place(start: number, end: number): Place {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= start) low = middle;
      else high = middle - 1;
    }
    const lineStart = this.#lineStarts[low]!;
    const lineEnd = (this.#lineStarts[low + 1] ?? this.text.length + 1) - 1;
    const line = this.text.slice(lineStart, lineEnd).replace(/\r$/, '');
    const column = start - lineStart;
    const length = Math.max(1, Math.min(end, lineStart + line.length) - start);
    return {
      origin: { kind: 'file', file: this.file, line: low + 1, column: column + 1 },
      excerpt: { line: low + 1, ...cut(line, column, length) },
    };
  }
}

/** Keeps the marked part in sight and one character per column: a tab or a control character becomes one blank. */
function cut(line: string, column: number, length: number): Omit<Excerpt, 'line'> {
  const clean = (text: string): string =>
    // eslint-disable-next-line no-control-regex -- a file may hold terminal codes; they must not reach the terminal
    text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  if (line.length <= SHOWN) return { text: clean(line), start: column, length };
  const from = Math.max(0, Math.min(column - 40, line.length - SHOWN));
  const text = clean(line.slice(from, from + SHOWN));
  const start = column - from;
  return { text, start, length: Math.max(1, Math.min(length, SHOWN - start)) };
}
