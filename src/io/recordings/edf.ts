import { readFile } from 'node:fs/promises';

import { readError } from '../storage-error.js';
import { incomplete, unreadable, type SeriesRecording, type SeriesTrial } from './recording.js';

interface Signal {
  readonly label: string;
  readonly unit: string;
  readonly samples: number;
  /** Of this signal within a record, bytes. */
  readonly offset: number;
  readonly gain: number;
  readonly base: number;
}

const SAVE_AGAIN = 'export the recording again as EDF, EDF+ or BDF';
/** Widths of the per-signal fields of the header, bytes: label, transducer, unit, ranges, filter, samples, reserved. */
const FIELD = { label: 16, transducer: 80, unit: 8, range: 8, filter: 80, samples: 8, reserved: 32 };
const ANNOTATIONS = /^(EDF|BDF) Annotations$/;

/**
 * Reads EDF, EDF+ (with gaps, which become trials) and BDF: samples in the unit of the file, float32.
 *
 * Signals with another sampling rate than most are left out and named in `notes`, annotations and the status channel too.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED
 * @see Kemp et al. 1992; Kemp & Olivan 2003
 */
export async function readEdf(path: string): Promise<SeriesRecording> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw readError(error, path);
  }
  if (bytes.length < 256) throw unreadable(path, 'it has no EDF header', SAVE_AGAIN);
  const isBdf = bytes[0] === 0xff && bytes.toString('latin1', 1, 8) === 'BIOSEMI';
  if (!isBdf && bytes.toString('latin1', 0, 8).trim() !== '0')
    throw unreadable(path, 'it has no EDF header', SAVE_AGAIN);
  const width = isBdf ? 3 : 2;
  const text = (from: number, length: number): string => bytes.toString('latin1', from, from + length).trim();
  const number = (from: number, length: number, what: string): number => {
    const value = Number(text(from, length) || 'x');
    if (Number.isFinite(value)) return value;
    throw unreadable(path, `its header has ${JSON.stringify(text(from, length))} for ${what}`, SAVE_AGAIN);
  };
  const headerBytes = number(184, 8, 'the size of the header');
  const duration = number(244, 8, 'the duration of a record');
  const count = number(252, 4, 'the number of signals');
  if (!(count >= 1) || headerBytes !== 256 * (count + 1))
    throw unreadable(path, `its header of ${headerBytes} bytes does not fit ${count} signals`, SAVE_AGAIN);
  if (bytes.length < headerBytes) throw incomplete(path, 'within its header');
  const signals = signalsOf(count, width, text, number);
  const recordBytes = signals.reduce((sum, { samples }) => sum + samples * width, 0);
  if (!(recordBytes > 0)) throw unreadable(path, 'its records are empty', SAVE_AGAIN);
  const present = Math.floor((bytes.length - headerBytes) / recordBytes);
  const stated = number(236, 8, 'the number of records');
  // -1: the number was not known while the file was written.
  const records = stated === -1 ? present : stated;
  if (records > present) throw incomplete(path, `${present} of ${records} data records are there`);
  if (records < 1) throw unreadable(path, 'it holds no data', 'export the recording again');

  const data = signals.filter(({ label }) => !ANNOTATIONS.test(label) && !(isBdf && label === 'Status'));
  if (data.length === 0) throw unreadable(path, 'it holds annotations only', 'give a file with signals');
  if (!(duration > 0)) throw unreadable(path, 'there is no sampling rate: records last 0 s', SAVE_AGAIN);
  const perRecord = mostFrequent(data.map(({ samples }) => samples));
  const used = data.filter(({ samples }) => samples === perRecord);
  const others = data.filter(({ samples }) => samples !== perRecord);
  const samplerate = perRecord / duration;
  const isInterrupted = text(192, 44).startsWith('EDF+D') || text(192, 44).startsWith('BDF+D');
  const onsets = isInterrupted
    ? onsetsOf(bytes, signals, { headerBytes, recordBytes, records, width, path })
    : null;
  const runs = continuousRuns(onsets, records, duration, 0.5 / samplerate);
  const trials = runs.map(([from, to, onset]): SeriesTrial => {
    const channels = used.map((signal) =>
      decode(bytes, signal, {
        start: headerBytes + from * recordBytes,
        recordBytes,
        records: to - from,
        width,
      }),
    );
    return { start: Math.round(onset * samplerate), offset: 0, channels };
  });
  return {
    kind: 'series',
    samplerate,
    channel: uniqueNames(used.map(({ label }) => label)),
    units: used.map(({ unit }) => unit),
    trials,
    notes: [
      ...others.map(
        ({ label, samples }) => `${label} is left out: ${samples / duration} Hz instead of ${samplerate} Hz`,
      ),
      ...used.flatMap(({ label, gain }) =>
        Number.isNaN(gain)
          ? `${label} has no scale: its digital minimum and maximum are equal in the header`
          : [],
      ),
    ],
  };
}

