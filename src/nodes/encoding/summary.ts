import { z } from 'zod';

import type { RecordingInfo } from './recording-info.js';

const Spread = z.strictObject({
  parameter: z.string(),
  n: z.int(),
  mean: z.number().nullable(),
  sd: z.number().nullable(),
  median: z.number().nullable(),
  q25: z.number().nullable(),
  q75: z.number().nullable(),
});

/** What a cohort table says of a recording. */
export const RecordingSummary = z.strictObject({
  name: z.string(),
  voxels: z.int(),
  frames: z.int(),
  /** Voxels by status. */
  status: z.record(z.string(), z.int()),
  mean_r2: z.number().nullable(),
  median_r2: z.number().nullable(),
  max_r2: z.number().nullable(),
  /** Voxels from `min_r2` on. */
  above_min_r2: z.int(),
  /** Over those voxels. */
  parameters: z.array(Spread),
});
export type RecordingSummary = z.infer<typeof RecordingSummary>;

export function summaryOf(
  info: RecordingInfo,
  { r2, status }: { readonly r2: Float64Array; readonly status: readonly string[] },
  parameters: ReadonlyArray<{ readonly name: string; readonly values: Float64Array }>,
  minR2: number,
): RecordingSummary {
  const counts: Record<string, number> = {};
  for (const word of status) counts[word] = (counts[word] ?? 0) + 1;
  const fitted = r2.filter((value) => !Number.isNaN(value));
  const good = Array.from(r2.keys()).filter((v) => r2[v]! >= minR2);
  return {
    name: info.name,
    voxels: info.voxels,
    frames: info.frames,
    status: counts,
    mean_r2: mean(fitted),
    median_r2: quantile(fitted, 0.5),
    max_r2: fitted.length === 0 ? null : fitted.reduce((most, value) => Math.max(most, value), -Infinity),
    above_min_r2: good.length,
    parameters: parameters.map(({ name, values }) => {
      const chosen = Float64Array.from(good, (v) => values[v]!);
      return {
        parameter: name,
        n: chosen.length,
        mean: mean(chosen),
        sd: deviation(chosen),
        median: quantile(chosen, 0.5),
        q25: quantile(chosen, 0.25),
        q75: quantile(chosen, 0.75),
      };
    }),
  };
}

function mean(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the sample: n - 1. */
function deviation(values: Float64Array): number | null {
  const centre = mean(values);
  if (centre === null || values.length < 2) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Linear between neighbours. */
function quantile(values: Float64Array, share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.slice().sort();
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}
