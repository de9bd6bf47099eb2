import { readFile } from 'node:fs/promises';

import { readNpy } from '../npy.js';
import { readError } from '../storage-error.js';
import { checkedRate, unreadable, type Recording, type Samples, type SeriesTrial } from './recording.js';

/** Facts about an array that it does not hold itself; BIDS names. */
export interface ArraySidecar {
  /** Hz. */
  readonly SamplingFrequency?: unknown;
  readonly Channels?: unknown;
  /** Order of the axes, for example ["time", "channel"]. */
  readonly Dimensions?: unknown;
  readonly Units?: unknown;
}

const AXES = ['trial', 'channel', 'time'] as const;
const RATE_CURE =
  'write SamplingFrequency (Hz) into a JSON file of the same name, or set fooof.sampling_rate';

/**
 * Reads an array of time series or spectra. Axes: [time or frequency], [channel, ...] or [trial, channel, ...]; the sidecar's
 * `Dimensions` may say another order of `trial`, `channel` and `time`. With frequencies the array holds power spectra.
 *
 * @param paths - `sidecar`: JSON; `frequencies`: Hz, one number per bin
 * @param fallbackRate - Hz, where the sidecar has none
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED
 */
export async function readNpyRecording(
  paths: { readonly main: string; readonly sidecar?: string; readonly frequencies?: string },
  fallbackRate: number | null = null,
): Promise<Recording> {
  const { shape, data } = await readNpy(paths.main);
  const sidecar = paths.sidecar === undefined ? {} : await readSidecar(paths.sidecar);
  const axes = axesOf(sidecar, shape.length, paths.main);
  const size = (axis: string): number => (axes.includes(axis) ? shape[axes.indexOf(axis)]! : 1);
  const stride = (axis: string): number =>
    axes.includes(axis) ? shape.slice(axes.indexOf(axis) + 1).reduce((product, n) => product * n, 1) : 0;
  const [trials, channels, length] = AXES.map(size) as [number, number, number];
  const [trialStep, channelStep, step] = AXES.map(stride) as [number, number, number];
  const channel = namesOf(sidecar.Channels, channels, paths.sidecar ?? paths.main);
  const row = (trial: number, c: number): Samples => {
    const out = data instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
    const start = trial * trialStep + c * channelStep;
    for (let i = 0; i < length; i++) out[i] = data[start + i * step]!;
    return out;
  };
  const rows = Array.from({ length: trials }, (_t, trial) =>
    Array.from({ length: channels }, (_c, c) => row(trial, c)),
  );
  if (paths.frequencies !== undefined) {
    const frequencies = Float64Array.from((await readNpy(paths.frequencies)).data);
    if (frequencies.length !== length) {
      throw unreadable(
        paths.main,
        `its last axis has ${length} bins, the frequencies ${frequencies.length}`,
        'give one frequency per bin, bins on the last axis',
      );
    }
    const spectra = rows.map((trial) => trial.map((values) => Float64Array.from(values)));
    return { kind: 'spectra', frequencies, channel, trials: spectra, notes: [] };
  }
  const unit = typeof sidecar.Units === 'string' ? sidecar.Units : '';
  return {
    kind: 'series',
    samplerate: checkedRate(sidecar.SamplingFrequency ?? fallbackRate, paths.main, RATE_CURE),
    channel,
    units: channel.map(() => unit),
    trials: rows.map((values, t): SeriesTrial => ({ start: t * length, offset: 0, channels: values })),
    notes: [],
  };
}

/** @throws ProcessingError FILE_MISSING, FILE_FORMAT */
export async function readSidecar(path: string): Promise<ArraySidecar & Readonly<Record<string, unknown>>> {
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, `it is no JSON: ${(error as Error).message}`, 'correct the JSON file');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw unreadable(path, 'it is not a JSON object', 'write {"SamplingFrequency": 250}');
}

function axesOf({ Dimensions: named }: ArraySidecar, count: number, path: string): readonly string[] {
  if (count < 1 || count > 3) {
    throw unreadable(path, `it has ${count} axes`, 'give [time], [channel, time] or [trial, channel, time]');
  }
  if (named === undefined) return AXES.slice(3 - count);
  const given = Array.isArray(named) ? named.map(String) : [];
  const isRight =
    given.length === count &&
    new Set(given).size === count &&
    given.includes('time') &&
    given.every((axis) => (AXES as readonly string[]).includes(axis));
  if (isRight) return given;
  throw unreadable(
    path,
    `its sidecar's Dimensions are ${JSON.stringify(named)} for ${count} axes`,
    'list trial, channel and time in the order of the axes; spectra have time for the frequency axis',
  );
}

/** Names of channels, or numbers from 0 on. */
export function namesOf(given: unknown, count: number, path: string): string[] {
  if (given === undefined || given === null) return Array.from({ length: count }, (_, i) => String(i));
  if (Array.isArray(given) && given.length === count) return given.map(String);
  throw unreadable(
    path,
    `it names ${Array.isArray(given) ? given.length : 'no list of'} channels for ${count}`,
    'name each channel once, in order',
  );
}
