import { describe, expect, test } from 'vitest';

import { seededRandom } from '../../../../src/numerics/random.js';
import { removePolynomial } from '../../../../src/numerics/signal/detrend.js';
import { dpss } from '../../../../src/numerics/signal/dpss.js';
import { ComplexFft, RealFft } from '../../../../src/numerics/signal/fft.js';
import { chooseFrequencies } from '../../../../src/numerics/signal/frequency-choice.js';
import { PowerSpectrum } from '../../../../src/numerics/signal/power-spectrum.js';
import { resolveSpectrumSettings } from '../../../../src/numerics/signal/settings.js';
import { symmetricWindow, WINDOW_NAMES } from '../../../../src/numerics/signal/windows.js';

const noise = (n: number, seed = 1) => {
  const random = seededRandom(seed, 'noise');
  return Float64Array.from({ length: n }, () => random.normal());
};
const settings = resolveSpectrumSettings;

describe('the Fourier transform', () => {
  // Powers of two, mixed radices, odd, primes within and beyond the radices, a prime times a small factor.
  test.each([1, 2, 3, 8, 60, 49, 31, 37, 97, 194, 243, 500])(
    'of %d samples is the sum it stands for',
    (n) => {
      const x = noise(n);
      const y = noise(n, 2);
      const [re, im] = [x.slice(), y.slice()];
      new ComplexFft(n).transform(re, im);
      const real = new RealFft(n);
      const [half, halfIm] = [new Float64Array(real.bins), new Float64Array(real.bins)];
      real.transform(x, half, halfIm);
      for (let k = 0; k < n; k++) {
        let [a, b, c, d] = [0, 0, 0, 0];
        for (let t = 0; t < n; t++) {
          const angle = (-2 * Math.PI * ((k * t) % n)) / n;
          a += x[t]! * Math.cos(angle) - y[t]! * Math.sin(angle);
          b += x[t]! * Math.sin(angle) + y[t]! * Math.cos(angle);
          c += x[t]! * Math.cos(angle);
          d += x[t]! * Math.sin(angle);
        }
        expect(Math.abs(re[k]! - a) + Math.abs(im[k]! - b)).toBeLessThan(1e-11 * n);
        if (k < real.bins) expect(Math.abs(half[k]! - c) + Math.abs(halfIm[k]! - d)).toBeLessThan(1e-11 * n);
      }
    },
  );
});

