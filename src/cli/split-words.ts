/**
 * The words of a command line: separated by blanks, kept together by single or double quotes; a backslash takes the
 * next character as it is, except inside single quotes. Nothing is expanded and no shell is involved.
 *
 * @returns null when a quote is not closed or a backslash stands at the end
 */
export function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\' && quote !== "'") {
      const next = text[(at += 1)];
      if (next === undefined) return null;
      word = (word ?? '') + next;
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word = (word ?? '') + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + character;
  }
  if (quote !== null) return null;
  return word === null ? words : [...words, word];
}
