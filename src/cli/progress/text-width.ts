/** Part of a line with the number of its colour (SGR), or none. */
export interface Span {
  readonly text: string;
  readonly color?: number;
}

export type Line = readonly Span[];

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Shown over two columns: East Asian scripts, full-width forms and pictures. */
const WIDE =
  /^(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\p{Emoji}\ufe0f)/u;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;

function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns that a text without control codes takes. */
export function textWidth(text: string): number {
  // Most text, at no cost.
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** A text in at most so many columns; what is cut off is shown by `…`. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let cut = '';
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** A line in at most so many columns. */
export function cutLine(line: Line, columns: number): Line {
  let left = columns;
  const cut: Span[] = [];
  for (const [at, span] of line.entries()) {
    const isLast = line.slice(at + 1).every(({ text }) => text === '');
    const width = textWidth(span.text);
    if (width < left || (width === left && isLast)) {
      cut.push(span);
      left -= width;
      continue;
    }
    // Room for the sign that something is missing.
    const text = cutText(`${span.text}${isLast ? '' : ' '}`, left);
    cut.push({ ...span, text });
    break;
  }
  return cut;
}

export function lineWidth(line: Line): number {
  return line.reduce((width, { text }) => width + textWidth(text), 0);
}

export function lineText(line: Line, hasColor: boolean): string {
  return line
    .map(({ text, color }) =>
      hasColor && color !== undefined && text !== '' ? `\u001b[${color}m${text}\u001b[0m` : text,
    )
    .join('');
}
