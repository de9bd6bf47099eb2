/**
 * A pattern of paths as a regular expression: `*` and `?` within a name, `**` over folders, `{a,b}` for choices. A pattern
 * without `/` matches names in any folder.
 */
export function pathPattern(pattern: string): RegExp {
  const anchored = pattern.includes('/') ? pattern.replace(/^\.?\//, '') : `**/${pattern}`;
  let text = '';
  let depth = 0;
  for (let i = 0; i < anchored.length; i++) {
    const rest = anchored.slice(i);
    const character = anchored[i]!;
    if (rest.startsWith('**/')) {
      text += '(?:[^/]+/)*';
      i += 2;
    } else if (rest.startsWith('**')) {
      text += '.*';
      i += 1;
    } else if (character === '*') text += '[^/]*';
    else if (character === '?') text += '[^/]';
    else if (character === '{') {
      text += '(?:';
      depth++;
    } else if (character === '}' && depth > 0) {
      text += ')';
      depth--;
    } else if (character === ',' && depth > 0) text += '|';
    else text += character.replace(/[.+^$()|[\]\\{}]/, '\\$&');
  }
  return new RegExp(`^${text}${')'.repeat(depth)}$`);
}
