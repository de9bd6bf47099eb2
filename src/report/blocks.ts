/** The blocks of a workflow's section as HTML. A block that cannot be drawn says so in its place. */
import { readFile, stat } from 'node:fs/promises';
import type { ReportBlock, ReportMap } from '../engine/report-section.js';
import { unreachable } from '../result.js';
import { histogramNumbers, lineNumbers, matrixNumbers } from './chart-numbers.js';
import { bytesText, numberText } from './format.js';
import { histogram } from './histogram.js';
import { html, type Html } from './html.js';
import { lineChart } from './line-chart.js';
import { matrixPicture } from './matrix-picture.js';
import { readMosaic } from './mosaic.js';
import { pngUri } from './png.js';
import { scaleBar } from './scale-bar.js';
import { readSurfacePicture } from './surface-picture.js';
import { table } from './table.js';
import { embeddedSurface, surfaceBytes, surfaceSlot, type EmbeddedSurface } from './surface-viewer.js';
import { embeddedVolume, viewerLibrary, viewerSlot } from './viewer.js';

export interface BlockContext {
  /** Where the page of a participant is, relative to this page; null: there is none. */
  readonly pageOf: (label: string) => string | null;
  /** Bytes of pictures that may still go into the page. */
  readonly room: { bytes: number };
  /** Told of every block that could not be drawn. */
  readonly problem: (title: string, error: unknown) => void;
}

/** Room for pictures in one page; with text, viewer and volumes it stays below 20 MB. */
export const PICTURE_BYTES = 9_000_000;

export async function renderBlocks(blocks: readonly ReportBlock[], context: BlockContext): Promise<Html[]> {
  const drawn: Html[] = [];
  let side: Html[] = [];
  const settle = (): void => {
    if (side.length > 0)
      drawn.push(side.length === 1 ? side[0]! : html`<div class="grid2 wide">${side}</div>`);
    side = [];
  };
  for (const block of blocks) {
    // Distributions stand beside each other.
    if (block.kind !== 'histogram') settle();
    (block.kind === 'histogram' ? side : drawn).push(await drawnOrTold(block, context));
  }
  settle();
  return drawn;
}

async function drawnOrTold(block: ReportBlock, context: BlockContext): Promise<Html> {
  try {
    return await renderBlock(block, context);
  } catch (error) {
    const title = 'title' in block ? block.title : block.kind;
    context.problem(title, error);
    const why = error instanceof Error ? error.message : String(error);
    return html`<p class="notice bad">${title}: not drawn, ${why}</p>`;
  }
}

async function renderBlock(block: ReportBlock, context: BlockContext): Promise<Html> {
  switch (block.kind) {
    case 'text':
      return html`${block.paragraphs.map((text) => html`<p>${text}</p>`)}`;
    case 'notice':
      return html`<p class="notice ${block.tone}">${block.text}</p>`;
    case 'facts':
      return html`<h3>${block.title}</h3>
        <dl class="facts">
          ${block.facts.map(
            ({ name, value, unit, meaning }) =>
              html`<dt>${name}</dt>
                <dd>
                  ${typeof value === 'number' ? numberText(value) : (value ?? 'n/a')}${unit !== undefined && value !== null && ` ${unit}`}${meaning !== undefined && html` <span class="small">${meaning}</span>`}
                </dd>`,
          )}
        </dl>`;
    case 'table':
      return table({ ...block, rows: linkedRows(block, context) });
    case 'lines':
      return figure(block, html`${lineChart(block, { width: 640, height: 300 })}${lineNumbers(block)}`);
    case 'panels':
      return html`<h3>${block.title}</h3>
        <p class="small">${block.caption}</p>
        <div class="grid2">
          ${block.panels.map(
            (panel) =>
              html`<figure>
                <figcaption><b>${panel.title}</b></figcaption>
                ${lineChart(panel, { width: 320, height: 210 })}${lineNumbers(panel)}
              </figure>`,
          )}
        </div>`;
    case 'histogram':
      return figure(block, html`${histogram(block)}${histogramNumbers(block)}`);
    case 'matrix':
      return figure(block, html`${matrixPicture(block)}${matrixNumbers(block)}`);
    case 'picture':
      return figure(block, await picture(block.path, block.title, context));
    case 'maps':
      return html`<h3>${block.title}</h3>
        <p class="small">${block.caption}</p>
        ${await Promise.all(block.maps.map((map) => mosaic(map, context)))}`;
    case 'viewer': {
      if ((await viewerLibrary()) === null) {
        return noViewer();
      }
      const volumes = await Promise.all(block.volumes.map(embeddedVolume));
      const thinned = Math.max(...volumes.map((volume) => volume.thinned));
      const note = thinned > 1 ? ` Every ${thinned}. voxel of each axis is here.` : '';
      return html`<h3>${block.title}</h3>
        <p class="small">${block.caption} In steps of 1/255 of the range.${note}</p>
        ${viewerSlot(block.title, volumes)}`;
    }
    case 'surfaces':
      return surfaceViewer(block, context);
    case 'surface': {
      const { image, range, vertices } = await readSurfacePicture(block.mesh, block.values, block);
      const uri = take(pngUri(image), context);
      if (uri === null) return noRoom(block.title);
      const seen = `${block.label} on ${vertices} vertices, from left, right, above, below, front and back`;
      return figure(
        block,
        html`<img
            class="paper"
            src="${uri}"
            width="${image.width}"
            height="${image.height}"
            alt="${seen}"
          />${scaleBar(block.colors ?? 'sequential', range, block.unit)}`,
      );
    }
    default:
      return unreachable(block);
  }
}

