import { describe, expect, test } from 'vitest';

import { SpectrumFitter } from '../../../../src/numerics/fooof/fit-spectrum.js';
import {
  flatRow,
  formatFooofJson,
  parseFooofJson,
  savedFit,
  savedModel,
} from '../../../../src/numerics/fooof/fooof-json.js';
import { FooofSettings } from '../../../../src/numerics/fooof/settings.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';

const noise = { kind: 'log', level: 0.02 } as const;
const { frequenciesHz, power } = simulateSpectrum({ seed: 3, peaks: [[10, 0.8, 1.5], [24, 0.5, 2]], noise }); // prettier-ignore
const knee = FooofSettings.parse({ aperiodic_mode: 'knee', max_n_peaks: 4, min_peak_height: 0.2 });
const plain = FooofSettings.parse({ min_peak_height: 0.2 });
const fits = [plain, knee].map((settings) => new SpectrumFitter(frequenciesHz, settings).fit(power));
const failed = new SpectrumFitter(frequenciesHz, { ...plain, check_data: false }).fit(power.map(() => -1));

/** As the reference writes a fit: other keys in between, Python's Infinity and NaN. */
const FOREIGN =
  `{"r_squared_": 0.99, "gaussian_params_": [[10.0, 0.5, 1.0]], "error_": 0.01, "peak_params_": [[10.0, 0.5, 2.0]],
"freq_res": 0.5, "aperiodic_params_": [1.0, 1.5], "freq_range": [1, 40.0], "note": "NaN", "peak_width_limits": [0.5, 12.0],
"max_n_peaks": Infinity, "min_peak_height": 0.0, "peak_threshold": 2.0, "aperiodic_mode": "fixed"}`.replaceAll(
    '\n',
    ' ',
  );

describe('saved fits', () => {
  test('come back as they were, one line each, failed ones too', () => {
    const saved = [
      savedFit(fits[0]!, plain),
      savedFit(fits[1]!, knee, power.map(Math.log10)),
      savedFit(failed, plain),
    ];
    const text = formatFooofJson(saved);
    expect(text.trimEnd().split('\n')).toHaveLength(3);
    expect(text).toContain('"max_n_peaks": Infinity');
    expect(text).toContain('"aperiodic_params_": [NaN, NaN]');
    expect(parseFooofJson(text)).toEqual(saved);
  });

  test('have the model of the fit', () => {
    for (const [i, settings] of [plain, knee].entries()) {
      const { frequencies, model } = savedModel(savedFit(fits[i]!, settings))!;
      expect(frequencies).toHaveLength(fits[i]!.frequencies.length);
      model.forEach((value, bin) => expect(value).toBeCloseTo(fits[i]!.model![bin]!, 10));
    }
    expect(savedModel(savedFit(failed, plain))).toBeNull();
  });

  test('of the reference are read; strings stay, what is unknown is left aside', () => {
    const [fit] = parseFooofJson(`${FOREIGN}\n\n`);
    expect(fit).toMatchObject({
      ...{
        aperiodic_params: [1, 1.5],
        peak_params: [[10, 0.5, 2]],
        freq_range: [1, 40],
        power_spectrum: null,
      },
      settings: { max_n_peaks: null, aperiodic_mode: 'fixed' },
    });
  });

  test('that are broken name their line and what is missing', () => {
    expect(() => parseFooofJson(`${FOREIGN}\n{"a": `)).toThrow('line 2 of the saved fits is no JSON');
    expect(() => parseFooofJson(FOREIGN.replace('freq_res', 'res'))).toThrow(
      'line 1 of the saved fits has no usable freq_res',
    );
    expect(() => parseFooofJson('3')).toThrow('line 1 of the saved fits has no usable content');
  });

  test('are rows of numbers, by the first peaks or by bands', () => {
    const row = flatRow(fits[0]!, 3);
    expect(Object.keys(row).join(' ')).toBe(
      'offset exponent cf_0 pw_0 bw_0 cf_1 pw_1 bw_1 cf_2 pw_2 bw_2 error r_squared',
    );
    expect([row['cf_0'], row['pw_0'], row['bw_0']]).toEqual(fits[0]!.peak_params[0]);
    expect(row['cf_2']).toBeNaN();
    const bands = flatRow(fits[1]!, { alpha: [8, 12], gamma: [35, 40] });
    expect(Object.keys(bands).slice(0, 4)).toEqual(['offset', 'knee', 'exponent', 'alpha_cf']);
    expect(bands['alpha_cf']).toBeCloseTo(10, 0);
    expect(bands['gamma_pw']).toBeNaN();
  });
});
