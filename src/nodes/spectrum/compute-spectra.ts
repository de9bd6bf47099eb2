import { z } from 'zod';

import { defineNode, Skip, type InputsOf, type NodeContext } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import {
  readRecording,
  RECORDING_FORMATS,
  RECORDING_ROLES,
  type Recording,
  type SeriesRecording,
  type SpectraRecording,
} from '../../io/index.js';
import { interpolateLineNoise } from '../../numerics/fooof/line-noise.js';
import { chooseFrequencies } from '../../numerics/signal/frequency-choice.js';
import { PowerSpectrum } from '../../numerics/signal/power-spectrum.js';
import { SpectrumSettings } from '../../numerics/signal/settings.js';
import { VERSION } from '../../version.js';
import { recordingFault } from './recording-fault.js';
import { writeSpectra } from './spectral-container.js';
import type { SpectralData } from './spectral-data.js';

/** What a recording is made of, and how it becomes spectra. */
export const RECORDING_INPUTS = {
  /** For messages. */
  recording: port.value(z.string()),
  format: port.value(z.enum(RECORDING_FORMATS)),
  /** What each of `files` is. */
  roles: port.value(z.array(z.enum(RECORDING_ROLES))),
  files: port.list(port.file('recording')),
  /** Why the recording cannot be read at all; null: it can. */
  refused: port.value(z.string().nullable()),
  spectrum: port.value(SpectrumSettings),
  /** Hz, where an array names none. */
  sampling_rate: port.value(z.number().nullable()),
} as const;

/**
 * Reads one recording of any format and writes its power spectra as a container [trial, taper, frequency, channel]: spectra as they
 * are, time series through the front end. A bin of 0 Hz, which has no logarithm, is left out. What cannot be read is skipped with
 * the reason.
 */
export const computeSpectra = defineNode({
  name: 'compute_spectra',
  version: 4,
  inputs: RECORDING_INPUTS,
  outputs: { spectra: port.file('h5') },
  resources: { cpus: 1, memoryGb: 2 },
  async run(inputs, ctx) {
    const data = await readSpectra(inputs, ctx);
    if (data instanceof Skip) return data;
    const spectra = ctx.outputFile('spectra.h5');
    try {
      writeSpectra(spectra, data);
    } catch (error) {
      const reason = recordingFault(error);
      if (reason === null) throw error;
      return ctx.skip(reason);
    }
    return { spectra };
  },
});

/** The spectra of a recording, or the reason why there are none. */
export async function readSpectra(
  { recording, format, roles, files, refused, spectrum, sampling_rate }: InputsOf<typeof RECORDING_INPUTS>,
  ctx: NodeContext,
): Promise<SpectralData | Skip> {
  if (refused !== null) return ctx.skip(refused);
  const paths = Object.fromEntries(files.map(({ path }, i) => [roles[i]!, path])) as { main: string };
  try {
    const read = await readRecording(format, paths, sampling_rate);
    const { data, notes } = spectralData(read, spectrum);
    for (const note of notes) ctx.log.warn(`${recording}: ${note}`);
    return data;
  } catch (error) {
    const reason = recordingFault(error);
    if (reason === null) throw error;
    return ctx.skip(
      files.reduce((text, { path, relPath }, i) => {
        return text.replaceAll(path, roles[i] === 'main' ? recording : relPath);
      }, reason),
    );
  }
}

/** Spectra of a recording, and what the user should know about them. */
export function spectralData(
  recording: Recording,
  settings: SpectrumSettings,
): { data: SpectralData; notes: string[] } {
  return recording.kind === 'spectra' ? fromSpectra(recording, settings) : fromSeries(recording, settings);
}

/**
 * The dry pass of `spectralData`: everything but the power, which is empty.
 *
 * @throws ConfigError, ProcessingError as `spectralData` does
 */
export function describeSpectralData(
  recording: Recording,
  settings: SpectrumSettings,
): { data: SpectralData; notes: string[] } {
  return recording.kind === 'spectra'
    ? fromSpectra(recording, settings, false)
    : fromSeries(recording, settings, false);
}

