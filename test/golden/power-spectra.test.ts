/** Spectra of time series against those of the reference's front end (reference/fooof/syncopy_frontend.json). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { SpectrumFitter } from '../../src/numerics/fooof/fit-spectrum.js';
import type { FitOptions } from '../../src/numerics/fooof/settings.js';
import { PowerSpectrum } from '../../src/numerics/signal/power-spectrum.js';
import { resolveSpectrumSettings, type SpectrumSettings } from '../../src/numerics/signal/settings.js';
import { hasReference, reference } from '../support/reference.js';

interface Case {
  readonly name: string;
  readonly args: Partial<SpectrumSettings> & {
    readonly output: string;
    readonly keeptrials?: boolean;
    readonly fooof_opt?: FitOptions;
  };
  readonly freq: number[];
  /** [trial][frequency][channel] */
  readonly data: number[][][];
  readonly metadata_per_trial_n_peaks?: Record<string, number[]>;
  readonly aperiodic_params?: Record<string, number[][]>;
  readonly r_squared?: Record<string, number[]>;
}

interface File {
  readonly meta: { readonly samplerate: number };
  /** [trial][time][channel] */
  readonly trials: number[][][];
  readonly cases: Case[];
}

const file = hasReference
  ? (JSON.parse(readFileSync(reference('fooof/syncopy_frontend.json'), 'utf8')) as File)
  : { meta: { samplerate: 1 }, trials: [], cases: [] };
const CHANNELS = 4;

/** Our spectra as [trial][channel], averaged over trials where the case asks for it. */
function spectraOf({ args }: Case): { frequencies: Float64Array; spectra: Float64Array[][] } {
  const { output: _, keeptrials = true, fooof_opt: _settings, ...given } = args;
  const settings = resolveSpectrumSettings({ ...given, welch_compat: given.method === 'welch' });
  const lengths = file.trials.map((trial) => trial.length);
  const spectrum = new PowerSpectrum(file.meta.samplerate, lengths, settings);
  const spectra = file.trials.map((trial) =>
    Array.from({ length: CHANNELS }, (_c, channel) => {
      const out = new Float64Array(spectrum.frequencies.length);
      spectrum.compute(
        trial.map((row) => row[channel]!),
        out,
      );
      return out;
    }),
  );
  if (keeptrials) return { frequencies: spectrum.frequencies, spectra };
  const mean = spectra[0]!.map((row, channel) =>
    row.map((_v, bin) => spectra.reduce((sum, trial) => sum + trial[channel]![bin]!, 0) / spectra.length),
  );
  return { frequencies: spectrum.frequencies, spectra: [mean] };
}

const isFit = ({ args }: Case) => args.fooof_opt !== undefined;

describe.skipIf(!hasReference)('spectra of time series', () => {
  test.each(file.cases.filter((one) => !isFit(one)).map((one) => [one.name, one] as const))(
    '%s agrees within 5e-5',
    (name, one) => {
      const { frequencies, spectra } = spectraOf(one);
      expect(frequencies.length).toBe(one.freq.length);
      one.freq.forEach((f, i) => expect(frequencies[i]).toBeCloseTo(f, 4));
      expect(spectra).toHaveLength(one.data.length);
      let worst = 0;
      one.data.forEach((trial, t) => {
        const largest = Array.from({ length: CHANNELS }, (_, c) => Math.max(...trial.map((row) => row[c]!)));
        trial.forEach((row, bin) =>
          row.forEach((value, c) => {
            // The reference works in float32: what it removed as the mean stays at 0 Hz as rounding.
            const floor = frequencies[bin]! < 1 && one.args.polyremoval !== null ? 1e-7 * largest[c]! : 0;
            const difference = Math.abs(spectra[t]![c]![bin]! - value) - floor;
            worst = Math.max(worst, difference / Math.abs(value));
          }),
        );
      });
      expect(worst, name).toBeLessThanOrEqual(5e-5);
    },
  );

  test.each(file.cases.filter(isFit).map((one) => [one.name, one] as const))(
    '%s: the models of our spectra agree',
    (_, one) => {
      const { frequencies, spectra } = spectraOf(one);
      const fitter = new SpectrumFitter(frequencies, one.args.fooof_opt!);
      one.data.forEach((trial, t) => {
        for (let channel = 0; channel < CHANNELS; channel++) {
          const fit = fitter.fit(Float64Array.from(Float32Array.from(spectra[t]![channel]!)));
          expect(fit.n_peaks).toBe(one.metadata_per_trial_n_peaks![`n_peaks__${t}_0`]![channel]);
          one.aperiodic_params![`aperiodic_params__${t}_0`]!.forEach((row, p) =>
            expect(Math.abs(fit.aperiodic_params[p]! - row[channel]!)).toBeLessThanOrEqual(1e-4),
          );
          const squared = one.r_squared![`r_squared__${t}_0`]![channel]!;
          expect(Math.abs(fit.r_squared - squared)).toBeLessThanOrEqual(1e-5);
          trial.forEach((row, bin) => {
            const model = 10 ** fit.model![bin]!;
            const level = 10 ** fit.aperiodic![bin]!;
            const ours = { fooof: model, fooof_aperiodic: level, fooof_peaks: model - level + 1e-16 };
            const value = ours[one.args.output as keyof typeof ours];
            // 1e-3 log10 of the model, the tolerance of fits.
            expect(Math.abs(value - row[channel]!)).toBeLessThanOrEqual(2.3e-3 * model);
          });
        }
      });
    },
  );
});
