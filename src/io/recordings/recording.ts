import { ProcessingError } from '../../errors.js';

/** Samples of one channel; NaN where a sample is missing. */
export type Samples = Float32Array | Float64Array;

/** One stretch of a recording without a gap. */
export interface SeriesTrial {
  /** First sample of the trial in the recording. */
  readonly start: number;
  /** Sample of the trial that is time 0, negative when it lies before it; as the source has it. */
  readonly offset: number;
  /** One row of samples per channel, all of one length. */
  readonly channels: readonly Samples[];
}

/** Time series of one recording. */
export interface SeriesRecording {
  readonly kind: 'series';
  /** Hz. */
  readonly samplerate: number;
  readonly channel: readonly string[];
  /** Unit of each channel as the file has it, empty where it has none. */
  readonly units: readonly string[];
  readonly trials: readonly SeriesTrial[];
  /** What was left out, a sentence each. */
  readonly notes: readonly string[];
}

/** Power spectra of one recording. */
export interface SpectraRecording {
  readonly kind: 'spectra';
  /** Hz, as in the file. */
  readonly frequencies: Float64Array;
  readonly channel: readonly string[];
  /** [trial][channel]: linear power per frequency; NaN where a value is missing. */
  readonly trials: ReadonlyArray<readonly Float64Array[]>;
  readonly notes: readonly string[];
}

/** Channels over time, or their spectra. */
export type Recording = SeriesRecording | SpectraRecording;

/** A file that is not what its format asks for. */
export function unreadable(path: string, what: string, cure: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${path} cannot be read: ${what}`, { where: path, cure });
}

/** A file that is shorter than it says. */
export function incomplete(path: string, what: string): ProcessingError {
  return new ProcessingError('FILE_TRUNCATED', `${path} ends too early: ${what}`, {
    where: path,
    cure: 'copy or export the file again; the copy here is incomplete',
  });
}

/** @throws ProcessingError FILE_FORMAT when the rate is not a positive number */
export function checkedRate(rate: unknown, path: string, cure: string): number {
  if (typeof rate === 'number' && Number.isFinite(rate) && rate > 0) return rate;
  const what =
    rate === undefined || rate === null
      ? 'there is no sampling rate'
      : `its sampling rate is ${JSON.stringify(rate)}`;
  throw unreadable(path, what, cure);
}
