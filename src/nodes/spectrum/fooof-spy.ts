import { ConfigError, ProcessingError } from '../../errors.js';
import type { Hdf5Attribute, Hdf5Data } from '../../io/index.js';
import { nearest } from '../../nearest.js';
import type { JudgedCandidate } from '../../numerics/fooof/candidates.js';
import type { FitStatus, FooofFit, Triple } from '../../numerics/fooof/fit-result.js';
import { SpectrumFitter } from '../../numerics/fooof/fit-spectrum.js';
import { addResiduals, emptySums, type ResidualSums } from '../../numerics/fooof/residual-sums.js';
import type { FitOptions } from '../../numerics/fooof/settings.js';
import { averageTrials } from './average-trials.js';
import {
  ComputationalRoutine,
  type CallOptions,
  type CallResult,
  type Slab,
  type SlabShape,
  type WorkerModule,
} from './computational-routine.js';
import type { SpectralData } from './spectral-data.js';

/** What a `FooofSpy` can compute: the whole model, its aperiodic part, its peaks. */
export const availableFooofOutputs = ['fooof', 'fooof_aperiodic', 'fooof_peaks'] as const;
export type FooofOutput = (typeof availableFooofOutputs)[number];

/** Keeps zeros of the peak part off logarithmic axes. */
const PEAK_FLOOR = 1e-16;

/** What a call finds out about its channels. */
export interface FooofMetadata {
  /** (2 or 3, channels): one row per parameter. */
  readonly aperiodic_params: Hdf5Data;
  readonly error: Float64Array;
  /** Rows per channel. */
  readonly gaussian_params: ReadonlyArray<readonly Triple[]>;
  readonly n_peaks: Int32Array;
  readonly peak_params: ReadonlyArray<readonly Triple[]>;
  readonly r_squared: Float64Array;
  /** Outcome per channel; not stored in containers. */
  readonly status?: readonly FitStatus[];
  /** What the search looked at per channel and what became of it; not stored in containers. */
  readonly candidates?: ReadonlyArray<readonly JudgedCandidate[]>;
  /** What the models miss per frequency, summed over channels; not stored in containers. */
  readonly residuals?: ResidualSums;
  /** Mean residual of the lowest frequencies per channel, NaN without a fit; not stored in containers. */
  readonly low_residual?: Float64Array;
}

export interface FooofCallOptions extends CallOptions {
  /** Frequencies of the slab, Hz. */
  readonly foi?: ArrayLike<number>;
  /** Place of the time axis; only 0 can be. */
  readonly timeAxis?: number;
  readonly output?: FooofOutput;
  /** Largest shape that a result may have; null: any. */
  readonly chunkShape?: SlabShape | null;
  readonly fooofSettings: {
    readonly in_freqs: ArrayLike<number>;
    readonly freq_range?: readonly [number, number] | null;
  };
  /** Settings of the model; other keys than `FooofSpy.validKws` are refused. */
  readonly methodKwargs?: Readonly<Record<string, unknown>>;
}

/** The routine that turns spectra into their fitted models, slab by slab. */
export class FooofSpy extends ComputationalRoutine<FooofCallOptions, FooofMetadata> {
  static readonly validKws = [
    'peak_width_limits',
    'max_n_peaks',
    'min_peak_height',
    'peak_threshold',
    'aperiodic_mode',
    'verbose',
    'mode',
    'bic_penalty',
  ] as const;
  static readonly metadataKeys = [
    'aperiodic_params',
    'error',
    'gaussian_params',
    'n_peaks',
    'peak_params',
    'r_squared',
  ] as const;

