/**
 * Processor time per fit of the classic algorithm and of mode bic.
 *
 *   npm run build && npm run bench:fooof -- --case eeg meg knee sim long --reps 25 [--mode bic] [--live]
 *
 * One JSON line per case: {name, bins, fits, cpu_ms, best_ms, peer_ms, ratio}. `cpu_ms` is the median over repetitions of the
 * processor time per spectrum, `best_ms` the lowest. `peer_ms` is fooof 1.1.1 on one core of a quiet two-core machine; with
 * --live scipy solves the same least-squares problems here and now (see least_squares.py), which is most of the peer's work.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Milliseconds per spectrum of fooof 1.1.1 (spec/fooof.md, section G); for 881 bins the figure of shorter simulated spectra stands in. */
const PEER_MS = { eeg: 10.5, meg: 18.2, knee: 16.8, sim: 11.7, long: 11.7 };
const SETS = {
  eeg: ['real_eeglab_a', 'tutorial eeg default', null],
  meg: ['real_fooof', 'default tutorial eeg', null],
  knee: ['real_eeglab_a real_fooof real_ndsp sim_knee', 'knee', null],
  sim: ['sim_fixed', 'tutorial default eeg', null],
};

function parse(words) {
  const options = { case: Object.keys(PEER_MS), reps: ['25'], mode: ['classic'], live: null };
  let current = null;
  for (const word of words) {
    if (word.startsWith('--')) {
      current = word.slice(2);
      if (!(current in options)) throw new Error(`unknown option ${word}`);
      options[current] = [];
    } else if (current === null) throw new Error(`${word} belongs to no option`);
    else options[current].push(word);
  }
  return options;
}

const options = parse(process.argv.slice(2));
if (!existsSync(fileURLToPath(new URL('../../dist/numerics.js', import.meta.url)))) {
  throw new Error('the product is not built: npm run build');
}
const { simulateSpectrum, SpectrumFitter } = await import('../../dist/numerics.js');
const shared = process.env.NEUROLOOM_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const mode = options.mode[0];

/** [fitter, power] of every golden fit of a case. */
function goldenJobs([files, settings]) {
  const jobs = [];
  for (const file of files.split(' ')) {
    const set = JSON.parse(readFileSync(`${shared}/reference/fooof/${file}.json`, 'utf8'));
    const fitters = new Map();
    for (const spectrum of set.spectra) {
      for (const { settings: name, freq_range } of spectrum.results) {
        if (!settings.split(' ').includes(name)) continue;
        const key = JSON.stringify([name, spectrum.freqs, freq_range]);
        const wanted = { ...set.settings[name], freq_range, mode };
        if (!fitters.has(key)) fitters.set(key, new SpectrumFitter(set.grids[spectrum.freqs], wanted));
        jobs.push([fitters.get(key), Float64Array.from(spectrum.power)]);
      }
    }
  }
  return jobs;
}

/** 1 to 45 Hz in steps of 0.05 Hz: 881 bins. */
function longJobs() {
  const settings = { peak_width_limits: [1, 8], max_n_peaks: 6, min_peak_height: 0.1, mode };
  let fitter;
  return Array.from({ length: 32 }, (_, i) => {
    const noise = { kind: 'welch', segments: 60 };
    const { frequenciesHz, power } = simulateSpectrum({
      seed: 9000 + i,
      grid: [1, 45, 0.05],
      nPeaks: 1 + (i % 5),
      noise,
    });
    fitter ??= new SpectrumFitter(frequenciesHz, settings);
    return [fitter, power];
  });
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

for (const name of options.case) {
  if (!(name in PEER_MS)) throw new Error(`no case ${name}; there are ${Object.keys(PEER_MS).join(', ')}`);
  const jobs = name === 'long' ? longJobs() : goldenJobs(SETS[name]);
  const once = () => jobs.forEach(([fitter, power]) => fitter.fit(power));
  for (let i = 0; i < Math.ceil(600 / jobs.length); i++) once();
  const times = Array.from({ length: Number(options.reps[0]) }, () => {
    const before = process.cpuUsage();
    once();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / jobs.length;
  });
  const cpu = median(times);
  const peer = PEER_MS[name];
  const line = {
    name,
    mode,
    bins: Math.round(jobs.reduce((sum, [fitter]) => sum + fitter.grid.frequencies.length, 0) / jobs.length),
    fits: jobs.length,
    cpu_ms: Number(cpu.toFixed(4)),
    best_ms: Number(Math.min(...times).toFixed(4)),
    peer_ms: peer,
    ratio: Number((peer / cpu).toFixed(1)),
  };
  if (options.live !== null) Object.assign(line, live(jobs, cpu));
  console.log(JSON.stringify(line));
}

/** The least-squares problems of these fits, solved by scipy. */
function live(jobs, ours) {
  const problems = jobs.flatMap(([fitter, power]) => {
    let trace = null;
    fitter.fit(power, (intermediates) => (trace = intermediates));
    if (trace === null) return [];
    const { aperiodic_mode, peak_width_limits } = fitter.options;
    return {
      f: [...fitter.grid.frequencies],
      y: [...fitter.grid.frequencies.keys()].map((i) => Math.log10(power[fitter.grid.start + i])),
      flat: [...trace.flat],
      mask: trace.robust_mask_indices,
      guess: trace.guess_after_overlap.map(({ center, height, sd }) => [center, height, sd]),
      widths: peak_width_limits,
      knee: aperiodic_mode === 'knee',
    };
  });
  const script = fileURLToPath(new URL('./least_squares.py', import.meta.url));
  const result = spawnSync('python3', [script], {
    input: JSON.stringify(problems),
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  if (result.status !== 0) throw new Error(`scipy did not run: ${result.stderr.trim().split('\n').at(-1)}`);
  const { cpu_ms: scipy } = JSON.parse(result.stdout);
  return { scipy_ms: scipy, scipy_ratio: Number((scipy / ours).toFixed(1)) };
}
