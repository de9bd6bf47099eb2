import { freemem } from 'node:os';

import type { ItemDescription } from '../../engine/registry.js';
import { readRecording } from '../../io/index.js';
import { describeSpectralData } from '../../nodes/spectrum/compute-spectra.js';
import { doubts, FitSettings, trialDoubts } from '../../nodes/spectrum/fit-spectra.js';
import { FooofSpy } from '../../nodes/spectrum/fooof-spy.js';
import { recordingFault } from '../../nodes/spectrum/recording-fault.js';
import { SpectrumSettings } from '../../numerics/signal/settings.js';
import type { FooofConfig } from './config.js';
import type { Recording } from './recordings.js';

const AXES = ['time', 'taper', 'freq', 'channel'];

/** What a run would make of a recording: it is read, and goes through everything but the spectra and the fits. */
export async function describeRecording(recording: Recording, config: FooofConfig): Promise<ItemDescription> {
  const nothing = { item: recording.name, notes: [], arrays: [], calls: 0, chunkBytes: 0 };
  if (recording.refused !== null) return { ...nothing, refused: recording.refused };
  try {
    return { ...(await described(recording, config)), refused: null };
  } catch (error) {
    const reason = recordingFault(error);
    if (reason === null) throw error;
    const main = recording.files.find(({ role }) => role === 'main');
    return {
      ...nothing,
      refused: main === undefined ? reason : reason.replaceAll(main.path, recording.name),
    };
  }
}

async function described(
  { name, format, files }: Recording,
  config: FooofConfig,
): Promise<Omit<ItemDescription, 'refused'>> {
  const { sampling_rate, keeptrials, chan_per_worker, mem_thresh, output, keep_spectra } = config;
  const settings = FitSettings.parse(picked(FitSettings.shape, config));
  const paths = Object.fromEntries(files.map(({ role, path }) => [role, path])) as { main: string };
  const read = await readRecording(format, paths, sampling_rate);
  const { data, notes } = describeSpectralData(
    read,
    SpectrumSettings.parse(picked(SpectrumSettings.shape, config)),
  );
  const { freq_range, ...methodKwargs } = settings;
  const routine = new FooofSpy({ output, fooofSettings: { in_freqs: data.freq, freq_range }, methodKwargs });
  const { outputShape, chunkShape, bytes, calls } = routine.initialize(data, 0, {
    chanPerWorker: chan_per_worker,
    keepTrials: keeptrials,
  });
  const chunkBytes = 4 * product(chunkShape);
  const free = freemem();
  const tooLarge =
    chunkBytes < mem_thresh * free
      ? []
      : [
          `the largest result, ${chunkBytes} bytes, is more than mem_thresh ${mem_thresh} of the ${free} bytes that are free: set chan_per_worker, or raise mem_thresh`,
        ];
  const axes = (shape: readonly number[]) => shape.map((size, i) => [AXES[i]!, size] as const);
  return {
    item: name,
    notes: [
      ...notes,
      ...routine.warnings,
      ...doubts(data.freq, settings),
      ...trialDoubts(data, keeptrials),
      ...tooLarge,
    ],
    arrays: [
      ...(keep_spectra
        ? [
            {
              ...{ file: `${name}_spectra.h5`, dataset: 'data', axes: axes(data.shape) },
              ...{ type: 'float64' as const, bytes: 8 * product(data.shape) },
            },
          ]
        : []),
      { file: `${name}_model.h5`, dataset: 'data', axes: axes(outputShape), type: 'float32', bytes },
    ],
    calls,
    chunkBytes,
  };
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}

function picked(shape: object, values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in shape));
}
