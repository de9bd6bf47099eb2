/** Slices of a volume as one picture: axial ones, then coronal and sagittal ones through what is not 0. */
import type { ReportMap } from '../engine/report-section.js';
import { ProcessingError } from '../errors.js';
import { readNifti, type NiftiVolume } from '../io/index.js';
import { canonicalVolume, type CanonicalVolume } from './canonical-volume.js';
import { colorAt, type ColorScale } from './colors.js';
import type { IndexedImage } from './png.js';

export interface Mosaic {
  readonly image: IndexedImage;
  readonly range: readonly [number, number];
  /** Voxels that are not 0 and finite. */
  readonly support: number;
}

const AXIAL = 8;
const CORONAL = 4;
const SAGITTAL = 4;
/** Longest side of one slice, pixels. */
const SIDE = 120;
const GAP = 2;
/** Share of the support that is not brighter than the brightest colour. */
const TOP_QUANTILE = 0.995;
/** Values that are looked at for the range. */
const SAMPLE = 200_000;

export async function readMosaic(
  path: string,
  options: {
    readonly range?: readonly [number, number] | undefined;
    readonly colors: ColorScale;
    readonly vectors?: ReportMap['vectors'];
  },
): Promise<Mosaic> {
  const volume = await readNifti(path);
  return drawMosaic(options.vectors === undefined ? volume : lengthsMm(volume, options.vectors), options);
}

/**
 * Lengths of vectors, mm: of components in voxels each counts by the size of its axis.
 *
 * @param volume - shape (x, y, z, 3) or (x, y, z, 1, 3)
 */
export function lengthsMm(volume: NiftiVolume, unit: NonNullable<ReportMap['vectors']>): NiftiVolume {
  const [x = 1, y = 1, z = 1] = volume.shape;
  const { data, voxelSizeMm } = volume;
  const voxels = x * y * z;
  if (data.length !== 3 * voxels) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `a field of ${volume.shape.join(' x ')} has not 3 components`,
      {
        cure: 'show it as a map of values',
      },
    );
  }
  const [a, b, c] = unit === 'mm' ? [1, 1, 1] : voxelSizeMm;
  const lengths = new Float32Array(voxels);
  for (let i = 0; i < voxels; i++) {
    const [u, v, w] = [a! * data[i]!, b! * data[i + voxels]!, c! * data[i + 2 * voxels]!];
    lengths[i] = Math.sqrt(u * u + v * v + w * w);
  }
  return { ...volume, shape: [x, y, z], data: lengths };
}

/** Colours 1 to 255 are the scale, 0 is what has no value. */
export function drawMosaic(
  volume: NiftiVolume,
  options: { readonly range?: readonly [number, number] | undefined; readonly colors: ColorScale },
): Mosaic {
  const canonical = canonicalVolume(volume);
  const box = supportBox(canonical);
  const range = options.range ?? usualRange(volume.data, options.colors);
  const [x, y, z] = canonical.shape;
  const [dx, dy, dz] = canonical.voxelSizeMm;
  const scale = SIDE / Math.max(x * dx, y * dy, z * dz);
  const { at } = canonical;
  const views = [
    view([x * dx, y * dy], scale, AXIAL, box[2], (u, v, k) => at(floor(u, x), floor(1 - v, y), k)),
    view([x * dx, z * dz], scale, CORONAL, box[1], (u, v, k) => at(floor(u, x), k, floor(1 - v, z))),
    view([y * dy, z * dz], scale, SAGITTAL, box[0], (u, v, k) => at(k, floor(u, y), floor(1 - v, z))),
  ];
  const [axial, coronal, sagittal] = views as [View, View, View];
  const second = coronal.width * CORONAL + sagittal.width * SAGITTAL + GAP * (CORONAL + SAGITTAL - 1);
  const width = Math.max(axial.width * AXIAL + GAP * (AXIAL - 1), second);
  const height = axial.height + GAP + coronal.height;
  const pixels = new Uint8Array(width * height);
  const place = (from: View, left: number, top: number): number => {
    for (const slice of from.slices) {
      for (let v = 0; v < from.height; v++) {
        for (let u = 0; u < from.width; u++) {
          const value = from.value((u + 0.5) / from.width, (v + 0.5) / from.height, slice);
          pixels[(top + v) * width + left + u] = colorIndex(value, range);
        }
      }
      left += from.width + GAP;
    }
    return left;
  };
  place(axial, 0, 0);
  place(sagittal, place(coronal, 0, axial.height + GAP), axial.height + GAP);
  const palette = Array.from({ length: 256 }, (_, i) =>
    i === 0 ? ([0, 0, 0] as const) : colorAt(options.colors, (i - 1) / 254),
  );
  return { image: { width, height, pixels, palette }, range, support: supportSize(volume.data) };
}

interface View {
  readonly width: number;
  readonly height: number;
  readonly slices: readonly number[];
  /** u to the right and v downwards, 0 to 1. */
  readonly value: (u: number, v: number, slice: number) => number;
}

function view(
  [across, down]: readonly [number, number],
  scale: number,
  number: number,
  [first, last]: readonly [number, number],
  value: View['value'],
): View {
  const slices = Array.from({ length: number }, (_, i) =>
    Math.round(first + ((last - first) * (i + 0.5)) / number),
  );
  return {
    width: Math.max(1, Math.round(across * scale)),
    height: Math.max(1, Math.round(down * scale)),
    slices,
    value,
  };
}

function floor(share: number, length: number): number {
  return Math.min(length - 1, Math.floor(share * length));
}

function colorIndex(value: number, [low, high]: readonly [number, number]): number {
  if (!Number.isFinite(value)) return 0;
  const share = high > low ? (value - low) / (high - low) : 0;
  return 1 + Math.round(Math.min(1, Math.max(0, share)) * 254);
}

type Span = [number, number];

/** First and last slice with a value, along each axis; the whole volume when there is none. */
function supportBox({ shape, at }: CanonicalVolume): [Span, Span, Span] {
  const box = shape.map((): [number, number] => [Infinity, -Infinity]);
  const reach = (axis: number, i: number): void => {
    const range = box[axis]!;
    if (i < range[0]) range[0] = i;
    if (i > range[1]) range[1] = i;
  };
  for (let k = 0; k < shape[2]; k++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let i = 0; i < shape[0]; i++) {
        const value = at(i, j, k);
        if (value === 0 || !Number.isFinite(value)) continue;
        reach(0, i);
        reach(1, j);
        reach(2, k);
      }
    }
  }
  return box.map((range, axis): Span => (range[0] > range[1] ? [0, shape[axis]! - 1] : range)) as [
    Span,
    Span,
    Span,
  ];
}

function supportSize(data: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0 && Number.isFinite(data[i])) found++;
  return found;
}

/** From 0, or from below 0 as far as above, to what only few voxels exceed. */
export function usualRange(data: ArrayLike<number>, colors: ColorScale): [number, number] {
  const stride = Math.max(1, Math.floor(data.length / SAMPLE));
  const sizes: number[] = [];
  let hasNegative = false;
  for (let i = 0; i < data.length; i += stride) {
    const value = data[i] ?? 0;
    if (value === 0 || !Number.isFinite(value)) continue;
    if (value < 0) hasNegative = true;
    sizes.push(Math.abs(value));
  }
  if (sizes.length === 0) return [0, 1];
  const sorted = Float64Array.from(sizes).sort();
  const top = sorted[Math.floor((sorted.length - 1) * TOP_QUANTILE)]!;
  return [colors === 'diverging' || hasNegative ? -top : 0, top];
}
