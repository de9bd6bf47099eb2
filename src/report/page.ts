import { html, Html, type HtmlPart } from './html.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

/** A part of a page with a heading that the contents lead to. */
export interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly content: HtmlPart;
}

export interface Page {
  readonly title: string;
  readonly lead: HtmlPart;
  readonly sections: readonly PageSection[];
  /** Said at the end of the page. */
  readonly footer: HtmlPart;
  /** Inert data that scripts of the page read. */
  readonly data?: HtmlPart;
}

/** The page may load nothing: its own text, styles, scripts and pictures are all there is. */
const POLICY =
  "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:; connect-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'";

/** A whole document that needs no other file. */
export function renderPage({ title, lead, sections, footer, data }: Page): string {
  const contents = sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`);
  const parts = sections.map(
    ({ id, title: name, content }) =>
      html`<section id="${id}" aria-labelledby="${id}-title">
        <h2 id="${id}-title">${name}</h2>
        ${content}
      </section> `,
  );
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="generator" content="neuroloom" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <h1>${title}</h1>
          ${lead}
          <nav aria-label="Contents">
            <ul>
              ${contents}
            </ul>
          </nav>
        </header>
        <main id="content">${parts}</main>
        <footer>${footer}</footer>
        ${data ?? null}
        <script>
          ${new Html(SCRIPT)};
        </script>
      </body>
    </html> `.text;
}