describe('windows', () => {
  test('are symmetric, highest in the middle, and those with parameters want all of them', () => {
    const parameters = { alpha: 0.5, beta: 6, std: 5, p: 1.5, sig: 5, tau: 4 } as const;
    const wanted: Record<string, Array<keyof typeof parameters>> = {
      tukey: ['alpha'],
      general_hamming: ['alpha'],
      kaiser: ['beta'],
      gaussian: ['std'],
      general_gaussian: ['p', 'sig'],
      exponential: ['tau'],
    };
    for (const name of WINDOW_NAMES) {
      const own = Object.fromEntries((wanted[name] ?? []).map((key) => [key, parameters[key]]));
      for (const length of [1, 20, 21]) {
        const window = symmetricWindow(name, length, own);
        window.forEach((value, i) => expect(value).toBeCloseTo(window.at(-1 - i)!, 12));
        expect(Math.max(...window)).toBe(window[Math.floor(length / 2)]!);
      }
    }
    expect(() => symmetricWindow('kaiser', 8)).toThrow('the window kaiser takes beta, got none');
    expect(() => symmetricWindow('hann', 8, { beta: 1 })).toThrow('the window hann takes no parameters');
    expect(() => symmetricWindow('hamn', 8)).toThrow('there is no window hamn');
  });

  test('of scipy.signal.windows, five samples each', () => {
    // scipy 1.17, sym=True
    const known: Array<[string, Record<string, number>, number[]]> = [
      ['hann', {}, [0, 0.5, 1]],
      ['hamming', {}, [0.08, 0.54, 1]],
      ['triang', {}, [1 / 3, 2 / 3, 1]],
      ['bartlett', {}, [0, 0.5, 1]],
      ['cosine', {}, [0.30901699, 0.80901699, 1]],
      ['parzen', {}, [0.016, 0.424, 1]],
      ['bohman', {}, [0, 0.3183098861837907, 1]],
      ['barthann', {}, [0, 0.5, 1]],
      ['flattop', {}, [-0.000421051, -0.05473684, 1.000000003]],
      ['nuttall', {}, [0.0003628, 0.2269824, 1]],
      ['kaiser', { beta: 6 }, [0.01487334, 0.48295561, 1]],
      ['tukey', { alpha: 0.75 }, [0, 0.75, 1]],
      ['gaussian', { std: 2 }, [0.6065306597126334, 0.8824969025845955, 1]],
      ['exponential', { tau: 1 }, [0.1353352832366127, 0.36787944117144233, 1]],
    ];
    for (const [name, own, values] of known) {
      values.forEach((v, i) => expect(symmetricWindow(name, 5, own)[i], name).toBeCloseTo(v, 7));
    }
  });

  test('DPSS are orthonormal, alternate in symmetry and hold their energy within the band', () => {
    const [n, bandwidth] = [200, 4];
    const windows = dpss(n, bandwidth, 7);
    const fft = new RealFft(16 * n);
    const [re, im] = [new Float64Array(fft.bins), new Float64Array(fft.bins)];
    let before = 1 + 1e-9;
    windows.forEach((window, a) => {
      windows.forEach((other, b) => {
        const product = window.reduce((sum, value, i) => sum + value * other[i]!, 0);
        expect(product).toBeCloseTo(a === b ? 1 : 0, 10);
      });
      const sign = a % 2 === 0 ? 1 : -1;
      window.forEach((value, i) => expect(value).toBeCloseTo(sign * window[n - 1 - i]!, 10));
      expect(a % 2 === 0 ? window.reduce((x, y) => x + y) : window[5]!).toBeGreaterThan(0);
      fft.transform(window, re, im);
      const energy = (k: number) => (k === 0 ? 1 : 2) * (re[k]! ** 2 + im[k]! ** 2);
      let [inside, all] = [0, 0];
      for (let k = 0; k < fft.bins; k++) {
        all += energy(k);
        if (k < 16 * bandwidth) inside += energy(k);
      }
      // The edge of the band falls on a bin of this sum: its width leaves 1 %.
      expect(inside / all).toBeLessThan(before + 0.001);
      if (a < 5) expect(inside / all).toBeGreaterThan(0.98);
      before = inside / all;
    });
    expect(() => dpss(10, 5, 2)).toThrow('there are no 2 DPSS windows of 10 samples');
  });
});

