/** The part of XML that GIfTI files use, read from start to end without a tree. */
import { ProcessingError } from '../errors.js';

export interface XmlVisitor {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  /** Text between tags, entities resolved; CDATA as it is. May come in pieces. */
  text(content: string): void;
  close(name: string): void;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Walks through a document.
 *
 * @param path - for messages
 * @throws ProcessingError FILE_CORRUPT when tags do not match or do not end, with the line
 */
export function walkXml(xml: string, path: string, visitor: XmlVisitor): void {
  const open: string[] = [];
  let at = 0;
  const fail = (what: string): ProcessingError => {
    const line = xml.slice(0, at).split('\n').length;
    return new ProcessingError('FILE_CORRUPT', `${path}:${line}: ${what}`, {
      where: `${path}:${line}`,
      cure: 'write the file again, or check it with another program that reads GIfTI',
    });
  };
  const until = (end: string, what: string): number => {
    const found = xml.indexOf(end, at);
    if (found < 0) throw fail(`${what} does not end`);
    return found;
  };
  while (at < xml.length) {
    if (xml[at] !== '<') {
      const next = xml.indexOf('<', at);
      const text = xml.slice(at, next < 0 ? undefined : next);
      if (open.length > 0) visitor.text(resolveEntities(text));
      else if (text.trim() !== '' && text.trim() !== '\uFEFF') throw fail('text stands outside of all tags');
      at = next < 0 ? xml.length : next;
    } else if (xml.startsWith('<!--', at)) at = until('-->', 'a comment') + 3;
    else if (xml.startsWith('<![CDATA[', at)) {
      const end = until(']]>', 'a CDATA section');
      visitor.text(xml.slice(at + 9, end));
      at = end + 3;
    } else if (xml.startsWith('<?', at)) at = until('?>', 'an instruction') + 2;
    else if (xml.startsWith('<!', at)) at = until('>', 'a declaration') + 1;
    else {
      const end = tagEnd(xml, at);
      if (end < 0) throw fail('a tag does not end');
      const inner = xml.slice(at + 1, end);
      if (inner.startsWith('/')) {
        const name = inner.slice(1).trim();
        const expected = open.pop();
        if (expected !== name)
          throw fail(`</${name}> ends ${expected === undefined ? 'nothing' : `<${expected}>`}`);
        visitor.close(name);
      } else {
        const isEmpty = inner.endsWith('/');
        const name = /^[^\s/]+/.exec(inner)?.[0] ?? '';
        if (name === '') throw fail('a tag has no name');
        visitor.open(name, attributesOf(inner));
        if (isEmpty) visitor.close(name);
        else open.push(name);
      }
      at = end + 1;
    }
  }
  if (open.length > 0) throw fail(`<${open.at(-1)}> does not end`);
}

/** The `>` that is not inside quotes; -1 when there is none. */
function tagEnd(xml: string, from: number): number {
  let quote = '';
  for (let i = from; i < xml.length; i++) {
    const c = xml[i]!;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '>') return i;
  }
  return -1;
}

function attributesOf(tag: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, double, single] of tag.matchAll(/([^\s=/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    found[name!] = resolveEntities(double ?? single ?? '');
  }
  return found;
}

function resolveEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-fA-F]+|#[0-9]+|[a-z]+);/g, (whole, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return ENTITIES[name] ?? whole;
  });
}

/** Text as it may stand between tags and in double quotes. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
