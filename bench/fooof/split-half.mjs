/**
 * How well a fit to one half of a real recording describes the other half, and how stable its exponent is: mode classic against bic.
 *
 *   npm run build && node bench/fooof/split-half.mjs [--recording FILE] [--range 1 45]
 *
 * Sets: `eeg`, two stretches of 10 s of four EEG channels (Welch, 2 s windows); `lfp`, five stretches of 30 s of a hippocampal LFP in
 * all pairs (2 to 60 Hz); with --recording the halves of a file that the workflow `fooof` reads (a .tsv, .csv, .edf, .bdf, .vhdr
 * or .npy series), channel by channel. One JSON line per set and mode: {set, mode, pairs, rmse: mean over both directions of the root mean
 * square of model minus log10 power of the other half, exponent_difference and exponent_sd: median absolute difference of the two
 * exponents and the SD of those differences, peaks: per spectrum}.
 */
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readRecording } from '../../dist/io/index.js';
import { PowerSpectrum, resolveSpectrumSettings, SpectrumFitter } from '../../dist/numerics.js';

const shared = process.env.NEUROLOOM_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const EEG = { peak_width_limits: [1, 8], max_n_peaks: 6, min_peak_height: 0.1 };
const MODES = {
  'classic eeg': EEG,
  'classic default': {},
  'bic 1': { mode: 'bic' },
  'bic 1.7': { mode: 'bic', bic_penalty: 1.7 },
};
const FORMATS = {
  '.tsv': 'tsv',
  '.csv': 'csv',
  '.npy': 'npy',
  '.edf': 'edf',
  '.bdf': 'edf',
  '.vhdr': 'brainvision',
};

function golden(name) {
  return JSON.parse(readFileSync(`${shared}/reference/fooof/${name}.json`, 'utf8'));
}

/** Welch spectra of two stretches of one channel. */
function halves(samplerate, first, second) {
  const settings = resolveSpectrumSettings({ method: 'welch', t_ftimwin: 2 });
  const length = Math.min(first.length, second.length);
  const spectrum = new PowerSpectrum(samplerate, [length], settings);
  const powers = [first, second].map((series) => {
    const power = new Float64Array(spectrum.frequencies.length);
    spectrum.compute(series.subarray(0, length), power);
    return power;
  });
  return { frequencies: spectrum.frequencies, powers };
}

function eegPairs() {
  const { meta, trials } = golden('syncopy_frontend');
  return trials[0][0].map((_, channel) =>
    halves(meta.samplerate, ...trials.map((rows) => Float64Array.from(rows, (row) => row[channel]))),
  );
}

function lfpPairs() {
  const { grids, spectra } = golden('real_ndsp');
  const segments = spectra.filter(({ id }) => id.startsWith('ndsp_hc2'));
  return segments.flatMap((a, i) =>
    segments.slice(i + 1).map((b) => ({ frequencies: grids[a.freqs], powers: [a.power, b.power] })),
  );
}

async function filePairs(path) {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format === undefined) throw new Error(`${path}: give one of ${Object.keys(FORMATS).join(', ')}`);
  const recording = await readRecording(format, companions(format, path), null);
  if (recording.kind !== 'series') throw new Error(`${path} holds spectra, not a series`);
  const [{ channels }] = recording.trials;
  return channels.map((series) => {
    const middle = Math.floor(series.length / 2);
    return halves(recording.samplerate, series.subarray(0, middle), series.subarray(middle));
  });
}

function companions(format, path) {
  const beside = (extension) => path.replace(/\.[^.]+$/, extension);
  const files = { main: path };
  if (format === 'brainvision') files.data = beside('.eeg');
  if (format === 'npy' && existsSync(beside('.json'))) files.sidecar = beside('.json');
  return files;
}

const rounded = (value) => Number(value.toFixed(4));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function report(set, pairs, range) {
  for (const [mode, options] of Object.entries(MODES)) {
    const [errors, differences, peaks] = [[], [], []];
    for (const { frequencies, powers } of pairs) {
      const fitter = new SpectrumFitter(frequencies, { ...options, freq_range: range });
      const fits = powers.map((power) => fitter.fit(power));
      for (const [i, fit] of fits.entries()) {
        const other = powers[1 - i];
        const squares = [...fit.model].map((v, k) => (v - Math.log10(other[fitter.grid.start + k])) ** 2);
        errors.push(Math.sqrt(mean(squares)));
        peaks.push(fit.n_peaks);
      }
      differences.push(fits[0].aperiodic_params.at(-1) - fits[1].aperiodic_params.at(-1));
    }
    const center = mean(differences);
    const line = {
      set,
      mode,
      pairs: pairs.length,
      rmse: rounded(mean(errors)),
      exponent_difference: rounded(median(differences.map(Math.abs))),
      exponent_sd: rounded(Math.sqrt(mean(differences.map((value) => (value - center) ** 2)))),
      peaks: rounded(mean(peaks)),
    };
    console.log(JSON.stringify(line));
  }
}

const words = process.argv.slice(2);
const after = (name, count) =>
  words.includes(name) ? words.slice(words.indexOf(name) + 1).slice(0, count) : null;
const range = after('--range', 2)?.map(Number) ?? [1, 45];
const file = after('--recording', 1)?.[0];
if (file !== undefined) report(file, await filePairs(file), range);
else {
  report('eeg', eegPairs(), range);
  report('lfp', lfpPairs(), [2, 60]);
}