describe('power spectra', () => {
  const sine = (n: number, rate: number, f: number, amplitude: number) =>
    Float64Array.from({ length: n }, (_, t) => amplitude * Math.sin((2 * Math.PI * f * t) / rate));
  const power = (x: Float64Array, rate: number, given: Parameters<typeof settings>[0]) => {
    const spectrum = new PowerSpectrum(rate, [x.length], settings(given));
    const out = new Float64Array(spectrum.frequencies.length);
    spectrum.compute(x, out);
    return { frequencies: spectrum.frequencies, out };
  };

  test.each([
    { method: 'mtmfft', taper: null },
    { method: 'mtmfft', pad: 20, taper: null },
    { method: 'welch', taper: null },
  ] as const)('a sine of amplitude 3 has its power 4.5 at its frequency, %o', (given) => {
    const { frequencies, out } = power(sine(1000, 100, 12, 3), 100, given);
    const at = chooseFrequencies(frequencies, { foi: [12], foilim: null })[0]!;
    expect(out[at]! / 4.5).toBeCloseTo(1, 2);
    expect(Math.max(...out)).toBe(out[at]);
  });

  test.each([
    { method: 'welch' },
    { method: 'welch', tapsmofrq: 2 },
    { method: 'mtmfft', tapsmofrq: 3 },
    { method: 'welch', toi: 0, taper: 'hamming' },
  ] as const)(
    'density of white noise is its variance over half the rate, also in short trials, %o',
    (given) => {
      let sum = 0;
      for (let seed = 0; seed < 40; seed++) {
        const { out } = power(noise(500, seed), 200, { ...given, units: 'density', foilim: [5, 95] });
        sum += out.reduce((a, b) => a + b) / out.length / 40;
      }
      expect(sum).toBeGreaterThan(0.97 * 0.01);
      expect(sum).toBeLessThan(1.03 * 0.01);
    },
  );

  test('scaling the samples scales the power by the square; a level or a line that is removed changes nothing', () => {
    const x = noise(700);
    const plain = power(x, 100, { polyremoval: 1 }).out;
    const scaled = power(
      x.map((value) => 10 * value),
      100,
      { polyremoval: 1 },
    ).out;
    const shifted = power(
      x.map((value, i) => value + 5 + 0.01 * i),
      100,
      { polyremoval: 1 },
    ).out;
    plain.forEach((value, i) => {
      expect(scaled[i]! / value).toBeCloseTo(100, 8);
      expect(shifted[i]! - value).toBeCloseTo(0, 10);
    });
  });

  test('a missing sample makes its channel NaN, and constant samples have no power', () => {
    const x = noise(400);
    x[100] = NaN;
    expect(power(x, 100, {}).out.every(Number.isNaN)).toBe(true);
    expect(Math.max(...power(new Float64Array(400).fill(3), 100, {}).out)).toBe(0);
  });

  test('frequencies are the nearest bins, a tie goes up, and limits count', () => {
    const axis = Float64Array.of(0, 1, 2, 3, 4);
    expect([...chooseFrequencies(axis, { foi: [3, 1.5, 2.1, 0.2], foilim: null })]).toEqual([3, 2, 0]);
    expect([...chooseFrequencies(axis, { foi: null, foilim: [1, 3] })]).toEqual([1, 2, 3]);
    expect(() => chooseFrequencies(axis, { foi: [7], foilim: null })).toThrow('7 Hz is outside the spectrum');
    expect(() => chooseFrequencies(axis, { foi: null, foilim: [1.2, 1.8] })).toThrow('no frequency bin');
  });

  test.each([
    [{ t_ftimwin: 9 }, 'a window of 9 s has 900 samples, the shortest trial 400'],
    [{ method: 'mtmfft', pad: 2 }, 'pad 2 s is shorter than the longest trial (4 s)'],
    [{ foi: [3], foilim: [1, 2] }, 'foi and foilim are both given'],
    [{ tapsmofrq: 2, taper: 'hamming' }, 'tapsmofrq asks for DPSS windows, taper for hamming'],
    [{ nTaper: 3 }, 'nTaper is given without tapsmofrq'],
    [{ taper: null, taper_opt: { beta: 3 } }, 'taper_opt is given without a window'],
    [{ foilim: [1, 80] }, '80 Hz is outside the spectrum, which ends at 50 Hz'],
  ] as const)('%o is refused', (given, message) => {
    expect(() => new PowerSpectrum(100, [400], settings(given as never))).toThrow(message);
  });

  test.each([
    [{ t_ftimwin: 1 }, 5],
    [{ t_ftimwin: 1, toi: 0, tapsmofrq: 2 }, 9],
    [{ t_ftimwin: 1, toi: 0, welch_compat: true }, 3],
    [{ method: 'mtmfft' }, 1],
    // 2 N W - 1 of the mean length, 3.5 s
    [{ method: 'mtmfft', tapsmofrq: 1 }, 6],
    [{ method: 'mtmfft', tapsmofrq: 1, nTaper: 2 }, 2],
  ] as const)('%o averages %d windows in the shortest trial', (given, windows) => {
    // Trials of 3 and 4 s.
    expect(new PowerSpectrum(100, [400, 300], settings(given)).windowsPerTrial).toBe(windows);
  });

  test('unusual settings are said', () => {
    const warn = (given: Parameters<typeof settings>[0]) =>
      new PowerSpectrum(100, [400], settings(given)).warnings;
    expect(warn({ method: 'mtmfft' })).toEqual([
      'a spectrum of one window is rough: prefer method welch or a wider tapsmofrq for model fits',
    ]);
    expect(warn({ t_ftimwin: 4 })).toEqual([
      'a spectrum of one window is rough: prefer a shorter t_ftimwin or a wider tapsmofrq for model fits',
    ]);
    expect(warn({ t_ftimwin: 4, tapsmofrq: 1 })).toEqual([]);
    expect(warn({ tapsmofrq: 0.1 })[0]).toBe('tapsmofrq 0.1 Hz is not possible here, 0.5 Hz is used');
    expect(warn({ tapsmofrq: 2, nTaper: 3 })[0]).toContain('nTaper 3 is used');
    expect(warn({})).toEqual([]);
    expect(() => settings({ tapper: 1 } as never)).toThrow('tapper');
    const level = Float64Array.of(1, 2, 3);
    removePolynomial(level, null);
    expect([...level]).toEqual([1, 2, 3]);
  });
});
