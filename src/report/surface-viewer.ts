/** Surfaces inside the page for NiiVue, with choices of surface, colour and view that a keyboard reaches. */
import { gzipSync } from 'node:zlib';
import type { ReportSurface } from '../engine/report-section.js';
import { ProcessingError } from '../errors.js';
import { readGifti, readSurface } from '../io/index.js';
import { shownRange } from './surface-picture.js';
import { html, Html } from './html.js';
import { scaleBar } from './scale-bar.js';

/** Levels of a value; 0 stands for no value. */
const LEVELS = 254;

export interface SurfaceLayer {
  readonly label: string;
  readonly unit: string;
  readonly range: readonly [number, number];
  /** A byte per vertex, gzip, base64. */
  readonly data: string;
}

export interface EmbeddedSurface {
  readonly label: string;
  readonly vertices: number;
  /** Coordinates as float32, then triangles as uint32, little-endian, gzip, base64. */
  readonly data: string;
  readonly layers: readonly SurfaceLayer[];
}

/** @throws ProcessingError SHAPE_MISMATCH for an overlay of another surface */
export async function embeddedSurface({ label, mesh, overlays }: ReportSurface): Promise<EmbeddedSurface> {
  const { vertices, faces } = await readSurface(mesh);
  const count = vertices.length / 3;
  const layers = await Promise.all(overlays.map((path) => readLayers(path, count)));
  const coordinates = Buffer.from(Float32Array.from(vertices).buffer);
  return {
    label,
    vertices: count,
    data: packed(Buffer.concat([coordinates, Buffer.from(Uint32Array.from(faces).buffer)])),
    layers: layers.flat(),
  };
}

/** The arrays of a GIfTI file that have one value per vertex, with their names and units. */
export async function readOverlay(
  path: string,
  vertices: number,
): Promise<{ label: string; unit: string; values: ArrayLike<number> }[]> {
  const { arrays } = await readGifti(path);
  return arrays.map(({ data, metadata }, i) => {
    if (data.length !== vertices) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `array ${i + 1} has ${data.length} values and the surface ${vertices} vertices`,
        { where: path, cure: 'run again, so that overlay and surface are of one study' },
      );
    }
    return { label: metadata['Name'] ?? `array ${i + 1}`, unit: metadata['Unit'] ?? '', values: data };
  });
}

async function readLayers(path: string, vertices: number): Promise<SurfaceLayer[]> {
  const columns = await readOverlay(path, vertices);
  return columns.map(({ label, unit, values }) => {
    const [low, high] = shownRange(values);
    const bytes = Uint8Array.from({ length: vertices }, (_, i) => {
      const share = high > low ? (values[i]! - low) / (high - low) : 0;
      return Number.isFinite(share) ? 1 + Math.round(Math.min(1, Math.max(0, share)) * LEVELS) : 0;
    });
    return { label, unit: unit === '1' ? '' : unit, range: [low, high], data: packed(bytes) };
  });
}

function packed(bytes: Uint8Array): string {
  return gzipSync(bytes, { level: 6 }).toString('base64');
}

/** How many bytes of a page a surface takes. */
export function surfaceBytes({ data, layers }: EmbeddedSurface): number {
  return data.length + layers.reduce((sum, layer) => sum + layer.data.length + 200, 200);
}

const VIEWS = ['left', 'right', 'above', 'below', 'front', 'back'] as const;

export function surfaceSlot(title: string, surfaces: readonly EmbeddedSurface[]): Html {
  const colours = surfaces[0]?.layers ?? [];
  const parts = surfaces.map(
    ({ label, vertices, data, layers }) =>
      html`<script type="text/plain" class="surface" data-label="${label}" data-vertices="${vertices}">
          ${new Html(data)}
        </script>
        ${layers.map(
          (layer) =>
            html`<script
              type="text/plain"
              class="layer"
              data-label="${layer.label}"
              data-unit="${layer.unit}"
              data-low="${layer.range[0]}"
              data-high="${layer.range[1]}"
            >
              ${new Html(layer.data)}
            </script>`,
        )}`,
  );
  const choice = (name: string, words: string, options: readonly string[]): Html =>
    html`<label
      >${words}
      <select class="${name}">
        ${options.map((option) => html`<option>${option}</option>`)}
      </select></label
    >`;
  return html`<div class="viewer" data-kind="surfaces">
    <p class="needs-script">
      <button type="button" class="start">Open the viewer</button> <span class="state" role="status"></span>
    </p>
    <noscript
      ><p>
        The viewer needs scripts; the page of each participant has pictures of the same surfaces.
      </p></noscript
    >
    <div class="opened" hidden>
      <div class="choices">
        ${choice(
          'which',
          'Surface',
          surfaces.map(({ label }) => label),
        )}
        ${choice(
          'colour',
          'Coloured by',
          colours.map(({ label }) => label),
        )}
        ${choice('view', 'Seen from', VIEWS)}
      </div>
      ${scaleBar('sequential', [0, 1], '')}
      <div class="stage">
        <canvas
          width="900"
          height="420"
          tabindex="0"
          aria-label="${title}: a surface, turned with the mouse or with the keys H, J, K and L"
        ></canvas>
      </div>
    </div>
    ${parts}
  </div>`;
}
