/** Colour tables of pictures: a few anchors, straight lines between them. */

export type ColorScale = 'sequential' | 'diverging' | 'cyclic';

type Rgb = readonly [number, number, number];

/** Dark to bright with even steps of lightness; readable with any colour vision and in grey print. */
const SEQUENTIAL: readonly Rgb[] = [
  [16, 18, 44],
  [44, 36, 104],
  [75, 60, 146],
  [62, 100, 165],
  [44, 136, 160],
  [56, 168, 136],
  [122, 196, 100],
  [196, 216, 80],
  [252, 240, 140],
];
const DIVERGING: readonly Rgb[] = [
  [110, 190, 255],
  [50, 110, 200],
  [20, 22, 30],
  [205, 80, 40],
  [255, 200, 110],
];
const CYCLIC: readonly Rgb[] = [
  [235, 90, 90],
  [230, 200, 70],
  [70, 190, 110],
  [70, 120, 230],
  [235, 90, 90],
];

const ANCHORS: Readonly<Record<ColorScale, readonly Rgb[]>> = {
  sequential: SEQUENTIAL,
  diverging: DIVERGING,
  cyclic: CYCLIC,
};

/** @param share - 0 to 1; what is outside has the colour of the end */
export function colorAt(scale: ColorScale, share: number): Rgb {
  const anchors = ANCHORS[scale];
  const at = Math.min(1, Math.max(0, share)) * (anchors.length - 1);
  const below = Math.min(anchors.length - 2, Math.floor(at));
  const [from, to] = [anchors[below]!, anchors[below + 1]!];
  const part = at - below;
  const mix = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * part);
  return [mix(0), mix(1), mix(2)];
}

/** For the viewer: the anchors of the sequential scale as it takes them. */
export function viewerColors(): { R: number[]; G: number[]; B: number[]; A: number[]; I: number[] } {
  const last = SEQUENTIAL.length - 1;
  return {
    R: SEQUENTIAL.map(([red]) => red),
    G: SEQUENTIAL.map(([, green]) => green),
    B: SEQUENTIAL.map(([, , blue]) => blue),
    A: SEQUENTIAL.map(() => 255),
    I: SEQUENTIAL.map((_, i) => Math.round((255 * i) / last)),
  };
}

/** For style sheets: the scale from left to right. */
export function gradientCss(scale: ColorScale): string {
  return `linear-gradient(to right,${ANCHORS[scale].map((rgb) => `rgb(${rgb.join(',')})`).join(',')})`;
}
