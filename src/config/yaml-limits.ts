import { yamlPackage } from './yaml-package.js';

/** Deepest nesting of blocks and brackets that a configuration may have; the parser recurses once per level. */
export const MAX_DEPTH = 64;

/** The lexer puts this before the text of a scalar, and two others at document starts and broken brackets. */
const SCALAR_FOLLOWS = '\u001f';
const MARKS: ReadonlySet<string> = new Set([SCALAR_FOLLOWS, '\u0002', '\u0018']);

/**
 * Where a YAML text nests deeper than `MAX_DEPTH`, or null. Reads tokens only, so that no text, however deep, can
 * exhaust the stack.
 */
export function tooDeepAt(text: string): number | null {
  const { CST, Lexer } = yamlPackage();
  const blocks: number[] = []; // columns at which the open blocks began, ascending
  let brackets = 0;
  let offset = 0;
  let lineStart = 0;
  let atLineStart = true;
  let isScalarText = false;
  for (const token of new Lexer().lex(text)) {
    if (MARKS.has(token)) {
      isScalarText = token === SCALAR_FOLLOWS;
      continue;
    }
    const type = isScalarText ? 'scalar' : CST.tokenType(token);
    isScalarText = false;
    const isContent = type !== 'space' && type !== 'newline' && type !== 'comment';
    if (type === 'flow-map-start' || type === 'flow-seq-start') brackets++;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets = Math.max(0, brackets - 1);
    else if (brackets === 0 && isContent) {
      const column = offset - lineStart;
      if (atLineStart) while (blocks.length > 0 && blocks.at(-1)! >= column) blocks.pop();
      if (atLineStart || type === 'seq-item-ind' || type === 'explicit-key-ind') blocks.push(column);
    }
    if (brackets + blocks.length > MAX_DEPTH) return offset;
    offset += token.length;
    const lastBreak = token.lastIndexOf('\n');
    if (lastBreak >= 0) {
      lineStart = offset - (token.length - lastBreak - 1);
      atLineStart = true;
    } else if (isContent) atLineStart = false;
  }
  return null;
}
