import { writeFileSync } from 'node:fs';

import { z } from 'zod';

import { ConfigError } from '../../errors.js';
import type { InputsOf, NodeContext, OutputsOf, Skip } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { formatTsv } from '../../io/index.js';
import { isLimitWithinBins } from '../../numerics/fooof/fit-warnings.js';
import { FitOptions } from '../../numerics/fooof/settings.js';
import { VERSION } from '../../version.js';
import { sidecarText, watchFits } from './fit-sidecar.js';
import { candidatesColumns, fitRows, fitsColumns, peaksColumns, type FittedBlock } from './fit-tables.js';
import { availableFooofOutputs, FooofSpy } from './fooof-spy.js';
import { CANDIDATE_TEXT } from '../../numerics/fooof/candidates.js';
import { FAILURE_TEXT, type FitFailure } from '../../numerics/fooof/fit-result.js';
import { recordingFault } from './recording-fault.js';
import type { SpectralData } from './spectral-data.js';

export type FitSettings = z.output<typeof FitSettings>;
export const FitSettings = FitOptions.pick({
  peak_width_limits: true,
  max_n_peaks: true,
  min_peak_height: true,
  peak_threshold: true,
  aperiodic_mode: true,
  freq_range: true,
  mode: true,
  bic_penalty: true,
});

/** How spectra are fitted and what is written of that. */
export const FIT_INPUTS = {
  /** Name of the recording, for the cohort table and the sidecar. */
  recording: port.value(z.string()),
  settings: port.value(FitSettings),
  output: port.value(z.enum(availableFooofOutputs)),
  keeptrials: port.value(z.boolean()),
  chan_per_worker: port.value(z.int().nullable()),
  mem_thresh: port.value(z.number()),
  parallel_store: port.value(z.boolean().nullable()),
} as const;

export const FIT_OUTPUTS = {
  name: port.value(z.string()),
  fits: port.file('tsv'),
  peaks: port.file('tsv'),
  /** Every point that the search looked at and what became of it. */
  candidates: port.file('tsv'),
  model: port.file('h5'),
  /** The sidecar without its sources, whose names depend on where results go. */
  watched: port.file('json'),
} as const;

/**
 * Fits every channel (and trial) of spectra and writes tables, model container and what the sidecar says of them. Spectra that cannot
 * be fitted or written are skipped with the reason.
 */
export async function fitInto(
  data: SpectralData,
  inputs: InputsOf<typeof FIT_INPUTS>,
  ctx: NodeContext,
): Promise<OutputsOf<typeof FIT_OUTPUTS> | Skip> {
  try {
    return await fitAll(data, inputs, ctx);
  } catch (error) {
    // Settings are the same for all recordings: wrong ones end the run.
    const reason = error instanceof ConfigError ? null : recordingFault(error);
    if (reason === null) throw error;
    return ctx.skip(reason);
  }
}

async function fitAll(
  data: SpectralData,
  { recording, settings, output, keeptrials, ...parallel }: InputsOf<typeof FIT_INPUTS>,
  ctx: NodeContext,
): Promise<OutputsOf<typeof FIT_OUTPUTS>> {
  const { freq_range, ...methodKwargs } = settings;
  const routine = new FooofSpy({
    output,
    fooofSettings: { in_freqs: data.freq, freq_range },
    methodKwargs,
  });
  const paths = {
    fits: ctx.outputFile('fits.tsv'),
    peaks: ctx.outputFile('peaks.tsv'),
    candidates: ctx.outputFile('candidates.tsv'),
    model: ctx.outputFile('model.h5'),
    watched: ctx.outputFile('fits.json'),
  };
  routine.initialize(data, 0, { chanPerWorker: parallel.chan_per_worker, keepTrials: keeptrials });
  await routine.compute(data, paths.model, {
    memThresh: parallel.mem_thresh,
    parallel: ctx.cpus > 1,
    parallelStore: keeptrials ? parallel.parallel_store : null,
    workers: ctx.cpus,
    logDict: { output, fooof_opt: methodKwargs, freq_range, keeptrials, version: VERSION },
  });
  for (const warning of routine.warnings) ctx.log.warn(`${recording}: ${warning}`);
  for (const doubt of [...doubts(data.freq, settings), ...trialDoubts(data, keeptrials)]) {
    ctx.log.warn(`${recording}: ${doubt}`);
  }
  const blocks = blocksOf(routine, data.channel, data.trialIndex ?? [], parallel.chan_per_worker);
  const { fits, peaks, candidates } = fitRows(blocks, keeptrials);
  for (const row of fits) {
    if (row.at(-1) === 'ok') continue;
    const trial = keeptrials ? ` of trial ${row[1]}` : '';
    const status = row.at(-1) as FitFailure;
    ctx.log.warn(`${recording}: channel ${row[0]}${trial} has no fit (${status}): ${FAILURE_TEXT[status]}`);
  }
  // Plain writes: the engine makes the outputs of a node durable, all at once.
  writeFileSync(paths.fits, formatTsv(fitsColumns(keeptrials), fits));
  writeFileSync(paths.peaks, formatTsv(peaksColumns(keeptrials), peaks));
  writeFileSync(paths.candidates, formatTsv(candidatesColumns(keeptrials), candidates));
  const frequencies = routine.frequencies;
  writeFileSync(
    paths.watched,
    sidecarText({
      ...describedFits(settings, data.log),
      fitted: {
        recording,
        range: [frequencies[0]!, frequencies.at(-1)!],
        bins: frequencies.length,
        spectra: fits.length,
      },
      ...watchFits(blocks, frequencies, settings, keeptrials),
    }),
  );
  return { name: recording, ...paths };
}

