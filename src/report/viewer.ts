/** NiiVue and a few volumes inside the page; started by a button, so that the page itself opens at once. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ReportMap } from '../engine/report-section.js';
import { readNifti, type NiftiVolume } from '../io/index.js';
import { html, Html } from './html.js';
import { usualRange } from './mosaic.js';

/** More voxels are thinned out: the viewer is for a look, the files are for work. */
const MOST_VOXELS = 4_000_000;
const LEVELS = 255;
const VOXEL_OFFSET = 352;

export interface EmbeddedVolume {
  readonly label: string;
  readonly unit: string;
  /** A NIfTI file of bytes, gzip, base64. */
  readonly data: string;
  readonly range: readonly [number, number];
  readonly thinned: number;
}

/** A volume in 8 bits between the ends of its range, every n-th voxel where it is large. */
export async function embeddedVolume({ path, label, unit, range }: ReportMap): Promise<EmbeddedVolume> {
  const volume = await readNifti(path);
  const shown = range ?? usualRange(volume.data, 'sequential');
  const voxels = volume.shape.slice(0, 3).reduce((product, size) => product * size, 1);
  const thinned = Math.ceil(Math.cbrt(voxels / MOST_VOXELS));
  const bytes = inBytes(volume, shown, thinned);
  return {
    label,
    unit,
    data: gzipSync(bytes, { level: 6 }).toString('base64'),
    range: shown,
    thinned,
  };
}

/** NIfTI-1 of unsigned bytes with slope and intercept. */
function inBytes(
  { shape, affine, data }: NiftiVolume,
  range: readonly [number, number],
  step: number,
): Buffer {
  const [low, high] = range;
  const [x = 1, y = 1, z = 1] = shape;
  const sizes = [x, y, z].map((size) => Math.ceil(size / step)) as [number, number, number];
  const file = Buffer.alloc(VOXEL_OFFSET + sizes[0] * sizes[1] * sizes[2]);
  const coarse = affine.map((value, i) => (i % 4 < 3 && i < 12 ? value * step : value));
  file.writeInt32LE(348, 0);
  [3, ...sizes, 1, 1, 1, 1].forEach((size, i) => file.writeInt16LE(size, 40 + 2 * i));
  file.writeInt16LE(2, 70); // unsigned bytes
  file.writeInt16LE(8, 72);
  const column = (i: number): number => Math.hypot(coarse[i]!, coarse[i + 4]!, coarse[i + 8]!);
  [1, column(0), column(1), column(2)].forEach((size, i) => file.writeFloatLE(size, 76 + 4 * i));
  file.writeFloatLE(VOXEL_OFFSET, 108);
  file.writeFloatLE(high > low ? (high - low) / LEVELS : 1, 112);
  file.writeFloatLE(low, 116);
  file.writeUInt8(2, 123); // mm
  file.writeInt16LE(1, 254); // the affine holds
  coarse.slice(0, 12).forEach((value, i) => file.writeFloatLE(value, 280 + 4 * i));
  file.write('n+1\0', 344, 'latin1');
  let at = VOXEL_OFFSET;
  for (let k = 0; k < z; k += step) {
    for (let j = 0; j < y; j += step) {
      for (let i = 0; i < x; i += step) {
        const value = data[i + x * (j + y * k)] ?? 0;
        const share = high > low ? (value - low) / (high - low) : 0;
        file[at++] = Number.isFinite(share) ? Math.round(Math.min(1, Math.max(0, share)) * LEVELS) : 0;
      }
    }
  }
  return file;
}

let library: Promise<string | null> | undefined;

/** The code of NiiVue, gzip, base64; null where the package is not installed. */
export function viewerLibrary(): Promise<string | null> {
  return (library ??= loadLibrary());
}

async function loadLibrary(): Promise<string | null> {
  // The package offers its modules to `import` only, so that its place is looked for and not asked for.
  const folders = createRequire(import.meta.url).resolve.paths('@niivue/niivue') ?? [];
  const file = folders.map((folder) => join(folder, '@niivue/niivue/dist/niivue.umd.js')).find(existsSync);
  if (file === undefined) return null;
  return gzipSync(await readFile(file), { level: 1 }).toString('base64');
}

/** Its button, its canvas and its volumes; the code stands once at the end of the page, see {@link librarySlot}. */
export function viewerSlot(title: string, volumes: readonly EmbeddedVolume[]): Html {
  const parts = volumes.map(
    ({ label, unit, data, range }) =>
      html`<script
        type="text/plain"
        class="volume"
        data-label="${label}${unit === '' ? '' : ` (${unit})`}"
        data-low="${range[0]}"
        data-high="${range[1]}"
      >
        ${new Html(data)}
      </script>`,
  );
  return html`<div class="viewer">
    <p class="needs-script">
      <button type="button" class="start">Open the viewer</button> <span class="state" role="status"></span>
    </p>
    <noscript><p>The viewer needs scripts; the slices above show the same maps.</p></noscript>
    <div class="stage" hidden>
      <canvas
        width="900"
        height="420"
        tabindex="0"
        aria-label="${title}: slices, moved with the mouse or the arrow keys"
      ></canvas>
    </div>
    ${parts}
  </div>`;
}

export function librarySlot(code: string): Html {
  return html`<script type="text/plain" id="niivue">
    ${new Html(code)}
  </script>`;
}
