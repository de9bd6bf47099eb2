import { ConfigError } from '../../errors.js';
import { nearest } from '../../nearest.js';

interface Window {
  /** Names of its parameters; all must be given. */
  readonly parameters: readonly string[];
  /** @param t - place from -1 (first sample) to 1 (last) */
  readonly at: (t: number, p: readonly number[], length: number) => number;
}

/** Sum of cosines with the phase 0 at the first sample. */
const cosines = (...terms: readonly number[]): Window => ({
  parameters: [],
  at: (t) => terms.reduce((sum, term, k) => sum + term * Math.cos(k * Math.PI * (t + 1)), 0),
});

/** Symmetric windows by name, formulas of Harris 1978 and Nuttall 1981. */
const WINDOWS: Readonly<Record<string, Window>> = {
  boxcar: { parameters: [], at: () => 1 },
  hann: cosines(0.5, -0.5),
  hamming: cosines(0.54, -0.46),
  blackman: cosines(0.42, -0.5, 0.08),
  blackmanharris: cosines(0.35875, -0.48829, 0.14128, -0.01168),
  nuttall: cosines(0.3635819, -0.4891775, 0.1365995, -0.0106411),
  flattop: cosines(0.21557895, -0.41663158, 0.277263158, -0.083578947, 0.006947368),
  bartlett: { parameters: [], at: (t) => 1 - Math.abs(t) },
  barthann: {
    parameters: [],
    at: (t) => 0.62 - 0.24 * Math.abs(t) + 0.38 * Math.cos(Math.PI * t),
  },
  triang: {
    parameters: [],
    at: (t, _, n) => 1 - (Math.abs(t) * (n - 1)) / (n % 2 === 0 ? n : n + 1),
  },
  cosine: { parameters: [], at: (t, _, n) => Math.cos((0.5 * Math.PI * t * (n - 1)) / n) },
  bohman: {
    parameters: [],
    at: (t) => {
      const x = Math.min(1, Math.abs(t));
      return x === 1 ? 0 : (1 - x) * Math.cos(Math.PI * x) + Math.sin(Math.PI * x) / Math.PI;
    },
  },
  parzen: {
    parameters: [],
    at: (t, _, n) => {
      const x = (Math.abs(t) * (n - 1)) / n;
      return x <= 0.5 ? 1 - 6 * x * x * (1 - x) : 2 * (1 - x) ** 3;
    },
  },
  general_hamming: {
    parameters: ['alpha'],
    at: (t, [alpha]) => alpha! - (1 - alpha!) * Math.cos(Math.PI * (t + 1)),
  },
  tukey: {
    parameters: ['alpha'],
    at: (t, [alpha]) => {
      const edge = 1 - Math.abs(t);
      return alpha! <= 0 || edge >= alpha! ? 1 : 0.5 * (1 - Math.cos((Math.PI * edge) / Math.min(1, alpha!)));
    },
  },
  kaiser: {
    parameters: ['beta'],
    at: (t, [beta]) => besselI0(beta! * Math.sqrt(Math.max(0, 1 - t * t))) / besselI0(beta!),
  },
  gaussian: { parameters: ['std'], at: (t, [std], n) => Math.exp(-0.5 * ((t * (n - 1)) / 2 / std!) ** 2) },
  general_gaussian: {
    parameters: ['p', 'sig'],
    at: (t, [p, sig], n) => Math.exp(-0.5 * Math.abs((t * (n - 1)) / 2 / sig!) ** (2 * p!)),
  },
  exponential: {
    parameters: ['tau'],
    at: (t, [tau], n) => Math.exp(-Math.abs((t * (n - 1)) / 2) / tau!),
  },
};

/** Names of tapers that `fooof.taper` and `getWindow` know. */
export const WINDOW_NAMES: readonly string[] = Object.keys(WINDOWS);

/**
 * A symmetric window: its first and its last sample are equal.
 *
 * @param name - one of `WINDOW_NAMES`
 * @param length - samples
 * @param parameters - of that window, by name; all of them, and no others
 * @throws ConfigError CONFIG_VALUE naming the window or the parameter
 */
export function symmetricWindow(
  name: string,
  length: number,
  parameters: Readonly<Record<string, number>> = {},
): Float64Array {
  const window = WINDOWS[name];
  if (window === undefined) {
    const known = nearest(name, WINDOW_NAMES);
    throw new ConfigError('CONFIG_VALUE', `there is no window ${name}`, {
      where: 'taper',
      cure: known === null ? `choose from ${WINDOW_NAMES.join(', ')}` : `did you mean ${known}?`,
    });
  }
  const missing = window.parameters.filter((key) => !Number.isFinite(parameters[key]));
  const unknown = Object.keys(parameters).filter((key) => !window.parameters.includes(key));
  if (missing.length > 0 || unknown.length > 0) {
    const wanted = window.parameters.length === 0 ? 'no parameters' : window.parameters.join(', ');
    throw new ConfigError(
      'CONFIG_VALUE',
      `the window ${name} takes ${wanted}, got ${Object.keys(parameters).join(', ') || 'none'}`,
      { where: 'taper_opt', cure: 'give all parameters of the window as numbers, and no others' },
    );
  }
  const values = window.parameters.map((key) => parameters[key]!);
  return Float64Array.from({ length }, (_, i) =>
    length === 1 ? 1 : window.at((2 * i) / (length - 1) - 1, values, length),
  );
}

/** Modified Bessel function of order 0, by its power series: all terms are positive. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
