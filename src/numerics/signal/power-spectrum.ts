import { ProcessingError } from '../../errors.js';
import { removePolynomial } from './detrend.js';
import { dpss } from './dpss.js';
import { nextPowerOfTwo, RealFft } from './fft.js';
import { chooseFrequencies } from './frequency-choice.js';
import { checkSpectrumSettings, type SpectrumSettings } from './settings.js';
import { symmetricWindow } from './windows.js';

/** Windows of one length, and the factor that makes |X|^2 power. */
interface Tapers {
  readonly rows: readonly Float64Array[];
  readonly scale: number;
}

/**
 * Power spectra of the trials of a recording: one frequency axis, one estimate per channel and trial.
 *
 * Without `ft_compat` neither padding nor the number of windows changes the level: a sine of amplitude a gives a^2 / 2.
 */
export class PowerSpectrum {
  /** Hz, the chosen bins. */
  readonly frequencies: Float64Array;
  /** Windows (and tapers) that are averaged in each trial, the fewest; of one the spectrum is rough. */
  readonly windowsPerTrial: number;
  /** What is unusual about the settings for these data. */
  readonly warnings: readonly string[];
  readonly #settings: SpectrumSettings;
  readonly #rate: number;
  readonly #meanLength: number;
  readonly #window: number;
  readonly #fft: RealFft;
  readonly #bins: Int32Array;
  readonly #tapers = new Map<number, Tapers>();
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #sum: Float64Array;

