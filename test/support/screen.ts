/* eslint-disable no-control-regex -- what it reads are control codes */
/** A terminal in memory: what a person sees after a stream of characters, with the codes that the progress block uses. */
export class Screen {
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** False after DECTCEM has hidden it. */
  isCursorVisible = true;

  constructor(
    public columns: number,
    public height: number,
  ) {}

  write(text: string): this {
    for (const [token] of text.matchAll(/\u001b\[[?\d;]*[A-Za-z]|[^\u001b]|\u001b/gu)) this.#take(token);
    return this;
  }

  /** As terminals that reflow do: lines that are too long are broken; the cursor stays at its text. */
  resize(columns: number): this {
    const broken: string[][] = [];
    let cursor = 0;
    this.#rows.forEach((row, at) => {
      if (at === this.#row) cursor = broken.length;
      for (let from = 0; from === 0 || from < row.length; from += columns)
        broken.push(row.slice(from, from + columns));
    });
    this.#rows = broken;
    this.#row = cursor;
    this.columns = columns;
    return this;
  }

  /** Without empty lines at the end. */
  get lines(): string[] {
    const lines = this.#rows.map((row) => Array.from(row, (letter) => letter ?? ' ').join(''));
    while (lines.at(-1)?.trim() === '') lines.pop();
    return lines;
  }

  #take(token: string): void {
    const [, mode = '', number = '', code] = /^\u001b\[(\??)([\d;]*)([A-Za-z])$/.exec(token) ?? [];
    if (code === 'm') return;
    if (code === 'A') {
      // What has scrolled out of the window is out of reach.
      const top = Math.max(0, this.#rows.length - this.height);
      this.#row = Math.max(top, this.#row - Number(number));
    } else if (code === 'J') {
      this.#rows = this.#rows.slice(0, this.#row + 1);
      this.#rows[this.#row] = (this.#rows[this.#row] as string[]).slice(0, this.#column);
    } else if (mode === '?' && number === '25') this.isCursorVisible = code === 'h';
    else if (code !== undefined)
      throw new Error(`the screen does not know the code ${JSON.stringify(token)}`);
    else if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#nextLine();
    else this.#put(token);
  }

  #put(letter: string): void {
    if (this.#column >= this.columns) this.#nextLine();
    (this.#rows[this.#row] as string[])[this.#column] = letter;
    this.#column++;
  }

  #nextLine(): void {
    this.#row++;
    this.#column = 0;
    this.#rows[this.#row] ??= [];
  }
}
