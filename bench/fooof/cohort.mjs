/**
 * A cohort of tables of spectra from end to end (read, fit, write, tables) beside its fits alone.
 *
 *   npm run build && node bench/fooof/cohort.mjs [--recordings 200] [--set key=value ...] [--report]
 *
 * 64 channels of 89 bins each (1 to 45 Hz), simulated; the last recording is corrupt. Pure fitting time: processor time of the same
 * fits in one process that is warm, one after the other. The run: processor time of `pipeline run` and its workers, from nothing, with
 * --report also chart and report. Processor time on both sides, because the fits use as many processors as the run when spread.
 * Last line: {recordings, fits, fits_cpu_s, run_cpu_s, run_wall_s, ratio}.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { formatTsv } from '../../dist/io/index.js';
import { simulateSpectrum, SpectrumFitter } from '../../dist/numerics.js';

const { values } = parseArgs({
  options: {
    recordings: { type: 'string', default: '200' },
    set: { type: 'string', multiple: true, default: [] },
    report: { type: 'boolean', default: false },
  },
});
const count = Number(values.recordings);
const root = mkdtempSync(join(tmpdir(), 'fooof-cohort-'));

/** Of the processes that this one has started and that ended, theirs included; seconds. */
function childrenCpu() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function settings() {
  const pairs = values.set.map((text) => text.split('='));
  return Object.fromEntries(pairs.map(([key, value]) => [key, JSON.parse(value)]));
}

try {
  mkdirSync(join(root, 'in'));
  const noise = { kind: 'welch', segments: 60 };
  const cohort = Array.from({ length: count }, (_, r) => {
    const spectra = Array.from({ length: 64 }, (_, c) =>
      simulateSpectrum({ seed: 1000 * r + c, grid: [1, 45, 0.5], nPeaks: c % 5, noise }),
    );
    const { frequenciesHz } = spectra[0];
    const rows = [...frequenciesHz].map((f, i) => [f, ...spectra.map(({ power }) => power[i])]);
    const isCorrupt = r === count - 1;
    const text = formatTsv(['frequency', ...spectra.map((_, c) => `E${c}`)], rows);
    writeFileSync(join(root, 'in', `rec-${r}.tsv`), isCorrupt ? text.slice(10, 5000) : text);
    return isCorrupt ? null : spectra;
  }).filter((spectra) => spectra !== null);

  const fitAll = () => {
    const before = process.cpuUsage();
    for (const spectra of cohort) {
      const fitter = new SpectrumFitter(spectra[0].frequenciesHz, settings());
      for (const { power } of spectra) fitter.fit(power);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  fitAll();
  const fits = (fitAll() + fitAll()) / 2;

  const [cpu, wall] = [childrenCpu(), performance.now()];
  const own = values.report ? [] : ['--no-report', '--set', 'fooof.plots=none'];
  const sets = values.set.flatMap((text) => ['--set', `fooof.${text}`]);
  const pipeline = fileURLToPath(new URL('../../bin/pipeline.js', import.meta.url));
  const args = [pipeline, 'run', '-w', 'fooof', '-i', 'in', '-o', 'out', ...own, ...sets];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`the run ended with ${run.status}: ${run.stderr}`);
  const seconds = childrenCpu() - cpu;
  console.log(
    JSON.stringify({
      recordings: count,
      fits: 64 * cohort.length,
      fits_cpu_s: Number(fits.toFixed(2)),
      run_cpu_s: Number(seconds.toFixed(2)),
      run_wall_s: Number(((performance.now() - wall) / 1000).toFixed(1)),
      ratio: Number((seconds / fits).toFixed(2)),
    }),
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
