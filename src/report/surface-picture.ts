/** A coloured surface seen from six sides, drawn here: readable without a script and on paper. */
import { readSurface, type Surface } from '../io/index.js';
import { colorAt, type ColorScale } from './colors.js';
import type { IndexedImage } from './png.js';

const SIDE = 180;
const GAP = 4;
/** Colours of the scale, and steps of light on each. */
const [TINTS, LIGHTS] = [35, 7];
/** Of what has no value. */
const GREY = [150, 150, 150] as const;

/** For each view the axes of the surface that run to the right and upwards in the picture, and towards the viewer. */
const VIEWS = [
  { right: [1, -1], up: [2, 1], near: [0, -1] },
  { right: [1, 1], up: [2, 1], near: [0, 1] },
  { right: [0, 1], up: [1, 1], near: [2, 1] },
  { right: [0, -1], up: [1, 1], near: [2, -1] },
  { right: [0, -1], up: [2, 1], near: [1, 1] },
  { right: [0, 1], up: [2, 1], near: [1, -1] },
] as const;

export interface SurfacePicture {
  readonly image: IndexedImage;
  readonly range: readonly [number, number];
  readonly vertices: number;
}

export interface SurfaceColors {
  /** Default `sequential`. */
  readonly colors?: ColorScale;
  /** Default {@link shownRange}. */
  readonly range?: readonly [number, number];
}

export async function readSurfacePicture(
  path: string,
  values: ArrayLike<number>,
  colors: SurfaceColors = {},
): Promise<SurfacePicture> {
  return drawSurface(await readSurface(path), values, colors);
}

/** From what 1 % of the values do not reach to what 1 % exceed: a few peaks would leave the rest in one colour. */
export function shownRange(values: ArrayLike<number>): [number, number] {
  const finite = Float64Array.from(values).filter(Number.isFinite).sort();
  if (finite.length === 0) return [0, 1];
  const at = (share: number): number => finite[Math.round((finite.length - 1) * share)]!;
  return at(0.01) < at(0.99) ? [at(0.01), at(0.99)] : [finite[0]!, finite.at(-1)!];
}

/** From left, right, above, below, front and back, nearest parts in front. */
export function drawSurface(
  { vertices, faces }: Surface,
  values: ArrayLike<number>,
  { colors = 'sequential', range = shownRange(values) }: SurfaceColors = {},
): SurfacePicture {
  const width = SIDE * 6 + GAP * 5;
  const pixels = new Uint8Array(width * SIDE);
  const middle = [0, 1, 2].map((axis) => middleOf(vertices, axis));
  const extent = Math.max(1e-12, ...middle.map(({ half }) => half)) * 2.1;
  VIEWS.forEach(({ right, up, near }, i) => {
    const depth = new Float32Array(SIDE * SIDE).fill(-Infinity);
    const along = ([axis, sign]: readonly [number, number], vertex: number): number =>
      ((vertices[vertex * 3 + axis]! - middle[axis]!.middle) * sign) / extent;
    const point = (vertex: number) => ({
      x: (along(right, vertex) + 0.5) * SIDE,
      y: (0.5 - along(up, vertex)) * SIDE,
      z: along(near, vertex) * SIDE,
      value: values[vertex] ?? Number.NaN,
    });
    for (let face = 0; face + 2 < faces.length; face += 3) {
      const corners = [point(faces[face]!), point(faces[face + 1]!), point(faces[face + 2]!)] as const;
      fill(corners, range, colors === 'cyclic', depth, (x, y, color) => {
        pixels[y * width + i * (SIDE + GAP) + x] = color;
      });
    }
  });
  return {
    image: { width, height: SIDE, pixels, palette: palette(colors) },
    range,
    vertices: vertices.length / 3,
  };
}

interface Corner {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly value: number;
}

/** @param isCyclic - the ends of the range are one: values between corners would go the long way round */
function fill(
  [a, b, c]: readonly [Corner, Corner, Corner],
  [low, high]: readonly [number, number],
  isCyclic: boolean,
  depth: Float32Array,
  put: (x: number, y: number, color: number) => void,
): void {
  const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (area === 0 || !Number.isFinite(area)) return;
  const light = lightOf(a, b, c);
  const takesNearest = isCyclic || ![a, b, c].every(({ value }) => Number.isFinite(value));
  const reach = (limit: number): number => Math.min(SIDE - 1, Math.max(0, limit));
  const [x0, x1] = [reach(Math.floor(Math.min(a.x, b.x, c.x))), reach(Math.ceil(Math.max(a.x, b.x, c.x)))];
  const [y0, y1] = [reach(Math.floor(Math.min(a.y, b.y, c.y))), reach(Math.ceil(Math.max(a.y, b.y, c.y)))];
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const [px, py] = [x + 0.5, y + 0.5];
      const u = ((b.x - px) * (c.y - py) - (c.x - px) * (b.y - py)) / area;
      const v = ((c.x - px) * (a.y - py) - (a.x - px) * (c.y - py)) / area;
      const w = 1 - u - v;
      if (u < -1e-6 || v < -1e-6 || w < -1e-6) continue;
      const z = u * a.z + v * b.z + w * c.z;
      if (z <= depth[y * SIDE + x]!) continue;
      depth[y * SIDE + x] = z;
      const nearest = u >= v && u >= w ? a.value : v >= w ? b.value : c.value;
      const value = takesNearest ? nearest : u * a.value + v * b.value + w * c.value;
      const share = high > low ? (value - low) / (high - low) : 0;
      const tint = Number.isFinite(value) ? Math.round(Math.min(1, Math.max(0, share)) * (TINTS - 1)) : TINTS;
      put(x, y, 1 + tint * LIGHTS + light);
    }
  }
}

/** Steps of light by how much a triangle faces the viewer. */
function lightOf(a: Corner, b: Corner, c: Corner): number {
  const [ux, uy, uz] = [b.x - a.x, b.y - a.y, b.z - a.z];
  const [vx, vy, vz] = [c.x - a.x, c.y - a.y, c.z - a.z];
  const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx] as const;
  const facing = Math.abs(normal[2]) / (Math.hypot(...normal) || 1);
  return Math.round(facing * (LIGHTS - 1));
}

/** Paper, every tint in every light, and grey. */
function palette(scale: ColorScale): (readonly [number, number, number])[] {
  const colors: (readonly [number, number, number])[] = [[255, 255, 255]];
  // The dark end of the sequential scale would be lost in the shade.
  const lowest = scale === 'sequential' ? 0.12 : 0;
  for (let tint = 0; tint <= TINTS; tint++) {
    const rgb = tint === TINTS ? GREY : colorAt(scale, lowest + ((1 - lowest) * tint) / (TINTS - 1));
    for (let light = 0; light < LIGHTS; light++) {
      const factor = 0.35 + (0.65 * light) / (LIGHTS - 1);
      colors.push(rgb.map((part) => Math.round(part * factor)) as [number, number, number]);
    }
  }
  return colors;
}

function middleOf(vertices: Float64Array, axis: number): { middle: number; half: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let i = axis; i < vertices.length; i += 3) {
    const value = vertices[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}
