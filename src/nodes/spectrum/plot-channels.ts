import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeChart } from '../../io/index.js';
import { aperiodicInto } from '../../numerics/fooof/aperiodic.js';
import { averageTrials } from './average-trials.js';
import { FitSettings } from './fit-spectra.js';
import type { FooofMetadata } from './fooof-spy.js';
import type { ChartRow } from './chart-parts.js';
import { chartRows } from './plot-fits.js';
import { recordingChart, type FittedSpectrum, type RejectedPoint } from './recording-chart.js';
import { readModelContainer, type ModelContainer } from './spectral-data.js';

/** The fits of one recording as a picture, with its specification. */
export const plotChannels = defineNode({
  name: 'plot_channels',
  version: 3,
  inputs: {
    recording: port.value(z.string()),
    spectra: port.file('h5'),
    model: port.file('h5'),
    table: port.file('tsv'),
    peaks: port.file('tsv'),
    candidates: port.file('tsv'),
    settings: port.value(FitSettings),
    keeptrials: port.value(z.boolean()),
    chan_per_worker: port.value(z.int().nullable()),
  },
  outputs: { svg: port.file('svg'), spec: port.file('json') },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ recording, spectra, model, table, settings, keeptrials, chan_per_worker, ...tables }, ctx) {
    const paths = { svg: ctx.outputFile('fits.svg'), spec: ctx.outputFile('fits.vl.json') };
    const chart = recordingChart({
      recording,
      settings: settingsText(settings),
      spectra: fittedSpectra(await readModelContainer(spectra.path), await readModelContainer(model.path), {
        keepTrials: keeptrials,
        blockWidth: chan_per_worker,
        candidates: await chartRows(tables.candidates.path),
      }),
      fits: await chartRows(table.path),
      peaks: await chartRows(tables.peaks.path),
    });
    for (const warning of await writeChart(paths, chart)) ctx.log.warn(`chart of ${recording}: ${warning}`);
    return paths;
  },
});

interface FittedParts {
  readonly keepTrials: boolean;
  readonly blockWidth: number | null;
  /** Rows of the recording's table of candidates. */
  readonly candidates: readonly ChartRow[];
}

/** Every spectrum with a fit: the data from `given`, the parameters from the metadata of `fitted`. */
export function fittedSpectra(
  given: ModelContainer,
  fitted: ModelContainer,
  { keepTrials, blockWidth, candidates }: FittedParts,
): FittedSpectrum[] {
  const { data, shape, channel, freq } = keepTrials ? given : averageTrials(given);
  const channels = channel.length;
  const first = freq.findIndex((f) => f === fitted.freq[0]);
  const grid = {
    frequencies: fitted.freq,
    log10: fitted.freq.map(Math.log10),
    ln: fitted.freq.map(Math.log),
  };
  return [...fitted.metadata].flatMap(([key, metadata]) => {
    const [trial, block] = key.split('_').map(Number) as [number, number];
    const from = block * (blockWidth ?? channels);
    return Array.from(metadata.n_peaks).flatMap((_, c) => {
      const parameters = parametersOf(metadata, c);
      if (!Number.isFinite(parameters[0])) return [];
      const power = grid.frequencies.map((_, bin) =>
        Math.log10(data[(trial * shape[2] + first + bin) * channels + from + c]!),
      );
      const aperiodic = new Float64Array(power.length);
      aperiodicInto(parameters, grid, aperiodic);
      const number = given.trialIndex?.[trial] ?? trial;
      return {
        title: keepTrials ? `${channel[from + c]} trial ${number}` : channel[from + c]!,
        frequencies: grid.frequencies,
        power,
        aperiodic,
        rejected: rejectedOf(candidates, channel[from + c]!, keepTrials ? number : null),
        gaussians: metadata.gaussian_params[c]!,
        error: metadata.error[c]!,
        rSquared: metadata.r_squared[c]!,
        exponent: parameters.at(-1)!,
      };
    });
  });
}

/** The candidates of one spectrum that were not fitted. */
function rejectedOf(candidates: readonly ChartRow[], channel: string, trial: number | null): RejectedPoint[] {
  return candidates.flatMap((row) =>
    row['outcome'] === 'fitted' ||
    String(row['channel']) !== channel ||
    (trial !== null && row['trial'] !== trial)
      ? []
      : { frequency: Number(row['center_frequency']), outcome: String(row['outcome']) },
  );
}

function parametersOf({ aperiodic_params: { shape, data } }: FooofMetadata, channel: number): number[] {
  return Array.from({ length: shape[0]! }, (_, row) => data[row * shape[1]! + channel]!);
}

function settingsText(settings: FitSettings): string {
  const text = (value: unknown): string =>
    value === null ? 'none' : Array.isArray(value) ? value.join(' to ') : String(value);
  return Object.entries(settings)
    .filter(([key, value]) => value !== null && !(key === 'bic_penalty' && settings.mode === 'classic'))
    .map(([key, value]) => `${key} ${text(value)}`)
    .join(', ');
}
