import { Hdf5Writer } from '../../io/index.js';
import type { SpectralData } from './spectral-data.js';

/** Axes, trials and log of a container; the data are written by themselves. */
export function writeAxes(file: Hdf5Writer, content: Omit<SpectralData, 'data' | 'shape'>): void {
  const { freq, trialdefinition: trials, channel, samplerate, log, version } = content;
  const index = content.trialIndex ?? trials.map((_, i) => i);
  file.createDataset('freq', { shape: [freq.length], data: freq });
  file.createDataset('trialdefinition', {
    shape: [trials.length, 3],
    data: Float64Array.from(trials.flat()),
  });
  file.createDataset('trial_index', { shape: [index.length], data: Int32Array.from(index) });
  file.setAttributes({
    dimord: ['time', 'taper', 'freq', 'channel'],
    channel,
    samplerate: samplerate ?? 'None',
    _log: log,
    _version: version,
  });
}

/** Writes spectra as a container, float64; nothing is left behind when that fails. */
export function writeSpectra(path: string, content: SpectralData): void {
  const file = Hdf5Writer.create(path);
  try {
    file.createDataset('data', { shape: content.shape, data: Float64Array.from(content.data) });
    writeAxes(file, content);
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
}
