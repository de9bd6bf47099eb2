import { cutLine, lineText, lineWidth, type Line } from './text-width.js';

/** Size of the terminal in characters. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * Lines at the end of a terminal's output that are drawn again in place. The cursor is never hidden: whatever ends the
 * process, the terminal is as it was.
 */
export class ScreenBlock {
  #lines: readonly Line[] = [];
  /** Columns of each line on the screen. */
  #drawn: readonly number[] = [];
  #shown = '';

  constructor(
    readonly size: () => ScreenSize,
    readonly hasColor: boolean,
  ) {}

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** What to write so that these lines stand there instead; empty when they do. */
  replace(lines: readonly Line[]): string {
    this.#lines = lines;
    const { text, widths } = this.#draw();
    if (text === this.#shown && !this.#isWrapped()) return '';
    const codes = this.#erase() + text;
    this.#drawn = widths;
    this.#shown = text;
    return codes;
  }

  /** What to write so that a text stands above the block, for good. */
  above(text: string): string {
    const { text: drawn, widths } = this.#draw();
    const codes = this.#erase() + text + drawn;
    this.#drawn = widths;
    this.#shown = drawn;
    return codes;
  }

  #draw(): { text: string; widths: number[] } {
    const { columns, rows } = this.size();
    // A full line would put the cursor into the next one on some terminals and not on others.
    const cut = this.#lines.slice(0, Math.max(1, rows - 1)).map((line) => cutLine(line, columns - 1));
    return {
      text: cut.map((line) => `${lineText(line, this.hasColor)}\n`).join(''),
      widths: cut.map(lineWidth),
    };
  }

  /** The window is narrower than it was: the terminal has broken lines that were drawn. */
  #isWrapped(): boolean {
    const { columns } = this.size();
    return this.#drawn.some((width) => width > columns);
  }

  #erase(): string {
    const { columns } = this.size();
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows === 0 ? '' : `\r\u001b[${rows}A\u001b[J`;
  }
}