function figure(block: { readonly title: string; readonly caption: string }, content: Html): Html {
  return html`<figure>
    <figcaption><b>${block.title}.</b> ${block.caption}</figcaption>
    ${content}
  </figure>`;
}

/** As many surfaces as the page has room for. */
async function surfaceViewer(
  { title, caption, surfaces }: Extract<ReportBlock, { kind: 'surfaces' }>,
  context: BlockContext,
): Promise<Html> {
  if ((await viewerLibrary()) === null) return noViewer();
  const shown: EmbeddedSurface[] = [];
  for (const surface of surfaces) {
    const one = await embeddedSurface(surface);
    const bytes = surfaceBytes(one);
    if (bytes > context.room.bytes) break;
    context.room.bytes -= bytes;
    shown.push(one);
  }
  if (shown.length === 0) return noRoom(title);
  const left = surfaces.length - shown.length;
  return html`<h3>${title}</h3>
    <p class="small">
      ${caption}${left > 0 && ` The first ${shown.length} of ${surfaces.length} surfaces: more have no room in a page.`}
    </p>
    ${surfaceSlot(title, shown)}`;
}

function noViewer(): Html {
  return html`<p class="notice warning">
    The viewer is left out: the package @niivue/niivue is not installed.
  </p>`;
}

function linkedRows(block: Extract<ReportBlock, { kind: 'table' }>, { pageOf }: BlockContext) {
  const column = block.participantColumn;
  if (column === undefined) return block.rows;
  return block.rows.map((row) =>
    row.map((cell, i) => {
      const page = i === column && typeof cell === 'string' ? pageOf(cell) : null;
      return page === null ? cell : html`<a href="${page}">${cell}</a>`;
    }),
  );
}

async function mosaic(
  { path, label, unit, range, colors, vectors }: ReportMap,
  context: BlockContext,
): Promise<Html> {
  const scale = colors ?? 'sequential';
  const drawn = await readMosaic(path, { range, colors: scale, vectors });
  const uri = take(pngUri(drawn.image), context);
  if (uri === null) return noRoom(label);
  const { width, height } = drawn.image;
  const alt = `${label}: axial slices from below upwards, then coronal slices from back to front and sagittal ones from left to right`;
  return html`<figure>
    <figcaption><b>${label}</b>, ${drawn.support} voxels that are not 0. Left is left.</figcaption>
    <img src="${uri}" width="${width}" height="${height}" alt="${alt}" />${scaleBar(scale, drawn.range, unit)}
  </figure>`;
}

/** An SVG stands in the page as an image, so that its ids and styles stay its own. */
async function picture(path: string, title: string, context: BlockContext): Promise<Html> {
  const { size } = await stat(path);
  if (size > context.room.bytes) return noRoom(`${title} (${bytesText(size)})`);
  const type = path.endsWith('.png') ? 'image/png' : 'image/svg+xml';
  const uri = take(`data:${type};base64,${(await readFile(path)).toString('base64')}`, context);
  return uri === null ? noRoom(title) : html`<img class="paper" src="${uri}" alt="${title}" />`;
}

function take(uri: string, { room }: BlockContext): string | null {
  if (uri.length > room.bytes) return null;
  room.bytes -= uri.length;
  return uri;
}

function noRoom(title: string): Html {
  return html`<p class="notice warning">
    ${title}: left out, the page has as many pictures as it can hold. The file itself is among the results.
  </p>`;
}