  /**
   * @param samplerate - Hz
   * @param lengths - samples of each trial
   * @throws ProcessingError INVALID_ARGUMENT when a trial is shorter than a window, or the frequencies are not there
   * @throws ConfigError CONFIG_VALUE when settings contradict each other
   */
  constructor(samplerate: number, lengths: readonly number[], settings: SpectrumSettings) {
    checkSpectrumSettings(settings);
    if (!(samplerate > 0 && Number.isFinite(samplerate)))
      throw unusable(`the sampling rate is ${samplerate} Hz`, 'give a positive sampling rate');
    const shortest = Math.min(...lengths);
    if (lengths.length === 0 || shortest < 2)
      throw unusable(
        `there are ${lengths.length} trials, the shortest of ${shortest} samples`,
        'give longer data',
      );
    this.#settings = settings;
    this.#rate = samplerate;
    this.#meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    this.#window = Math.floor(settings.t_ftimwin * samplerate + 1e-9);
    const size = settings.method === 'welch' ? this.#window : paddedLength(lengths, samplerate, settings.pad);
    if (settings.method === 'welch') this.#checkWindow(shortest);
    this.#fft = new RealFft(size);
    const axis = Float64Array.from({ length: this.#fft.bins }, (_, k) => (k * samplerate) / size);
    this.#bins = chooseFrequencies(axis, settings);
    this.frequencies = Float64Array.from(this.#bins, (bin) => axis[bin]!);
    this.#re = new Float64Array(this.#fft.bins);
    this.#im = new Float64Array(this.#fft.bins);
    this.#sum = new Float64Array(this.#fft.bins);
    this.windowsPerTrial =
      this.#windowCount(shortest) * (settings.tapsmofrq === null ? 1 : this.#multitaper().count);
    this.warnings = this.#check(lengths);
  }

  /**
   * Power of one channel of one trial.
   *
   * @param samples - (n), n one of the lengths that were named; not changed
   * @param out - (frequencies), receives the power: squared unit of the samples, per Hz with units density
   */
  compute(samples: ArrayLike<number>, out: Float64Array): void {
    const { method, polyremoval } = this.#settings;
    this.#sum.fill(0);
    if (method === 'welch') this.#addWindows(samples);
    else {
      const trial = Float64Array.from(samples);
      removePolynomial(trial, polyremoval);
      this.#addTapered(trial, this.#tapersOf(trial.length), 1);
    }
    for (let i = 0; i < out.length; i++) out[i] = this.#sum[this.#bins[i]!]!;
  }

  #addWindows(samples: ArrayLike<number>): void {
    const n = this.#window;
    const { polyremoval, welch_compat: isCompatible } = this.#settings;
    const step = this.#step();
    // The original reaches over both ends of the trial into zeros.
    const before = isCompatible ? Math.floor(n / 2) : 0;
    const count = this.#windowCount(samples.length);
    const tapers = this.#tapersOf(n);
    const window = new Float64Array(n);
    for (let w = 0; w < count; w++) {
      for (let i = 0; i < n; i++) window[i] = samples[w * step - before + i] ?? 0;
      removePolynomial(window, polyremoval);
      this.#addTapered(window, tapers, 1 / count);
    }
  }

  /** Samples from one window of welch to the next. */
  #step(): number {
    return this.#window - Math.min(this.#window - 1, Math.floor(this.#settings.toi * this.#window));
  }

  /** Windows of a trial. */
  #windowCount(length: number): number {
    if (this.#settings.method !== 'welch') return 1;
    const step = this.#step();
    return this.#settings.welch_compat
      ? Math.ceil(length / step)
      : Math.floor((length - this.#window) / step) + 1;
  }

  /** Adds the power of one stretch, averaged over the windows. */
  #addTapered(stretch: Float64Array, { rows, scale }: Tapers, weight: number): void {
    const tapered = new Float64Array(stretch.length);
    const [re, im, sum] = [this.#re, this.#im, this.#sum];
    const factor = (scale * weight) / rows.length;
    for (const row of rows) {
      for (let i = 0; i < tapered.length; i++) tapered[i] = stretch[i]! * row[i]!;
      if (this.#settings.demean_taper) removePolynomial(tapered, 0);
      this.#fft.transform(tapered, re, im);
      for (let k = 0; k < sum.length; k++) sum[k]! += factor * (re[k]! * re[k]! + im[k]! * im[k]!);
    }
  }

  #tapersOf(length: number): Tapers {
    const known = this.#tapers.get(length);
    if (known !== undefined) return known;
    const { tapsmofrq, taper, taper_opt: parameters, method, ft_compat, units } = this.#settings;
    const size = this.#fft.length;
    let rows: Float64Array[];
    if (tapsmofrq !== null) {
      const { halfBandwidth, count } = this.#multitaper();
      rows = dpss(length, halfBandwidth, count, { isPeriodic: method === 'welch' });
      for (const row of rows) for (let i = 0; i < length; i++) row[i]! *= Math.sqrt(size);
    } else {
      const row = symmetricWindow(taper ?? 'boxcar', length, parameters ?? {});
      const total = row.reduce((sum, value) => sum + value, 0);
      const isBoxcar = taper === null || taper === 'boxcar';
      const factor = Math.sqrt(((isBoxcar ? 1 : 4 / 3) * size) / total);
      rows = [row.map((value) => factor * value)];
    }
    const energy = rows[0]!.reduce((sum, value) => sum + value * value, 0);
    let scale = 2 / (length * size);
    if (ft_compat) scale = 2 / (size * size);
    else if (units === 'density') scale = 2 / (this.#rate * energy);
    const tapers = { rows, scale };
    this.#tapers.set(length, tapers);
    return tapers;
  }

  /** Half bandwidth and number of DPSS windows: of the window of welch, else of a trial of mean length. */
  #multitaper(): { halfBandwidth: number; count: number } {
    const { method, welch_compat: isCompatible, nTaper } = this.#settings;
    const rate = this.#rate;
    const n = method === 'welch' && !isCompatible ? this.#window : this.#meanLength;
    const highest = Math.min(rate / 2 - 1 / n, (rate * (n + 1)) / (2 * n));
    const smoothing = Math.min(Math.max(this.#settings.tapsmofrq!, rate / n), highest);
    const halfBandwidth = (smoothing * n) / rate;
    return { halfBandwidth, count: nTaper ?? Math.max(1, Math.floor(2 * halfBandwidth - 1)) };
  }

  #checkWindow(shortest: number): void {
    const { t_ftimwin: seconds } = this.#settings;
    if (this.#window >= 2 && shortest >= this.#window) return;
    throw unusable(
      `a window of ${seconds} s has ${this.#window} samples, the shortest trial ${shortest}`,
      'give longer recordings, or shorten t_ftimwin',
    );
  }

  #check(lengths: readonly number[]): string[] {
    const { method, tapsmofrq, nTaper } = this.#settings;
    const warnings: string[] = [];
    if (tapsmofrq !== null) {
      const n = method === 'welch' ? this.#window : this.#meanLength;
      const { halfBandwidth } = this.#multitaper();
      const used = (halfBandwidth * this.#rate) / n;
      if (!this.#settings.welch_compat && Math.abs(used - tapsmofrq) > 1e-9)
        warnings.push(`tapsmofrq ${tapsmofrq} Hz is not possible here, ${used} Hz is used`);
      if (nTaper !== null) warnings.push(`nTaper ${nTaper} is used instead of 2 N W - 1 windows`);
    }
    if (this.windowsPerTrial * lengths.length === 1) {
      const cure = method === 'welch' ? 'a shorter t_ftimwin' : 'method welch';
      warnings.push(`a spectrum of one window is rough: prefer ${cure} or a wider tapsmofrq for model fits`);
    }
    return warnings;
  }
}

function paddedLength(lengths: readonly number[], rate: number, pad: SpectrumSettings['pad']): number {
  const longest = Math.max(...lengths);
  if (pad === 'maxperlen') return longest;
  if (pad === 'nextpow2') return nextPowerOfTwo(longest);
  const size = Math.floor(pad * rate + 1e-9);
  if (size >= longest) return size;
  throw unusable(
    `pad ${pad} s is shorter than the longest trial (${longest / rate} s)`,
    'pad to at least the longest trial, or use maxperlen',
  );
}

function unusable(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { where: 'spectrum', cure });
}
