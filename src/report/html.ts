/** Text that is HTML already; whatever else reaches a page is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlPart = Html | string | number | null | false | readonly HtmlPart[];

/** A piece of a page; everything that is put in is escaped, unless it is HTML made in the same way. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  const pieces: string[] = [];
  constantsOf(strings).forEach((text, i) => {
    pieces.push(text);
    if (i < parts.length) pieces.push(partText(parts[i]!));
  });
  return new Html(pieces.join(''));
}

const known = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The constant texts of a template without the line breaks that only order the source. */
function constantsOf(strings: TemplateStringsArray): readonly string[] {
  let texts = known.get(strings);
  if (texts === undefined) {
    texts = strings.map((text) => text.replaceAll(/\n\s*/g, ' '));
    known.set(strings, texts);
  }
  return texts;
}

function partText(part: HtmlPart): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return (part as readonly HtmlPart[]).map(partText).join('');
  if (part === null || part === false) return '';
  return escaped(String(part as string | number));
}

// eslint-disable-next-line no-control-regex -- what terminals leave in logs
const SPECIAL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f&<>"']/;

/** Safe as text and in quoted attributes, in HTML and in SVG. Characters that XML does not know are dropped. */
export function escaped(text: string): string {
  // Most parts are numbers and plain words.
  if (!SPECIAL.test(text)) return text;
  return (
    text
      // eslint-disable-next-line no-control-regex -- what terminals leave in logs
      .replaceAll(/\u001b\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  );
}
