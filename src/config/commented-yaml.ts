import type { DescribedKey } from './described-keys.js';
import { word } from './show.js';

const WIDTH = 100;

/** Every key with its default, below a comment with meaning, unit and range. Keys that must be given are commented out. */
export function commentedYaml(keys: readonly DescribedKey[]): string {
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const { path, meaning, accepts, fallback } of keys) {
    const blocks = path.slice(0, -1);
    const differs = blocks.findIndex((key, depth) => open[depth] !== key);
    for (let depth = differs < 0 ? blocks.length : differs; depth < blocks.length; depth++) {
      lines.push('', `${'  '.repeat(depth)}${word(blocks[depth]!)}:`);
    }
    open = blocks;
    const indent = '  '.repeat(blocks.length);
    const said = `${meaning === '' ? '' : `${meaning}. `}${accepts.slice(0, 1).toUpperCase()}${accepts.slice(1)}`;
    lines.push(...wrapped(said, WIDTH - indent.length - 2).map((line) => `${indent}# ${line}`));
    const given = `${word(path.at(-1)!)}: ${fallback === undefined ? '' : word(fallback)}`;
    lines.push(`${indent}${fallback === undefined ? '# ' : ''}${given.trimEnd()}`);
  }
  return `${lines.join('\n').replace(/^\n+/, '')}\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= width)
      lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines;
}
