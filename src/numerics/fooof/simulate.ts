import type { Triple } from './fit-result.js';
import type { AperiodicMode } from './settings.js';

/** Scatter of a simulated spectrum: normal in log10 power, or chi-square as of averaged periodograms. */
export type SimulatedNoise =
  { readonly kind: 'log'; readonly level: number } | { readonly kind: 'welch'; readonly segments: number };

export type PeakLayout = 'isolated' | 'random' | 'overlap';

/** What is given is taken; what is not is drawn. */
export interface SimulateOptions {
  /** Unsigned 32-bit seed. */
  readonly seed: number;
  /** First and last frequency and resolution, Hz. */
  readonly grid?: readonly [number, number, number];
  readonly mode?: AperiodicMode;
  readonly offset?: number;
  readonly exponent?: number;
  /** With it the mode is knee. */
  readonly knee?: number;
  /** [centre, height, SD] each; given, none is drawn. */
  readonly peaks?: readonly Triple[];
  readonly nPeaks?: number;
  readonly layout?: PeakLayout;
  readonly noise?: SimulatedNoise;
}

/** A simulated spectrum with the parameters that went in. */
export interface SimulatedSpectrum {
  readonly frequenciesHz: Float64Array;
  /** Linear. */
  readonly power: Float64Array;
  readonly truth: {
    readonly aperiodic_params: readonly number[];
    /** [centre, height, SD], ascending. */
    readonly gaussian_params: readonly Triple[];
  };
}

const MAX_TRIES = 400;
/** Peaks keep this distance from the ends, Hz. */
const MARGIN_HZ = 3;

/**
 * A spectrum with known parameters: the same for one seed on every platform, up to rounding of the mathematical functions.
 *
 * Order of draws: offset and exponent (with a knee also its frequency), per peak width, height and centre, then noise per bin.
 */
export function simulateSpectrum(options: SimulateOptions): SimulatedSpectrum {
  const { grid = [1, 40, 0.5], noise = { kind: 'log', level: 0 } } = options;
  const [low, high, step] = grid;
  const random = new PortableRandom(options.seed);
  const frequenciesHz = Float64Array.from(
    { length: Math.floor((high - low) / step + 0.5) + 1 },
    (_, i) => low + step * i,
  );
  const aperiodic = drawAperiodic(random, options);
  const peaks = options.peaks ?? drawPeaks(random, options, grid);
  const sorted = peaks.toSorted((a, b) => a[0] - b[0]);
  const power = frequenciesHz.map((f) => {
    let level = aperiodicAt(aperiodic, f);
    for (const [center, height, sd] of sorted) {
      level += height * Math.exp(-((f - center) ** 2) / (2 * sd * sd));
    }
    return 10 ** (level + drawNoise(random, noise));
  });
  return { frequenciesHz, power, truth: { aperiodic_params: aperiodic, gaussian_params: sorted } };
}

/** mulberry32 with Box-Muller normals: the generator of the golden simulations, not for other use. */
class PortableRandom {
  #state: number;
  #spare: number | null = null;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Uniform on [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

function drawAperiodic(random: PortableRandom, options: SimulateOptions): number[] {
  const mode = options.mode ?? (options.knee === undefined ? 'fixed' : 'knee');
  if (mode === 'fixed') {
    return [options.offset ?? random.between(-2, 3), options.exponent ?? random.between(0.3, 2.5)];
  }
  const offset = options.offset ?? random.between(-1, 4);
  const exponent = options.exponent ?? random.between(1, 3);
  return [offset, options.knee ?? random.between(3, 25) ** exponent, exponent];
}

function drawPeaks(
  random: PortableRandom,
  { nPeaks = 0, layout = 'isolated' }: SimulateOptions,
  [low, high, step]: readonly [number, number, number],
): Triple[] {
  const peaks: Triple[] = [];
  for (let tries = 0; peaks.length < nPeaks && tries < MAX_TRIES; tries++) {
    const sd = random.between(Math.max(0.6, step), 3);
    const height = random.between(0.15, 1.3);
    const before = layout === 'overlap' && peaks.length % 2 === 1 ? peaks.at(-1) : undefined;
    if (before !== undefined) {
      const distance = (sd + before[2]) * random.between(0.9, 1.8);
      const center = before[0] + distance * (random.uniform() < 0.5 ? 1 : -1);
      if (low + MARGIN_HZ <= center && center <= high - MARGIN_HZ) peaks.push([center, height, sd]);
      continue;
    }
    const center = random.between(low + MARGIN_HZ, high - MARGIN_HZ);
    const isFree = peaks.every((peak) => !(Math.abs(center - peak[0]) < 2.5 * (sd + peak[2])));
    if (layout !== 'isolated' || isFree) peaks.push([center, height, sd]);
  }
  return peaks;
}

function drawNoise(random: PortableRandom, noise: SimulatedNoise): number {
  if (noise.kind === 'log') return noise.level === 0 ? 0 : noise.level * random.normal();
  let sum = 0;
  for (let i = 0; i < 2 * noise.segments; i++) sum += random.normal() ** 2;
  return Math.log10(sum / (2 * noise.segments));
}

function aperiodicAt(parameters: readonly number[], frequency: number): number {
  const [offset = 0, second = 0, exponent = 0] = parameters;
  return parameters.length === 2
    ? offset - second * Math.log10(frequency)
    : offset - Math.log10(second + frequency ** exponent);
}
