/** Paradigms from the formats that are read: image stacks, tables, events. */
import { ProcessingError } from '../../errors.js';
import {
  readNifti,
  readNiftiHeader,
  readNpy,
  readNpyHeader,
  readTable,
  type TsvTable,
} from '../../io/index.js';
import { matrix, type Matrix } from '../../numerics/linalg/matrix.js';
import type { StimulusKind } from '../../numerics/encoding/settings.js';
import { sourceOf, tableNumbers } from './voxel-data.js';

export type StimulusFileKind = 'paradigm' | 'events';

/** What was shown, per time point. */
export interface Stimulus {
  /** T x nx x ny, or T x D. */
  readonly shape: readonly number[];
  readonly values: Float64Array;
  /** Of the columns; null for images and unnamed columns. */
  readonly labels: readonly string[] | null;
}

/** Number of time points, or null when events say nothing about it. */
export async function stimulusFrames(path: string, kind: StimulusFileKind): Promise<number | null> {
  if (kind === 'events') return null;
  switch (sourceOf(path)) {
    case 'volume':
      return readNiftiHeader(path).shape.at(-1) ?? null;
    case 'array':
      return (await readNpyHeader(path)).shape[0] ?? null;
    case 'table':
      return (await readTable(path)).rows.length;
    default:
      throw refused(path, 'it is none of .npy, .tsv, .csv, .nii and .nii.gz', 'convert it to one of them');
  }
}

export interface StimulusRequest {
  readonly path: string;
  readonly kind: StimulusFileKind;
  /** What the model looks at. */
  readonly wanted: StimulusKind;
  /** Of the data; what events are sampled at. */
  readonly frames: number;
  readonly tr: number | null;
}

/**
 * @throws ProcessingError SHAPE_MISMATCH when its length is not that of the data, NON_FINITE, FILE_FORMAT, and
 *   INVALID_ARGUMENT for a stimulus that never changes
 */