/** What the user should know about these settings on this frequency axis. */
export function doubts(
  freq: Float64Array,
  { peak_width_limits: [narrowest], freq_range }: Pick<FitSettings, 'peak_width_limits' | 'freq_range'>,
): string[] {
  const [first, last] = [freq[0]!, freq.at(-1)!];
  const step = freq.length > 1 ? freq[1]! - first : 0;
  const found: string[] = [];
  if (isLimitWithinBins(narrowest, step)) {
    found.push(`the lower limit of peak_width_limits, ${narrowest} Hz, is within 1.5 bins of ${step} Hz`);
  }
  // A range from 0, or to the next bin, means all there is.
  if (
    freq_range !== null &&
    (freq_range[1] > last + step || (freq_range[0] > 0 && freq_range[0] < first - step))
  ) {
    found.push(`freq_range ${freq_range.join(' to ')} Hz goes beyond the spectra, ${first} to ${last} Hz`);
  }
  return found;
}

/** What the user should know about fits of single trials. */
export function trialDoubts(
  { log, shape: [trials] }: Pick<SpectralData, 'log' | 'shape'>,
  keepTrials: boolean,
): string[] {
  if (!keepTrials || trials === 1 || madeBy(log)?.windows_per_trial !== 1) return [];
  return [
    'each trial is a spectrum of one window, which is rough: prefer a shorter t_ftimwin, a wider tapsmofrq, or keeptrials false',
  ];
}

/** How series became spectra; null for spectra that were given. */
function madeBy(log: string): { readonly windows_per_trial?: number } | null {
  return log === '' ? null : (JSON.parse(log.split('\n')[0]!) as { windows_per_trial?: number });
}

function blocksOf(
  routine: FooofSpy,
  channel: readonly string[],
  trialIndex: readonly number[],
  width: number | null,
): FittedBlock[] {
  return [...routine.metadata].map(([key, metadata]) => {
    const [trial, block] = key.split('_').map(Number) as [number, number];
    const from = block * (width ?? channel.length);
    const names = channel.slice(from, from + metadata.n_peaks.length);
    return { trial: trialIndex[trial] ?? trial, channel: names, metadata };
  });
}

/** What the columns of the tables mean, and how they came about. */
function describedFits(settings: FitSettings, log: string): object {
  const spectra = madeBy(log);
  return {
    GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
    settings,
    ...(spectra === null ? {} : { spectra }),
    columns: {
      trial: { Description: 'number of the trial in the recording, from 0; only where trials are kept' },
      offset: { Units: 'log10 power' },
      knee: { Units: 'Hz^exponent', Description: 'n/a without a knee' },
      exponent: { Units: 'log10 power per log10 Hz' },
      r_squared: { Description: 'square of the correlation of log10 power and model' },
      error: { Units: 'log10 power', Description: 'mean absolute difference of log10 power and model' },
      center_frequency: { Units: 'Hz' },
      power: { Units: 'log10 power', Description: 'height of the model above its aperiodic part' },
      bandwidth: { Units: 'Hz', Description: 'two standard deviations' },
      outcome: {
        Description: 'what became of a candidate peak; its power is its height when it was found',
        Levels: CANDIDATE_TEXT,
      },
    },
  };
}
