/** What the panels of spectra share. */
import type { Triple } from '../../numerics/fooof/fit-result.js';

/** Names of frequency bands and their ends, Hz. */
export type Bands = Readonly<Record<string, readonly [number, number]>>;

/** Part of a Gaussian that is drawn, SD to either side. */
export const DRAWN_SD = 3;

/** Marks of candidates that were not fitted. */
const REJECTED_SHAPES = {
  edge: 'square',
  overlap: 'triangle-up',
  below_threshold: 'circle',
  below_min_height: 'triangle-down',
};
const SHAPE_SCALE = { domain: Object.keys(REJECTED_SHAPES), range: Object.values(REJECTED_SHAPES) };

/** The marks of candidates that were not fitted, in an encoding. */
export const OUTCOME_SHAPE = {
  field: 'outcome',
  type: 'nominal' as const,
  title: 'candidate not fitted',
  scale: SHAPE_SCALE,
};

/** A layer of some rows; without any the axes would have no ends, and that be told as a fault of the data. */
export function withRows<R extends object, L extends object>(values: readonly R[], layer: L) {
  return values.length === 0 ? [] : [{ data: { values: [...values] }, ...layer }];
}

/** How frequencies are laid out. */
export type FrequencyScale = 'linear' | 'log';

/** Frequencies in an encoding; fits hold none of 0 Hz, which a logarithm would not show. */
export function frequencyAxis(scale: FrequencyScale, field = 'frequency') {
  return {
    field,
    type: 'quantitative' as const,
    title: 'Hz',
    ...(scale === 'log' ? { scale: { type: 'log' as const, nice: false } } : {}),
  };
}

/** Frequency bands behind a panel with an axis of frequencies, named at its upper edge. */
export function bandLayers(
  bands: Bands,
  [first, last]: readonly [number, number],
  scale: FrequencyScale = 'linear',
) {
  const shown = Object.entries(bands).flatMap(([band, limits]) => {
    const [from, to] = [Math.max(limits[0], first), Math.min(limits[1], last)];
    return from < to ? { band, from, to, middle: (from + to) / 2 } : [];
  });
  return [
    ...withRows(shown, {
      mark: { type: 'rect' as const, color: '#4c78a8', opacity: 0.12 },
      encoding: { x: frequencyAxis(scale, 'from'), x2: { field: 'to' } },
    }),
    ...withRows(shown, {
      mark: { type: 'text' as const, y: 7, fontSize: 9, color: '#666666' },
      encoding: { x: frequencyAxis(scale, 'middle'), text: { field: 'band', type: 'nominal' as const } },
    }),
  ];
}

/** log10 power in an encoding. */
export function powerAxis(field: string) {
  return { field, type: 'quantitative' as const, title: 'log10 power', scale: { zero: false } };
}

/** A name in a legend whose colours are given. */
export function legendColor<C extends Readonly<Record<string, string>>>(colors: C, name: keyof C & string) {
  return { datum: name, type: 'nominal' as const, title: null, scale: colorScale(colors) };
}

export function colorScale(colors: Readonly<Record<string, string>>) {
  return { domain: Object.keys(colors), range: Object.values(colors) };
}

export function gaussianAt([center, height, sd]: Triple, frequency: number): number {
  return height * Math.exp(-((frequency - center) ** 2) / (2 * sd * sd));
}

export function nearestBin(frequencies: ArrayLike<number>, frequency: number): number {
  let nearest = 0;
  for (let i = 1; i < frequencies.length; i++) {
    if (Math.abs(frequencies[i]! - frequency) < Math.abs(frequencies[nearest]! - frequency)) nearest = i;
  }
  return nearest;
}

/** Five digits are more than a picture shows. */
export function short(value: number): number {
  return Number(value.toPrecision(5));
}
