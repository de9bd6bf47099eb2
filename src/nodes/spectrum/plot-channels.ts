import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode, type NodeContext } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import {
  POSITION_ROLES,
  readPositions,
  writeChart,
  type ChannelPositions,
  type PositionRole,
} from '../../io/index.js';
import { aperiodicInto } from '../../numerics/fooof/aperiodic.js';
import type { Triple } from '../../numerics/fooof/fit-result.js';
import { averageTrials } from './average-trials.js';
import { readWatchedFits } from './fit-sidecar.js';
import { FitSettings } from './fit-spectra.js';
import type { FooofMetadata } from './fooof-spy.js';
import type { ChartRow } from './chart-parts.js';
import { chartRows } from './plot-fits.js';
import { recordingChart } from './recording-chart.js';
import type { CandidateThresholds, FittedSpectrum } from './spectrum-panel.js';
import { scalpPositions, type ScalpPositions } from './scalp-positions.js';
import { readModelContainer, type ModelContainer, type SpectralData } from './spectral-data.js';

/** The fits of one recording as a picture, with its specification. */
export const plotChannels = defineNode({
  name: 'plot_channels',
  version: 7,
  inputs: {
    recording: port.value(z.string()),
    spectra: port.file('h5'),
    model: port.file('h5'),
    table: port.file('tsv'),
    peaks: port.file('tsv'),
    candidates: port.file('tsv'),
    watched: port.file('json'),
    /** Files that say where channels are, and what each of them is. */
    positions: port.list(port.file('positions')),
    position_roles: port.value(z.array(z.enum(POSITION_ROLES))),
    bands: port.value(z.record(z.string(), z.tuple([z.number(), z.number()]))),
    frequency_axis: port.value(z.enum(['linear', 'log'])),
    settings: port.value(FitSettings),
    keeptrials: port.value(z.boolean()),
    chan_per_worker: port.value(z.int().nullable()),
  },
  outputs: { svg: port.file('svg'), spec: port.file('json') },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ recording, spectra, model, table, settings, keeptrials, chan_per_worker, ...rest }, ctx) {
    const paths = { svg: ctx.outputFile('fits.svg'), spec: ctx.outputFile('fits.vl.json') };
    const given = await readModelContainer(spectra.path);
    const chart = recordingChart({
      recording,
      settings: settingsText(settings),
      spectra: fittedSpectra(given, await readModelContainer(model.path), {
        keepTrials: keeptrials,
        blockWidth: chan_per_worker,
        candidates: await chartRows(rest.candidates.path),
        settings,
      }),
      fits: await chartRows(table.path),
      peaks: await chartRows(rest.peaks.path),
      watched: await readWatchedFits(rest.watched.path),
      bands: rest.bands,
      frequencyScale: rest.frequency_axis,
      positions: await mapOf(recording, rest.positions, rest.position_roles, ctx),
      trialStarts: trialStarts(given),
    });
    for (const warning of await writeChart(paths, chart)) ctx.log.warn(`chart of ${recording}: ${warning}`);
    return paths;
  },
});

/** Where channels are on the head; null, with a warning where that is a mistake, when it is not known. */
async function mapOf(
  recording: string,
  files: ReadonlyArray<{ readonly path: string; readonly relPath: string }>,
  roles: readonly PositionRole[],
  ctx: NodeContext,
): Promise<ScalpPositions | null> {
  const paths = Object.fromEntries(files.map(({ path }, i) => [roles[i]!, path]));
  let positions: ChannelPositions;
  try {
    positions = await readPositions(paths);
  } catch (error) {
    // A mistake there costs the maps of the head, not the chart.
    if (!(error instanceof ProcessingError)) throw error;
    const reason = files.reduce((text, { path, relPath }) => text.replaceAll(path, relPath), error.message);
    ctx.log.warn(`${recording}: no map of the head: ${reason}; ${error.cure ?? ''}`);
    return null;
  }
  const map = scalpPositions(positions);
  if (map === null && positions.size > 0) {
    ctx.log.warn(
      `${recording}: no map of the head: its ${positions.size} positions do not lie on a sphere; give four or more that are not in one plane`,
    );
  }
  return map;
}

/** When each trial starts, seconds, by its number; null for spectra that were given, which tell no time. */
export function trialStarts({
  trialdefinition,
  trialIndex,
  samplerate,
}: SpectralData): Map<number, number> | null {
  if (samplerate === null) return null;
  return new Map(trialdefinition.map(([start], trial) => [trialIndex?.[trial] ?? trial, start / samplerate]));
}

interface FittedParts {
  readonly keepTrials: boolean;
  readonly blockWidth: number | null;
  /** Rows of the recording's table of candidates. */
  readonly candidates: readonly ChartRow[];
  readonly settings: Pick<FitSettings, 'mode' | 'peak_threshold' | 'min_peak_height'>;
}

/** Every spectrum with a fit: the data from `given`, the parameters from the metadata of `fitted`. */
export function fittedSpectra(
  given: ModelContainer,
  fitted: ModelContainer,
  { keepTrials, blockWidth, candidates, settings }: FittedParts,
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
      const own = candidatesOf(candidates, channel[from + c]!, keepTrials ? number : null);
      return {
        title: keepTrials ? `${channel[from + c]} trial ${number}` : channel[from + c]!,
        frequencies: grid.frequencies,
        power,
        aperiodic,
        rejected: own.flatMap((row) =>
          row['outcome'] === 'fitted'
            ? []
            : { frequency: Number(row['center_frequency']), outcome: String(row['outcome']) },
        ),
        thresholds: settings.mode === 'bic' ? null : thresholdsOf(own, settings),
        gaussians: metadata.gaussian_params[c]!,
        peaks: metadata.peak_params[c]!,
        error: metadata.error[c]!,
        rSquared: metadata.r_squared[c]!,
        parameters,
      };
    });
  });
}

/** The rows of one spectrum. */
function candidatesOf(candidates: readonly ChartRow[], channel: string, trial: number | null): ChartRow[] {
  return candidates.filter(
    (row) => String(row['channel']) === channel && (trial === null || row['trial'] === trial),
  );
}

/** A point that ended the search has no bandwidth and was not taken out. */
function thresholdsOf(
  candidates: readonly ChartRow[],
  { peak_threshold, min_peak_height }: FittedParts['settings'],
): CandidateThresholds {
  const guesses = candidates.flatMap((row): Triple[] =>
    typeof row['bandwidth'] === 'number'
      ? [[Number(row['center_frequency']), Number(row['power']), row['bandwidth'] / 2]]
      : [],
  );
  return { candidates: guesses, peakThreshold: peak_threshold, minPeakHeight: min_peak_height };
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