function signalsOf(
  count: number,
  width: number,
  text: (from: number, length: number) => string,
  number: (from: number, length: number, what: string) => number,
): Signal[] {
  const starts: number[] = [];
  let at = 256;
  const { label, transducer, unit, range, filter, samples } = FIELD;
  for (const field of [label, transducer, unit, range, range, range, range, filter, samples]) {
    starts.push(at);
    at += field * count;
  }
  let offset = 0;
  return Array.from({ length: count }, (_, i): Signal => {
    const name = text(starts[0]! + label * i, label);
    const [low, high, digitalLow, digitalHigh] = [3, 4, 5, 6].map((field) =>
      number(starts[field]! + range * i, range, `the range of ${name}`),
    ) as [number, number, number, number];
    const perRecord = number(starts[8]! + samples * i, samples, `the samples of ${name}`);
    const gain = digitalHigh === digitalLow ? NaN : (high - low) / (digitalHigh - digitalLow);
    const signal = {
      label: name,
      unit: text(starts[2]! + unit * i, unit),
      samples: perRecord,
      offset,
      gain,
      base: low - gain * digitalLow,
    };
    offset += perRecord * width;
    return signal;
  });
}

interface Stretch {
  readonly start: number;
  readonly recordBytes: number;
  readonly records: number;
  readonly width: number;
}

function decode(
  bytes: Buffer,
  signal: Signal,
  { start, recordBytes, records, width }: Stretch,
): Float32Array {
  const { samples, gain, base } = signal;
  const out = new Float32Array(samples * records);
  for (let record = 0, i = 0; record < records; record++) {
    let at = start + record * recordBytes + signal.offset;
    for (let s = 0; s < samples; s++, i++, at += width) {
      const low = bytes[at]! | (bytes[at + 1]! << 8);
      const value = width === 2 ? (low << 16) >> 16 : ((low | (bytes[at + 2]! << 16)) << 8) >> 8;
      out[i] = base + gain * value;
    }
  }
  return out;
}

/** Start of every record in seconds: the first time-keeping annotation of each. */
function onsetsOf(
  bytes: Buffer,
  signals: readonly Signal[],
  {
    headerBytes,
    recordBytes,
    records,
    width,
    path,
  }: Omit<Stretch, 'start'> & { headerBytes: number; path: string },
): number[] {
  const keeper = signals.find(({ label }) => ANNOTATIONS.test(label));
  if (keeper === undefined)
    throw unreadable(path, 'it has gaps and no annotations that say where', 'export it as EDF+');
  return Array.from({ length: records }, (_, record) => {
    const from = headerBytes + record * recordBytes + keeper.offset;
    const list = bytes.toString('latin1', from, from + keeper.samples * width);
    const onset = Number(/^([+-]\d+(?:\.\d*)?)/.exec(list)?.[1] ?? 'x');
    if (Number.isFinite(onset)) return onset;
    throw unreadable(path, `its data record ${record + 1} has no time stamp`, 'export it again as EDF+');
  });
}

/** [first record, last + 1, onset in seconds] of each stretch without a gap. */
function continuousRuns(
  onsets: readonly number[] | null,
  records: number,
  duration: number,
  tolerance: number,
): Array<[number, number, number]> {
  if (onsets === null) return [[0, records, 0]];
  const runs: Array<[number, number, number]> = [];
  onsets.forEach((onset, record) => {
    const last = runs.at(-1);
    if (last !== undefined && Math.abs(onset - onsets[record - 1]! - duration) <= tolerance)
      last[1] = record + 1;
    else runs.push([record, record + 1, onset - onsets[0]!]);
  });
  return runs;
}

/** The value that stands there most often; of several the largest. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]![0];
}

/** Names that stand several times get a number: they are rows of tables. */
export function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}-${count}`;
  });
}
