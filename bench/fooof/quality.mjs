/**
 * Peaks found and peaks invented on simulated spectra with known parameters, mode classic against mode bic.
 *
 *   npm run build && node bench/fooof/quality.mjs [--spectra 700] [--seed 700000]
 *
 * One JSON line per mode: {name, recall, false_per_spectrum, exponent_error (median), cpu_ms}. A found peak matches a true one
 * within max(1 Hz, 0.75 SD of the true peak); 0 to 6 peaks, three layouts, six grids, seven kinds of noise.
 */
import { simulateSpectrum, SpectrumFitter } from '../../dist/numerics.js';

const words = process.argv.slice(2);
const option = (name, otherwise) =>
  words.includes(name) ? Number(words[words.indexOf(name) + 1]) : otherwise;
const count = option('--spectra', 700);
const seed = option('--seed', 700000);

const GRIDS = [
  [1, 40, 0.5],
  [1, 40, 0.25],
  [2, 50, 0.5],
  [1, 100, 0.5],
  [3, 40, 1],
  [1, 45, 0.5],
];
const NOISE = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1].map((level) => ({ kind: 'log', level })),
  ...[20, 60].map((segments) => ({ kind: 'welch', segments })),
];
const MODES = {
  'classic eeg': { peak_width_limits: [1, 8], max_n_peaks: 6, min_peak_height: 0.1 },
  'classic default': {},
  'bic 1': { mode: 'bic' },
  'bic 1.7': { mode: 'bic', bic_penalty: 1.7 },
};

const spectra = Array.from({ length: count }, (_, i) =>
  simulateSpectrum({
    seed: seed + i,
    nPeaks: i % 7,
    layout: ['isolated', 'random', 'overlap'][i % 3],
    grid: GRIDS[i % 6],
    noise: NOISE[Math.floor(i / 7) % 7],
  }),
);

/** How many true peaks have a found one close by; the highest choose first. */
function matched(truth, found) {
  const free = new Set(found.keys());
  return truth
    .toSorted((a, b) => b[1] - a[1])
    .filter(([center, , sd]) => {
      const near = [...free].filter((i) => Math.abs(found[i][0] - center) <= Math.max(1, 0.75 * sd));
      near.sort((a, b) => Math.abs(found[a][0] - center) - Math.abs(found[b][0] - center));
      return near.length > 0 && free.delete(near[0]);
    }).length;
}

for (const [name, options] of Object.entries(MODES)) {
  let [hits, misses, invented] = [0, 0, 0];
  const errors = [];
  const fitters = new Map();
  const before = process.cpuUsage();
  for (const { frequenciesHz, power, truth } of spectra) {
    const key = `${frequenciesHz[0]} ${frequenciesHz[1]} ${frequenciesHz.length}`;
    if (!fitters.has(key)) fitters.set(key, new SpectrumFitter(frequenciesHz, options));
    const fit = fitters.get(key).fit(power);
    const hit = matched(truth.gaussian_params, fit.gaussian_params);
    hits += hit;
    misses += truth.gaussian_params.length - hit;
    invented += fit.n_peaks - hit;
    errors.push(Math.abs(fit.aperiodic_params.at(-1) - truth.aperiodic_params.at(-1)));
  }
  const { user, system } = process.cpuUsage(before);
  console.log(
    JSON.stringify({
      name,
      recall: Number((hits / (hits + misses)).toFixed(3)),
      false_per_spectrum: Number((invented / count).toFixed(3)),
      exponent_error: Number(errors.sort((a, b) => a - b)[Math.floor(count / 2)].toFixed(4)),
      cpu_ms: Number(((user + system) / 1000 / count).toFixed(2)),
    }),
  );
}