function fromSpectra(
  { frequencies, channel, trials, notes }: SpectraRecording,
  settings: SpectrumSettings,
  fills = true,
): { data: SpectralData; notes: string[] } {
  const chosen = chooseFrequencies(frequencies, settings);
  const bins = chosen.filter((bin) => frequencies[bin] !== 0);
  const left = bins.length < chosen.length ? ['the bin of 0 Hz is left out: it has no logarithm'] : [];
  const freq = Float64Array.from(bins, (bin) => frequencies[bin]!);
  const ranges = noiseRanges(freq, settings, left);
  const data = stacked([trials.length, bins.length, channel.length], fills, (trial, c, out) => {
    const row = trials[trial]![c]!;
    for (let i = 0; i < bins.length; i++) out[i] = row[bins[i]!]!;
    if (ranges.length > 0) out.set(interpolateLineNoise(freq, out, ranges));
  });
  const axes = { freq, channel };
  const trialdefinition = trials.map((_, t) => [t, t + 1, 0] as const);
  return {
    data: { ...data, ...axes, trialdefinition, samplerate: null, log: '', version: VERSION },
    notes: [...notes, ...left],
  };
}

function fromSeries(
  { samplerate, channel, units, trials, notes }: SeriesRecording,
  settings: SpectrumSettings,
  fills = true,
): { data: SpectralData; notes: string[] } {
  const warnings = [...notes];
  const wanted = settings.method === 'welch' ? Math.floor(settings.t_ftimwin * samplerate + 1e-9) : 2;
  const lengthOf = (trial: (typeof trials)[number]): number => trial.channels[0]?.length ?? 0;
  let index = [...trials.keys()].filter((t) => lengthOf(trials[t]!) >= wanted);
  // Where no trial is long enough the front end says so, with the lengths.
  if (index.length === 0) index = [...trials.keys()];
  if (index.length < trials.length) {
    warnings.push(
      `${trials.length - index.length} of ${trials.length} trials are left out: shorter than ${wanted} samples`,
    );
  }
  const used = index.map((t) => trials[t]!);
  const spectrum = new PowerSpectrum(samplerate, used.map(lengthOf), settings);
  warnings.push(...spectrum.warnings);
  const first = spectrum.frequencies[0] === 0 ? 1 : 0;
  const power = new Float64Array(spectrum.frequencies.length);
  const freq = spectrum.frequencies.slice(first);
  const ranges = noiseRanges(freq, settings, warnings);
  const data = stacked([used.length, power.length - first, channel.length], fills, (trial, c, out) => {
    spectrum.compute(used[trial]!.channels[c]!, power);
    out.set(power.subarray(first));
    if (ranges.length > 0) out.set(interpolateLineNoise(freq, out, ranges));
  });
  const unit = new Set(units).size === 1 ? units[0] : '';
  const log = JSON.stringify({
    routine: 'spectra',
    ...settings,
    windows_per_trial: spectrum.windowsPerTrial,
    ...(unit === '' ? {} : { unit }),
    version: VERSION,
  });
  return {
    data: {
      ...data,
      freq,
      channel,
      trialdefinition: used.map(
        (trial) => [trial.start, trial.start + lengthOf(trial), trial.offset] as const,
      ),
      trialIndex: index,
      samplerate,
      log,
      version: VERSION,
    },
    notes: warnings,
  };
}

/** The ranges of line noise that lie within the spectra; of the others a note says that nothing is done. */
function noiseRanges(
  freq: Float64Array,
  { line_noise: ranges }: SpectrumSettings,
  notes: string[],
): Array<readonly [number, number]> {
  const [first, last] = [freq[0]!, freq.at(-1)!];
  return (ranges ?? []).filter(([from, to]) => {
    const isWithin = first < from && to < last && freq.some((f) => f >= from && f <= to);
    if (!isWithin) {
      notes.push(
        `line_noise ${from} to ${to} Hz has no bins, or none beside it, in the spectra from ${first} to ${last} Hz: left as it is`,
      );
    }
    return isWithin;
  });
}

/** [trial, 1, bin, channel] from one row per trial and channel; empty, with its shape, unless it is to be filled. */
function stacked(
  [trials, bins, channels]: readonly [number, number, number],
  fills: boolean,
  fill: (trial: number, channel: number, out: Float64Array) => void,
): Pick<SpectralData, 'shape' | 'data'> {
  const shape = [trials, 1, bins, channels] as const;
  if (!fills) return { shape, data: new Float64Array(0) };
  const data = new Float64Array(trials * bins * channels);
  const row = new Float64Array(bins);
  for (let trial = 0; trial < trials; trial++) {
    for (let channel = 0; channel < channels; channel++) {
      fill(trial, channel, row);
      for (let bin = 0; bin < bins; bin++) data[(trial * bins + bin) * channels + channel] = row[bin]!;
    }
  }
  return { shape, data };
}
