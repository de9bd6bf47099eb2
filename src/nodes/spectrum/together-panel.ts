import { evenly, PANEL, portion } from './chart-parts.js';
import type { FittedSpectrum } from './spectrum-panel.js';
import {
  bandLayers,
  frequencyAxis,
  gaussianAt,
  legendColor,
  powerAxis,
  short,
  type Bands,
  type FrequencyScale,
} from './spectrum-parts.js';

/** Most spectra that are drawn together; longer ones are thinned to so many points. */
const MOST_TOGETHER = 24;
const MOST_POINTS = 200;
const COLORS = { spectra: '#999999', 'mean, SD': '#000000', 'mean model': '#d62728' };

/** Some spectra in one panel, with the mean of all and its standard deviation, the mean model, and bands. */
export function togetherPanel(spectra: readonly FittedSpectrum[], bands: Bands, scale: FrequencyScale) {
  const { frequencies } = spectra[0]!;
  const step = Math.ceil(frequencies.length / MOST_POINTS);
  const bins = Array.from(frequencies, (_, i) => i).filter((i) => i % step === 0);
  const some = evenly([...spectra.keys()], MOST_TOGETHER);
  const lines = some.flatMap((spectrum) =>
    bins.map((i) => ({ spectrum, frequency: frequencies[i]!, power: short(spectra[spectrum]!.power[i]!) })),
  );
  const means = bins.map((i) => {
    const values = spectra.map(({ power }) => power[i]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const model = spectra.reduce(
      (sum, { aperiodic, gaussians }) =>
        gaussians.reduce((total, peak) => total + gaussianAt(peak, frequencies[i]!), sum + aperiodic[i]!),
      0,
    );
    return {
      frequency: frequencies[i]!,
      mean: short(mean),
      low: short(mean - sd),
      high: short(mean + sd),
      model: short(model / spectra.length),
    };
  });
  const color = (name: keyof typeof COLORS) => legendColor(COLORS, name);
  return {
    title: `${portion(some.length, spectra.length)} spectra, mean and SD of all`,
    width: PANEL.width,
    height: PANEL.height,
    data: { values: means },
    encoding: { x: frequencyAxis(scale) },
    layer: [
      ...bandLayers(bands, [frequencies[0]!, frequencies[frequencies.length - 1]!], scale),
      {
        data: { values: lines },
        mark: { type: 'line' as const, strokeWidth: 0.5, opacity: 0.5 },
        encoding: {
          y: powerAxis('power'),
          detail: { field: 'spectrum', type: 'nominal' as const },
          color: color('spectra'),
        },
      },
      {
        mark: { type: 'area' as const, opacity: 0.25 },
        encoding: { y: powerAxis('low'), y2: { field: 'high' }, color: color('mean, SD') },
      },
      { mark: { type: 'line' as const }, encoding: { y: powerAxis('mean'), color: color('mean, SD') } },
      {
        mark: { type: 'line' as const, strokeDash: [5, 3] },
        encoding: { y: powerAxis('model'), color: color('mean model') },
      },
    ],
  };
}