  /**
   * One call on the first taper of one trial: a model spectrum per channel, float32, linear power. A channel whose fit fails is
   * NaN throughout, with no peaks.
   *
   * @throws ConfigError for unknown or wrong settings; ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT for frequencies
   */
  static computeFunction(slab: Slab, options: FooofCallOptions): CallResult<FooofMetadata> {
    const fitter = FooofSpy.#fitter(slab.shape, options);
    const [times, tapers, bins, channels] = slab.shape;
    const shape: SlabShape = [times, tapers, fitter.grid.frequencies.length, channels];
    const { chunkShape } = options;
    if (chunkShape && shape.some((size, axis) => size > chunkShape[axis]!)) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `a result of ${shape.join(' x ')} does not fit in a chunk of ${chunkShape.join(' x ')}`,
        { cure: 'give the shape that initialize describes, or leave chunkShape out' },
      );
    }
    if (options.noCompute === true) return { kind: 'dry', shape, dtype: 'float32' };
    if (times !== 1 || tapers !== 1) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `a call fits one trial and one taper, got ${times} x ${tapers}`,
        {
          cure: 'average the tapers (keeptapers false) and give the trials one by one',
        },
      );
    }
    const power = new Float64Array(bins);
    const out = new Float32Array(shape[2] * channels);
    const lowResidual = new Float64Array(channels).fill(NaN);
    const residuals = emptySums(shape[2]);
    const output = options.output ?? 'fooof';
    const fits = Array.from({ length: channels }, (_, channel) => {
      for (let bin = 0; bin < bins; bin++) power[bin] = slab.data[bin * channels + channel]!;
      const fit = fitter.fit(power);
      if (fit.model !== null) {
        lowResidual[channel] = addResiduals(residuals, fitter.logPower, fit.model);
      }
      writeOutput(fit, output, out, channel, channels);
      return fit;
    });
    const metadata = { ...metadataOf(fits), residuals, low_residual: lowResidual };
    return { kind: 'done', shape, data: out, metadata };
  }

  /** Trials are averaged as power, before the fit. */
  protected override prepare(data: SpectralData, keepTrials: boolean): SpectralData {
    const tapers = data.shape[1];
    if (tapers !== 1) {
      throw new ProcessingError('SHAPE_MISMATCH', `${tapers} tapers cannot be fitted one by one`, {
        cure: 'average the tapers: set keeptapers to false',
      });
    }
    return keepTrials ? data : averageTrials(data);
  }

  protected override outputFrequencies(data: SpectralData): Float64Array {
    return FooofSpy.#fitter(data.shape, this.options).grid.frequencies;
  }

  override call(slab: Slab, options: FooofCallOptions): CallResult<FooofMetadata> {
    return FooofSpy.computeFunction(slab, options);
  }

  /** As the container stores it: the ragged lists stacked, `n_peaks` says how many rows belong to each channel. */
  static encodeMetadata(metadata: FooofMetadata): Record<string, Hdf5Data> {
    return {
      aperiodic_params: metadata.aperiodic_params,
      error: { shape: [metadata.error.length], data: metadata.error },
      gaussian_params: stacked(metadata.gaussian_params),
      n_peaks: { shape: [metadata.n_peaks.length], data: metadata.n_peaks },
      peak_params: stacked(metadata.peak_params),
      r_squared: { shape: [metadata.r_squared.length], data: metadata.r_squared },
    };
  }

  /**
   * The inverse of `encodeMetadata`; a stack without rows may be absent.
   *
   * @throws ProcessingError FILE_CORRUPT when a key is missing or the rows do not fit the counts
   */
  static decodeMetadata(encoded: Readonly<Record<string, Hdf5Attribute | undefined>>): FooofMetadata {
    const part = (key: string): Hdf5Data => {
      const value = encoded[key];
      if (typeof value === 'object' && 'shape' in value) return value;
      if (value === undefined && key.endsWith('n_params'))
        return { shape: [0, 3], data: new Float64Array(0) };
      if (value === undefined && key === 'peak_params') return { shape: [0, 3], data: new Float64Array(0) };
      throw corrupt(`${key} is missing`);
    };
    const counts = Int32Array.from(part('n_peaks').data);
    return {
      aperiodic_params: part('aperiodic_params'),
      error: Float64Array.from(part('error').data),
      gaussian_params: split(part('gaussian_params'), counts),
      n_peaks: counts,
      peak_params: split(part('peak_params'), counts),
      r_squared: Float64Array.from(part('r_squared').data),
    };
  }

  protected override workerModule(): WorkerModule {
    return { url: import.meta.url, exportName: 'FooofSpy' };
  }

  override encode(metadata: FooofMetadata): Record<string, Hdf5Data> {
    return FooofSpy.encodeMetadata(metadata);
  }

  static #fitter(shape: SlabShape, options: FooofCallOptions): SpectrumFitter {
    const { in_freqs: frequencies, freq_range } = options.fooofSettings;
    if ((options.timeAxis ?? 0) !== 0)
      throw wrong('the time axis of spectral data is the first', 'set timeAxis to 0');
    if (frequencies === undefined)
      throw wrong('in_freqs is missing', 'give the frequency axis of the spectra');
    if (frequencies.length !== shape[2]) {
      throw wrong(
        `in_freqs has ${frequencies.length} values for ${shape[2]} bins`,
        'give one frequency per bin',
      );
    }
    if (frequencies[0] === 0)
      throw wrong('the first frequency is 0', 'leave it out with foi or foilim, e.g. foilim [1, 40]');
    return new SpectrumFitter(frequencies, {
      ...modelSettings(options.methodKwargs ?? {}),
      freq_range: freq_range === undefined || freq_range === null ? null : [freq_range[0], freq_range[1]],
      check_data: false,
    });
  }
}

