import type { SpectralData } from './spectral-data.js';

/** The mean power of all trials, as one trial. */
export function averageTrials(data: SpectralData): SpectralData {
  const [trials, tapers, bins, channels] = data.shape;
  if (trials === 1) return data;
  const size = data.data.length / trials;
  const mean = Float64Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let trial = 0; trial < trials; trial++) sum += data.data[trial * size + i]!;
    return sum / trials;
  });
  const { trialdefinition: stretches } = data;
  return {
    ...data,
    shape: [1, tapers, bins, channels],
    data: mean,
    trialdefinition: [[stretches[0]?.[0] ?? 0, stretches.at(-1)?.[1] ?? 1, 0]],
    trialIndex: [0],
  };
}
