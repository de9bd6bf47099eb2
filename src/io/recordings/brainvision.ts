import { readFile } from 'node:fs/promises';

import { readError } from '../storage-error.js';
import { uniqueNames } from './edf.js';
import { checkedRate, incomplete, unreadable, type SeriesRecording, type SeriesTrial } from './recording.js';

type Section = ReadonlyMap<string, string>;

interface Channel {
  readonly name: string;
  readonly resolution: number;
  readonly unit: string;
}

const FORMATS: Readonly<
  Record<string, { bytes: number; read: (b: Buffer, at: number, big: boolean) => number }>
> = {
  INT_16: { bytes: 2, read: (b, at, big) => (big ? b.readInt16BE(at) : b.readInt16LE(at)) },
  UINT_16: { bytes: 2, read: (b, at, big) => (big ? b.readUInt16BE(at) : b.readUInt16LE(at)) },
  INT_32: { bytes: 4, read: (b, at, big) => (big ? b.readInt32BE(at) : b.readInt32LE(at)) },
  IEEE_FLOAT_32: { bytes: 4, read: (b, at, big) => (big ? b.readFloatBE(at) : b.readFloatLE(at)) },
};
const EXPORT_AGAIN = 'export the recording as BrainVision with binary data in the time domain';

/** Names of the files that a header (`.vhdr`) goes with. */
export interface BrainVisionParts {
  readonly data: string;
  readonly marker: string | null;
}

/**
 * The files that a header names; `$b` stands for the name of the header without extension.
 *
 * @param stem - that name
 */
export function brainVisionParts(header: Buffer, stem: string): BrainVisionParts {
  const common = sectionsOf(decodeText(header)).get('Common Infos');
  const named = (key: string): string | null => common?.get(key)?.replaceAll('$b', stem) || null;
  return { data: named('DataFile') ?? `${stem}.eeg`, marker: named('MarkerFile') };
}

/**
 * Where the channels of a header are, on a sphere of radius 1: x to the right, y to the front, z up. Channels whose radius is 0 have
 * no position.
 *
 * @param header - content of a `.vhdr` file
 */
export function brainVisionCoordinates(header: Buffer): Map<string, readonly [number, number, number]> {
  const sections = sectionsOf(decodeText(header));
  const infos = sections.get('Channel Infos');
  const count = Number(sections.get('Common Infos')?.get('NumberOfChannels') ?? 0);
  const names = uniqueNames(Array.from({ length: count }, (_, i) => channelOf(infos, i).name));
  const found = new Map<string, readonly [number, number, number]>();
  for (const [i, name] of names.entries()) {
    const [radius, theta, phi] = (sections.get('Coordinates')?.get(`Ch${i + 1}`) ?? '')
      .split(',')
      .map(Number);
    if (!(radius! > 0) || !Number.isFinite(theta) || !Number.isFinite(phi)) continue;
    // theta: from the vertex, positive to the right; phi: from there towards the front; degrees.
    const [down, around] = [(theta! * Math.PI) / 180, (phi! * Math.PI) / 180];
    found.set(name, [Math.sin(down) * Math.cos(around), Math.sin(down) * Math.sin(around), Math.cos(down)]);
  }
  return found;
}

/**
 * Reads a BrainVision recording: int16, uint16, int32 or float32, multiplexed or vectorised; resolution applied, float32, in the
 * units of the header. Segments (of marker-based segmentation, or between `New Segment` markers) are trials.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED
 */