/** @throws ConfigError CONFIG_UNKNOWN_KEY with the nearest known key */
function modelSettings(given: Readonly<Record<string, unknown>>): FitOptions {
  for (const key of Object.keys(given)) {
    if ((FooofSpy.validKws as readonly string[]).includes(key)) continue;
    const known = nearest(key, FooofSpy.validKws);
    throw new ConfigError('CONFIG_UNKNOWN_KEY', `fooof_opt: unknown key ${key}`, {
      where: 'fooof_opt',
      cure: known === null ? `use ${FooofSpy.validKws.join(', ')}` : `did you mean ${known}?`,
    });
  }
  const { verbose: _, ...settings } = given;
  return settings as FitOptions;
}

/** Column `channel` of an output with `channels` columns: linear power per bin. */
function writeOutput(
  { model, aperiodic }: FooofFit,
  output: FooofOutput,
  out: Float32Array,
  channel: number,
  channels: number,
): void {
  for (let at = channel, bin = 0; at < out.length; at += channels, bin++) {
    if (model === null || aperiodic === null) out[at] = NaN;
    else if (output === 'fooof') out[at] = 10 ** model[bin]!;
    else if (output === 'fooof_aperiodic') out[at] = 10 ** aperiodic[bin]!;
    else out[at] = 10 ** model[bin]! - 10 ** aperiodic[bin]! + PEAK_FLOOR;
  }
}

export function metadataOf(fits: readonly FooofFit[]): FooofMetadata {
  const size = fits[0]?.aperiodic_params.length ?? 0;
  const aperiodic = new Float64Array(size * fits.length);
  for (let channel = 0; channel < fits.length; channel++) {
    const parameters = fits[channel]!.aperiodic_params;
    for (let row = 0; row < size; row++) aperiodic[row * fits.length + channel] = parameters[row]!;
  }
  return {
    aperiodic_params: { shape: [size, fits.length], data: aperiodic },
    error: Float64Array.from(fits, (fit) => fit.error),
    gaussian_params: fits.map((fit) => fit.gaussian_params),
    n_peaks: Int32Array.from(fits, (fit) => fit.n_peaks),
    peak_params: fits.map((fit) => fit.peak_params),
    r_squared: Float64Array.from(fits, (fit) => fit.r_squared),
    status: fits.map((fit) => fit.status),
    candidates: fits.map((fit) => fit.candidates),
  };
}

function stacked(rows: ReadonlyArray<readonly Triple[]>): Hdf5Data {
  const data = new Float64Array(3 * rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const own of rows) {
    for (const row of own) {
      data[at] = row[0];
      data[at + 1] = row[1];
      data[at + 2] = row[2];
      at += 3;
    }
  }
  return { shape: [data.length / 3, 3], data };
}

/** The rows of each channel: those after the rows of all channels before it. */
function split({ data }: Hdf5Data, counts: Int32Array): Triple[][] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (data.length !== 3 * total)
    throw corrupt(`${data.length / 3} rows of peaks for ${total} that are counted`);
  let row = 0;
  return Array.from(counts, (count) =>
    Array.from({ length: count }, (): Triple => {
      const at = 3 * row++;
      return [data[at]!, data[at + 1]!, data[at + 2]!];
    }),
  );
}

function corrupt(what: string): ProcessingError {
  return new ProcessingError('FILE_CORRUPT', `metadata of a model spectrum: ${what}`, {
    cure: 'compute the file again',
  });
}

function wrong(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', `fooof: ${message}`, { where: 'fooof_settings', cure });
}
