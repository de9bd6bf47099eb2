import { Hdf5File, type Hdf5Array, type Hdf5Attribute } from '../hdf5.js';
import { namesOf } from './npy.js';
import { checkedRate, unreadable, type Recording, type SeriesTrial } from './recording.js';

/** Names under which files keep the same thing; the first that is there counts. */
const NAMES = {
  data: ['data', 'power', 'powers', 'spectra', 'power_spectra'],
  freq: ['freq', 'freqs', 'frequency', 'frequencies'],
  rate: ['samplerate', 'sampling_rate', 'SamplingFrequency', 'sfreq', 'fs'],
  channel: ['channel', 'channels', 'Channels', 'ch_names'],
} as const;
const LAYOUT =
  'data with the axes [time, channel] and attribute samplerate, or power with freqs; see docs/fooof.md';

/**
 * Reads an HDF5 file: a Syncopy container (`.analog`, `.spectral`, or a container of ours), or a plain file with the dataset
 * `data` [time, channel] and the attribute or dataset `samplerate`, or `power` [frequency], [channel, frequency] or [trial, channel, frequency]
 * with `freqs`.
 *
 * @param fallbackRate - Hz, where the file has none
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT
 */
export async function readHdf5Recording(
  path: string,
  fallbackRate: number | null = null,
): Promise<Recording> {
  const file = await Hdf5File.open(path);
  try {
    const keys = file.keys();
    const name = NAMES.data.find((key) => keys.includes(key));
    if (name === undefined) {
      throw unreadable(path, `it holds ${keys.join(', ') || 'nothing'}`, `give ${LAYOUT}`);
    }
    if (file.isElsewhere(name)) {
      throw unreadable(
        path,
        `the numbers of its dataset ${name} are not in it: it is virtual, or was never filled`,
        'write the container again without parallel_store, so that it holds its data',
      );
    }
    const attributes = { ...file.attributesOf(name), ...file.attributes() };
    const { shape, data } = file.read(name);
    const freq = axisOf(file, keys, attributes);
    const channel = NAMES.channel.map((key) => attributes[key]).find((value) => value !== undefined);
    const names = (count: number): string[] =>
      namesOf(typeof channel === 'string' ? [channel] : channel, count, path);
    if (freq !== null) return spectra(path, { shape, data, freq, names });
    const rate = rateOf(file, keys, attributes);
    const samplerate = checkedRate(
      numberOf(rate) ?? fallbackRate,
      path,
      'add the attribute samplerate (Hz), or set fooof.sampling_rate',
    );
    if (shape.length < 1 || shape.length > 2)
      throw unreadable(path, `its dataset ${name} has ${shape.length} axes`, `give ${LAYOUT}`);
    const channels = shape[1] ?? 1;
    const total = shape[0]!;
    const trials = trialsOf(file, keys, total, path).map(([begin, end, offset]): SeriesTrial => ({
      start: begin,
      offset,
      channels: Array.from({ length: channels }, (_, c) =>
        Float64Array.from({ length: end - begin }, (_v, t) => Number(data[(begin + t) * channels + c])),
      ),
    }));
    const list = names(channels);
    return { kind: 'series', samplerate, channel: list, units: list.map(() => ''), trials, notes: [] };
  } finally {
    file.close();
  }
}

interface Stored {
  readonly shape: readonly number[];
  readonly data: Hdf5Array;
  readonly freq: Float64Array;
  readonly names: (count: number) => string[];
}

/** [time, taper, freq, channel] of containers, or [..., frequency]. */
function spectra(path: string, { shape, data, freq, names }: Stored): Recording {
  const bins = freq.length;
  const isContainer = shape.length === 4;
  const [trials, channels] = isContainer ? [shape[0]!, shape[3]!] : [shape.at(-3) ?? 1, shape.at(-2) ?? 1];
  const found = isContainer ? shape[2]! : shape.at(-1)!;
  if (shape.length > 4 || found !== bins || (isContainer && shape[1] !== 1)) {
    throw unreadable(
      path,
      `its power has the shape ${shape.join(' x ')} for ${bins} frequencies`,
      'give [channel, frequency], [trial, channel, frequency] or [time, taper 1, frequency, channel]',
    );
  }
  const rows = Array.from({ length: trials }, (_t, t) =>
    Array.from({ length: channels }, (_c, c) =>
      Float64Array.from({ length: bins }, (_b, bin) =>
        Number(isContainer ? data[(t * bins + bin) * channels + c] : data[(t * channels + c) * bins + bin]),
      ),
    ),
  );
  return { kind: 'spectra', frequencies: freq, channel: names(channels), trials: rows, notes: [] };
}

function axisOf(
  file: Hdf5File,
  keys: readonly string[],
  attributes: Readonly<Record<string, Hdf5Attribute>>,
): Float64Array | null {
  const stored = NAMES.freq.find((key) => keys.includes(key));
  if (stored !== undefined) return Float64Array.from(file.read(stored).data, Number);
  const value = NAMES.freq
    .map((key) => attributes[key])
    .find((one) => typeof one === 'object' && 'data' in one);
  return value === undefined ? null : Float64Array.from((value as { data: Hdf5Array }).data, Number);
}

/** An attribute, or a dataset of one number. */
function rateOf(
  file: Hdf5File,
  keys: readonly string[],
  attributes: Readonly<Record<string, Hdf5Attribute>>,
): Hdf5Attribute | undefined {
  const named = NAMES.rate.map((key) => attributes[key]).find((value) => value !== undefined);
  if (named !== undefined) return named;
  const stored = NAMES.rate.find((key) => keys.includes(key));
  return stored === undefined ? undefined : file.read(stored);
}

/** Begin, end and offset of each trial; without a trial definition all samples are one. */
function trialsOf(
  file: Hdf5File,
  keys: readonly string[],
  total: number,
  path: string,
): Array<[number, number, number]> {
  if (!keys.includes('trialdefinition')) return [[0, total, 0]];
  const { shape, data } = file.read('trialdefinition');
  const width = shape[1] ?? 3;
  return Array.from({ length: shape[0]! }, (_, i) => {
    const [begin, end, offset] = [data[i * width]!, data[i * width + 1]!, data[i * width + 2] ?? 0];
    if (begin >= 0 && end > begin && end <= total) return [begin, end, offset];
    throw unreadable(
      path,
      `its trial ${i} reaches from ${begin} to ${end} of ${total} samples`,
      'save it again',
    );
  });
}

function numberOf(value: Hdf5Attribute | undefined): number | string | null {
  if (value === undefined || value === 'None') return null;
  if (typeof value === 'object' && 'data' in value) return Number(value.data[0]);
  return typeof value === 'string' || typeof value === 'number' ? Number(value) : null;
}
