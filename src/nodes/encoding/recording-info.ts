import { z } from 'zod';

import { MODEL_NAMES } from '../../numerics/encoding/settings.js';
import { EncodingSettings } from '../../numerics/encoding/settings.js';

/** Settings as a port takes them: names of models that can be fitted only. */
export const SettingsPort = EncodingSettings.transform((settings, context) => {
  const model = MODEL_NAMES.find((name) => name === settings.model);
  if (model !== undefined) return { ...settings, model };
  context.addIssue({ code: 'custom', message: `the model ${settings.model} is not fitted from files` });
  return z.NEVER;
});

/** The device of tensors that a fit was computed on, in float32; null: all was computed in float64 on the processor. */
export const ComputedOn = z
  .strictObject({
    device: z.string(),
    backend: z.string(),
    versions: z.record(z.string(), z.string()),
    /** The graphics card, where its driver tells of it. */
    adapter: z.strictObject({ vendor: z.string(), name: z.string(), software: z.boolean() }).nullable(),
  })
  .nullable();
export type ComputedOn = z.infer<typeof ComputedOn>;

/** What a recording is, beside its numbers. */
export const RecordingInfo = z.strictObject({
  /** Name of the recording: its path without the suffix, `/` between folders. */
  name: z.string(),
  source: z.enum(['table', 'array', 'volume', 'surface']),
  frames: z.int(),
  /** That are fitted. */
  voxels: z.int(),
  /** Axes of the data: three of a volume, else one. */
  grid: z.array(z.int()),
  /** s; null where nothing says it and the model needs none. */
  tr: z.number().nullable(),
  /** Shape of the paradigm: T x nx x ny or T x D. */
  stimulus: z.array(z.int()),
  /** Of the columns of the paradigm; null where they have none, or more than 500. */
  stimulus_labels: z.array(z.string()).nullable(),
  /** What was regressed out, by name. */
  confounds: z.array(z.string()),
  /** Base names of the files that were read. */
  files: z.record(z.string(), z.string()),
});
export type RecordingInfo = z.infer<typeof RecordingInfo>;