export async function readBrainVision(paths: {
  readonly main: string;
  readonly data: string;
  readonly marker?: string;
}): Promise<SeriesRecording> {
  const path = paths.main;
  const text = decodeText(await bytesOf(path));
  if (!/^\uFEFF?Brain ?Vision Data Exchange Header File/i.test(text))
    throw unreadable(path, 'it has no BrainVision identification in its first line', EXPORT_AGAIN);
  const sections = sectionsOf(text);
  const common = sections.get('Common Infos') ?? new Map<string, string>();
  const value = (key: string): string => (common.get(key) ?? '').toUpperCase();
  if (value('DataFormat') !== 'BINARY')
    throw unreadable(path, `its DataFormat is ${value('DataFormat') || 'missing'}`, EXPORT_AGAIN);
  if (!['', 'TIMEDOMAIN'].includes(value('DataType')))
    throw unreadable(path, `its DataType is ${value('DataType')}`, EXPORT_AGAIN);
  const orientation = value('DataOrientation');
  if (orientation !== 'MULTIPLEXED' && orientation !== 'VECTORIZED')
    throw unreadable(path, `its DataOrientation is ${orientation || 'missing'}`, EXPORT_AGAIN);
  const binary = sections.get('Binary Infos') ?? new Map<string, string>();
  const format = FORMATS[(binary.get('BinaryFormat') ?? '').toUpperCase()];
  if (format === undefined)
    throw unreadable(
      path,
      `its BinaryFormat is ${binary.get('BinaryFormat') ?? 'missing'}`,
      `use ${Object.keys(FORMATS).join(', ')}`,
    );
  const big = (binary.get('UseBigEndianOrder') ?? '').toUpperCase() === 'YES';
  const interval = Number(common.get('SamplingInterval') ?? 'x');
  const samplerate = checkedRate(
    Number.isNaN(interval) ? undefined : 1e6 / interval,
    path,
    'write SamplingInterval (microseconds) into the header',
  );
  const count = Number(common.get('NumberOfChannels') ?? 'x');
  if (!(Number.isInteger(count) && count > 0))
    throw unreadable(
      path,
      `its NumberOfChannels is ${common.get('NumberOfChannels') ?? 'missing'}`,
      EXPORT_AGAIN,
    );
  const infos = sections.get('Channel Infos');
  const described = Array.from({ length: count }, (_, i) => infos?.has(`Ch${i + 1}`) === true);
  if (infos !== undefined && described.includes(false)) {
    const [first, found] = [described.indexOf(false) + 1, described.filter(Boolean).length];
    throw unreadable(
      path,
      `it describes ${found} of ${count} channels; Ch${first} is missing`,
      'correct NumberOfChannels or [Channel Infos] in the header',
    );
  }
  const channels = Array.from({ length: count }, (_, i) => channelOf(infos, i));

  const data = await bytesOf(paths.data);
  const frame = count * format.bytes;
  const stated = common.get('DataPoints') === undefined ? null : Number(common.get('DataPoints'));
  const points = stated ?? Math.floor(data.length / frame);
  if (data.length < points * frame || data.length % frame !== 0)
    throw incomplete(
      paths.data,
      `${data.length} bytes for ${count} channels of ${stated === null ? 'any number of' : stated} points`,
    );
  if (points < 1) throw unreadable(paths.data, 'it holds no data', EXPORT_AGAIN);
  const markers = paths.marker === undefined ? null : sectionsOf(decodeText(await bytesOf(paths.marker)));
  const starts = segmentStarts(common, markers, points);
  const trials = starts.map((start, s): SeriesTrial => {
    const end = starts[s + 1] ?? points;
    const rows = channels.map(({ resolution }, c) => {
      const out = new Float32Array(end - start);
      for (let t = start; t < end; t++) {
        const at = orientation === 'MULTIPLEXED' ? t * count + c : c * points + t;
        out[t - start] = resolution * format.read(data, at * format.bytes, big);
      }
      return out;
    });
    return { start, offset: 0, channels: rows };
  });
  return {
    kind: 'series',
    samplerate,
    channel: uniqueNames(channels.map(({ name }) => name)),
    units: channels.map(({ unit }) => unit),
    trials,
    notes: channels.flatMap(({ name, resolution }, i) =>
      Number.isNaN(resolution)
        ? `${name} has no scale: its resolution in Ch${i + 1} of the header is no number`
        : [],
    ),
  };
}

/** Name, reference, resolution, unit; a comma in a name is written `\1`. */
function channelOf(infos: Section | undefined, i: number): Channel {
  const [name, , resolution, unit] = (infos?.get(`Ch${i + 1}`) ?? '').split(',');
  const factor = resolution === undefined || resolution.trim() === '' ? 1 : Number(resolution);
  return {
    name: (name?.trim() || String(i + 1)).replaceAll('\\1', ','),
    resolution: factor,
    unit: unit?.trim() || 'µV',
  };
}

/** First sample of each trial. */
function segmentStarts(
  common: Section,
  markers: ReadonlyMap<string, Section> | null,
  points: number,
): number[] {
  const length = Number(common.get('SegmentDataPoints') ?? 0);
  if (
    (common.get('SegmentationType') ?? '').toUpperCase() === 'MARKERBASED' &&
    length > 0 &&
    points % length === 0
  )
    return Array.from({ length: points / length }, (_, i) => i * length);
  const starts = new Set([0]);
  for (const [key, entry] of markers?.get('Marker Infos') ?? []) {
    const [type, , position] = entry.split(',');
    const at = Number(position) - 1;
    if (/^Mk\d+$/.test(key) && type === 'New Segment' && at > 0 && at < points) starts.add(at);
  }
  return [...starts].sort((a, b) => a - b);
}

function sectionsOf(text: string): Map<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  let current: Map<string, string> | null = null;
  for (const line of text.split(/\r?\n/)) {
    const head = /^\[(.+)\]\s*$/.exec(line);
    if (head !== null) sections.set(head[1]!, (current = new Map()));
    else if (current !== null && !line.startsWith(';')) {
      const cut = line.indexOf('=');
      if (cut > 0) current.set(line.slice(0, cut).trim(), line.slice(cut + 1).trim());
    }
  }
  return sections;
}

/** UTF-8, or Latin-1 where the bytes are not UTF-8. */
function decodeText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\uFFFD') ? bytes.toString('latin1') : text;
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(error, path);
  }
}