export async function readStimulus(request: StimulusRequest): Promise<Stimulus> {
  const stimulus =
    request.kind === 'events'
      ? await readEvents(request)
      : await readParadigmFile(request.path, request.wanted);
  const { path, frames } = request;
  const own = stimulus.shape[0] ?? 0;
  if (own !== frames) throw wrongLength(path, own, frames);
  const columns = stimulus.values.length / frames;
  const bad = stimulus.values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const at = Math.floor(bad / columns);
    throw new ProcessingError(
      'NON_FINITE',
      `${path}: the stimulus is ${stimulus.values[bad]} at time point ${at}`,
      {
        where: path,
        cure: 'replace it by a number; 0 where nothing was shown',
      },
    );
  }
  const changes = stimulus.values.some((value, at) => value !== stimulus.values[at % columns]);
  if (!changes) {
    const isZero = stimulus.values.every((value) => value === 0);
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${path}: the stimulus is ${isZero ? '0 everywhere' : 'the same at every time point'}, so nothing can be fitted`,
      { where: path, cure: 'give the stimulus that was shown' },
    );
  }
  return stimulus;
}

export function wrongLength(path: string, found: number, frames: number): ProcessingError {
  return new ProcessingError(
    'SHAPE_MISMATCH',
    `the paradigm ${path} has ${found} time points, the data have ${frames}`,
    { where: path, cure: 'give both the same time points; leave out frames that were dropped from the data' },
  );
}

async function readParadigmFile(path: string, wanted: StimulusKind): Promise<Stimulus> {
  const read = await readAny(path);
  if (wanted === 'images' && read.shape.length !== 3) {
    throw refused(path, `it is ${read.shape.join(' x ')}`, 'the model needs images: frames x nx x ny');
  }
  if (wanted === 'points' && (read.shape.length !== 2 || (read.shape[1] ?? 0) > 2)) {
    throw refused(
      path,
      `it is ${read.shape.join(' x ')}`,
      'the model needs one column, and perhaps a second one: amplitude',
    );
  }
  if (wanted === 'features' && read.shape.length === 3) {
    const [frames = 0, nx = 0, ny = 0] = read.shape;
    return { ...read, shape: [frames, nx * ny] };
  }
  return read;
}

async function readAny(path: string): Promise<Stimulus> {
  switch (sourceOf(path)) {
    case 'array': {
      const { shape, data } = await readNpy(path);
      if (shape.length < 1 || shape.length > 3) {
        throw refused(
          path,
          `its shape is (${shape.join(', ')})`,
          'save frames x nx x ny, or frames x columns',
        );
      }
      const whole = shape.length === 1 ? [shape[0]!, 1] : shape;
      return { shape: whole, values: Float64Array.from(data), labels: null };
    }
    case 'volume':
      return readImageVolume(path);
    case 'table': {
      const table = await readTable(path);
      const labels = table.columns;
      return { shape: [table.rows.length, labels.length], values: tableNumbers(table, path), labels };
    }
    default:
      throw refused(path, 'it is none of .npy, .tsv, .csv, .nii and .nii.gz', 'convert it to one of them');
  }
}

/** x, y and time, or x, y, one slice and time; x slow and y fast in what comes out. */
async function readImageVolume(path: string): Promise<Stimulus> {
  const { shape, data } = await readNifti(path);
  const axes = shape.length === 4 && shape[2] === 1 ? [shape[0]!, shape[1]!, shape[3]!] : shape;
  if (axes.length !== 3) throw refused(path, `it is ${shape.join(' x ')}`, 'give x, y, one slice and time');
  const [nx = 0, ny = 0, frames = 0] = axes;
  const values = new Float64Array(data.length);
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) values[(t * nx + i) * ny + j] = data[i + nx * (j + ny * t)]!;
    }
  }
  return { shape: [frames, nx, ny], values, labels: null };
}

interface StimulusEvent {
  readonly onset: number;
  readonly end: number;
  readonly row: readonly (string | null)[];
}

/** Columns of a table of events that are not values of a stimulus. */
const EVENT_COLUMNS = new Set([
  'onset',
  'duration',
  'trial_type',
  'amplitude',
  'response_time',
  'HED',
  'stim_file',
  'channel',
  'sample',
]);

/**
 * Events at the repetition times. Features: a column per `trial_type`, the share of the repetition that its events
 * fill, times `amplitude` where there is one. Points: the value of the event that is on (the one column that is none of
 * BIDS) and, as `amplitude`, the share of the repetition that it fills.
 */
async function readEvents({ path, wanted, frames, tr }: StimulusRequest): Promise<Stimulus> {
  if (wanted === 'images') {
    throw refused(
      path,
      'it holds events',
      'the model needs images: give <stem>_paradigm.npy, frames x nx x ny',
    );
  }
  if (tr === null) throw refused(path, 'the repetition time is not known', 'set encoding_fit.tr');
  const table = await readTable(path);
  const numbers = (name: string): Float64Array => {
    const at = table.columns.indexOf(name);
    if (at < 0) throw refused(path, `it has no column ${name}`, 'events have onset and duration, s');
    const column = { columns: [name], rows: table.rows.map((row) => [row[at] ?? null]) };
    const values = tableNumbers(column, path);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw refused(`${path}:${bad + 2}`, `there is no ${name}`, 'give a number in every row');
    return values;
  };
  const onsets = numbers('onset');
  const durations = numbers('duration');
  const amplitudes = table.columns.includes('amplitude') ? numbers('amplitude') : null;
  const events = table.rows.map((row, i) => ({ onset: onsets[i]!, end: onsets[i]! + durations[i]!, row }));
  const share = (event: StimulusEvent, t: number): number => {
    // An event without a duration fills the repetition it falls into.
    if (event.end === event.onset) return Math.floor(event.onset / tr) === t ? 1 : 0;
    return Math.max(0, Math.min(event.end, (t + 1) * tr) - Math.max(event.onset, t * tr)) / tr;
  };
  return wanted === 'features'
    ? featureEvents(table, events, amplitudes, frames, share)
    : pointEvents(path, table, events, frames, share, numbers);
}

function featureEvents(
  table: TsvTable,
  events: readonly StimulusEvent[],
  amplitudes: Float64Array | null,
  frames: number,
  share: (event: StimulusEvent, t: number) => number,
): Stimulus {
  const at = table.columns.indexOf('trial_type');
  const typeOf = ({ row }: StimulusEvent): string => (at < 0 ? 'event' : (row[at] ?? 'n/a'));
  const labels = [...new Set(events.map(typeOf))].sort();
  const values = new Float64Array(frames * labels.length);
  events.forEach((event, i) => {
    const column = labels.indexOf(typeOf(event));
    for (let t = 0; t < frames; t++) {
      const place = t * labels.length + column;
      values[place] = values[place]! + share(event, t) * (amplitudes?.[i] ?? 1);
    }
  });
  return { shape: [frames, labels.length], values, labels };
}

function pointEvents(
  path: string,
  table: TsvTable,
  events: readonly StimulusEvent[],
  frames: number,
  share: (event: StimulusEvent, t: number) => number,
  numbers: (name: string) => Float64Array,
): Stimulus {
  const named = table.columns.filter((name) => !EVENT_COLUMNS.has(name));
  const [name] = named;
  if (name === undefined || named.length > 1) {
    const found =
      named.length === 0 ? 'no column with values of the stimulus' : `the columns ${named.join(', ')}`;
    throw refused(
      path,
      `it has ${found}`,
      'give onset, duration and one column with the value of the stimulus',
    );
  }
  const given = numbers(name);
  // Between events nothing is shown: amplitude 0, at a value inside the range, because some models need s > 0.
  const middle = given.reduce((sum, value) => sum + value, 0) / Math.max(given.length, 1);
  const values = new Float64Array(2 * frames);
  for (let t = 0; t < frames; t++) {
    const on = events.flatMap((event, i) =>
      share(event, t) > 0 ? [{ value: given[i]!, part: share(event, t) }] : [],
    );
    const total = on.reduce((sum, { part }) => sum + part, 0);
    if (total > 1 + 1e-9)
      throw refused(path, `events overlap at time point ${t}`, 'give one value at a time');
    // Two events that share a repetition: their mean, weighted by time.
    values[2 * t] = total === 0 ? middle : on.reduce((sum, { value, part }) => sum + value * part, 0) / total;
    values[2 * t + 1] = total;
  }
  return { shape: [frames, 2], values, labels: [name, 'amplitude'] };
}

/** Pixel coordinates, P x 2, from npy or a table with columns x and y. */
export async function readCoordinates(path: string, pixels: number): Promise<Matrix> {
  const read = sourceOf(path) === 'array' ? await readNpy(path) : null;
  const table = read === null ? await readTable(path) : null;
  const shape = read?.shape ?? [table!.rows.length, table!.columns.length];
  if (shape.length !== 2 || shape[0] !== pixels || shape[1] !== 2) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the coordinates ${path} are ${shape.join(' x ')}, the images have ${pixels} pixels`,
      { where: path, cure: `give ${pixels} x 2: x and y of every pixel, y fast` },
    );
  }
  if (table !== null && table.columns.join() !== 'x,y') {
    throw refused(path, `its columns are ${table.columns.join(', ')}`, 'name them x and y');
  }
  return matrix(pixels, 2, read?.data ?? tableNumbers(table!, path));
}

function refused(where: string, what: string, cure: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${where} cannot be used as paradigm: ${what}`, { where, cure });
}
