import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readSpectraTable, writeAtomic, writeTsv, type TsvCell } from '../../io/index.js';
import type { FooofFit } from '../../numerics/fooof/fit-result.js';
import { SpectrumFitter } from '../../numerics/fooof/fit-spectrum.js';
import { FitOptions } from '../../numerics/fooof/settings.js';
import { VERSION } from '../../version.js';
import { availableFooofOutputs, FooofSpy } from './fooof-spy.js';
import type { SpectralData } from './spectral-data.js';

export const FITS_COLUMNS = [
  'channel',
  'offset',
  'knee',
  'exponent',
  'r_squared',
  'error',
  'n_peaks',
  'status',
] as const;
const PEAKS_COLUMNS = ['channel', 'center_frequency', 'power', 'bandwidth'] as const;

const FitSettings = FitOptions.pick({
  peak_width_limits: true,
  max_n_peaks: true,
  min_peak_height: true,
  peak_threshold: true,
  aperiodic_mode: true,
  freq_range: true,
  mode: true,
  bic_penalty: true,
});

/** Fits every channel of one table of spectra; a table that cannot be read is skipped with the reason. */
export const fitRecording = defineNode({
  name: 'fit_recording',
  version: 1,
  inputs: {
    /** Name of the recording, for the cohort table and the sidecar. */
    recording: port.value(z.string()),
    spectra: port.file('tsv'),
    settings: port.value(FitSettings),
    output: port.value(z.enum(availableFooofOutputs)),
    chan_per_worker: port.value(z.int().nullable()),
    mem_thresh: port.value(z.number()),
  },
  outputs: {
    name: port.value(z.string()),
    fits: port.file('tsv'),
    peaks: port.file('tsv'),
    model: port.file('h5'),
    sidecar: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 0.5 },
  async run({ recording, spectra: file, settings, output, chan_per_worker, mem_thresh }, ctx) {
    let table;
    let fitter;
    try {
      table = await readSpectraTable(file.path);
      fitter = new SpectrumFitter(table.frequencies, { ...settings, check_data: false });
    } catch (error) {
      // What a person wrote wrong costs this recording; anything else is a failure of the node.
      if (error instanceof ProcessingError) return ctx.skip(error.message.replaceAll(file.path, recording));
      throw error;
    }
    const fits = table.spectra.map((power) => fitter.fit(power));
    for (const [i, fit] of fits.entries()) {
      if (fit.status !== 'ok')
        ctx.log.warn(`${recording}: channel ${table.channels[i]} has no fit: ${fit.status}`);
    }
    const paths = {
      fits: ctx.outputFile('fits.tsv'),
      peaks: ctx.outputFile('peaks.tsv'),
      model: ctx.outputFile('model.h5'),
      sidecar: ctx.outputFile('fits.json'),
    };
    await writeTsv(
      paths.fits,
      FITS_COLUMNS,
      fits.map((fit, i) => fitRow(table.channels[i]!, fit)),
    );
    const peaks = fits.flatMap((fit, i) =>
      fit.peak_params.map((peak): TsvCell[] => [table.channels[i]!, ...peak]),
    );
    await writeTsv(paths.peaks, PEAKS_COLUMNS, peaks);
    await writeModel(paths.model, spectralData(table), { settings, output, chan_per_worker, mem_thresh });
    await writeAtomic(paths.sidecar, `${JSON.stringify(sidecar(recording, settings), null, 2)}\n`);
    return { name: recording, ...paths };
  },
});

function fitRow(channel: string, fit: FooofFit): TsvCell[] {
  const parameters = fit.aperiodic_params;
  const [offset, knee, exponent] =
    parameters.length === 3 ? parameters : ([parameters[0], null, parameters[1]] as const);
  return [channel, offset!, knee!, exponent!, fit.r_squared, fit.error, fit.n_peaks, fit.status];
}

/** One trial, one taper; a bin of 0 Hz, which has no logarithm, is left out. */
function spectralData(table: Awaited<ReturnType<typeof readSpectraTable>>): SpectralData {
  const start = table.frequencies[0] === 0 ? 1 : 0;
  const freq = table.frequencies.slice(start);
  const channels = table.channels.length;
  const data = new Float64Array(freq.length * channels);
  table.spectra.forEach((power, channel) => {
    for (let bin = 0; bin < freq.length; bin++) data[bin * channels + channel] = power[start + bin]!;
  });
  return {
    shape: [1, 1, freq.length, channels],
    data,
    freq,
    channel: table.channels,
    trialdefinition: [[0, 1, 0]],
    samplerate: null,
    log: '',
    version: VERSION,
  };
}

interface ModelOptions {
  readonly settings: z.infer<typeof FitSettings>;
  readonly output: (typeof availableFooofOutputs)[number];
  readonly chan_per_worker: number | null;
  readonly mem_thresh: number;
}

async function writeModel(path: string, data: SpectralData, options: ModelOptions): Promise<void> {
  const { freq_range, ...methodKwargs } = options.settings;
  const { output } = options;
  const routine = new FooofSpy({ output, fooofSettings: { in_freqs: data.freq, freq_range }, methodKwargs });
  routine.initialize(data, 0, { chanPerWorker: options.chan_per_worker });
  await routine.compute(data, path, {
    memThresh: options.mem_thresh,
    logDict: { output, fooof_opt: methodKwargs, freq_range, version: VERSION },
  });
}

function sidecar(recording: string, settings: z.infer<typeof FitSettings>): unknown {
  return {
    Sources: [recording],
    GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
    settings,
    columns: {
      offset: { Units: 'log10 power' },
      knee: { Units: 'Hz^exponent', Description: 'n/a without a knee' },
      exponent: { Units: 'log10 power per log10 Hz' },
      r_squared: { Description: 'square of the correlation of log10 power and model' },
      error: { Units: 'log10 power', Description: 'mean absolute difference of log10 power and model' },
      center_frequency: { Units: 'Hz' },
      power: { Units: 'log10 power', Description: 'height of the model above its aperiodic part' },
      bandwidth: { Units: 'Hz', Description: 'two standard deviations' },
    },
  };
}
