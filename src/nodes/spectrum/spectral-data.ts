import { Hdf5File } from '../../io/index.js';
import { FooofSpy, type FooofMetadata } from './fooof-spy.js';

/** Spectra of a recording: [trial, taper, frequency, channel]. */
export interface SpectralData {
  readonly shape: readonly [number, number, number, number];
  /** C order, linear power. */
  readonly data: ArrayLike<number>;
  /** Hz. */
  readonly freq: Float64Array;
  readonly channel: readonly string[];
  /** Begin, end and offset of each trial, samples. */
  readonly trialdefinition: ReadonlyArray<readonly [number, number, number]>;
  readonly samplerate: number | null;
  /** Place of each trial in the recording, where some of its trials are left out; absent: all are there. */
  readonly trialIndex?: readonly number[];
  /** What was done so far, a line per step. */
  readonly log: string;
  /** Version of the software that made it. */
  readonly version: string;
}

/** A container as it was read back. */
export interface ModelContainer extends SpectralData {
  /** Metadata by `<trial>_<block>`. */
  readonly metadata: ReadonlyMap<string, FooofMetadata>;
}

/**
 * Reads what a routine or `writeSpectra` wrote.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_CORRUPT
 */
export async function readModelContainer(path: string): Promise<ModelContainer> {
  const file = await Hdf5File.open(path);
  try {
    const { shape, data } = file.read('data');
    const trials = file.read('trialdefinition').data;
    const attributes = file.attributes();
    const { channel, samplerate, _log: log, _version: version } = attributes;
    const stored = file.attributes('metadata');
    const names = Object.keys(stored).flatMap((key) => (key.startsWith('n_peaks__') ? [key.slice(9)] : []));
    const metadata = names.map((name): [string, FooofMetadata] => {
      const keys = FooofSpy.metadataKeys.map((key) => [key, stored[`${key}__${name}`]]);
      return [name, FooofSpy.decodeMetadata(Object.fromEntries(keys))];
    });
    return {
      shape: shape as unknown as SpectralData['shape'],
      data,
      freq: Float64Array.from(file.read('freq').data),
      channel: Array.isArray(channel) ? channel : [String(channel)],
      trialdefinition: Array.from({ length: trials.length / 3 }, (_, i) => [
        trials[3 * i]!,
        trials[3 * i + 1]!,
        trials[3 * i + 2]!,
      ]),
      samplerate: typeof samplerate === 'number' ? samplerate : null,
      trialIndex: file.keys().includes('trial_index') ? [...file.read('trial_index').data] : [],
      log: String(log),
      version: String(version),
      metadata: new Map(metadata),
    };
  } finally {
    file.close();
  }
}
