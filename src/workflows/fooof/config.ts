import { z } from 'zod';

import { BayesianGroupSettings } from '../../numerics/bayes/settings.js';
import { FitOptions, FooofSettings, frequencyPair } from '../../numerics/fooof/settings.js';
import { SpectrumSettings } from '../../numerics/signal/settings.js';

/** Configuration block `fooof`: the model's settings, how series become spectra, what is fitted and what is written. */
export const FooofConfig = z.strictObject({
  ...FooofSettings.shape,
  freq_range: FitOptions.shape.freq_range,
  mode: FitOptions.shape.mode,
  bic_penalty: FitOptions.shape.bic_penalty,
  ...SpectrumSettings.shape,
  sampling_rate: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Hz, for arrays (.npy, .h5) that name no sampling rate'),
  keeptrials: z
    .boolean()
    .default(false)
    .describe('true: a fit per trial; false: the power of trials is averaged first'),
  output: z
    .enum(['fooof', 'fooof_aperiodic', 'fooof_peaks'])
    .default('fooof')
    .describe('What <stem>_model.h5 holds: the whole model, its aperiodic part, or the difference of both'),
  chan_per_worker: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Channels per call, calls spread over worker processes; only with keeptrials; null: all at once',
    ),
  parallel_store: z
    .boolean()
    .nullable()
    .default(null)
    .describe('With worker processes: each result through a file of its own; null: yes'),
  mem_thresh: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Largest share of the free memory that the result of one call may take'),
  keep_spectra: z
    .boolean()
    .default(false)
    .describe('Also write <stem>_spectra.h5, the spectra that were fitted'),
  plots: z
    .enum(['auto', 'none', 'cohort', 'recordings'])
    .default('auto')
    .describe(
      'Charts: none; of the cohort (fits.svg); also of each recording (<stem>_fits.svg); auto: of each up to 24 recordings',
    ),
  frequency_axis: z
    .enum(['linear', 'log'])
    .default('linear')
    .describe('Axis of frequencies in the charts of spectra'),
  bands: z
    .record(z.string(), frequencyPair)
    .default({ alpha: [7, 14] })
    .describe('Bands that charts mark, and whose highest peak they show over the head and over trials, Hz'),
  condition: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Entity of file names, such as task, or column of participants.tsv, such as group: fits.svg compares mean spectra of its values; null: of all',
    ),
  bayesian: BayesianGroupSettings.nullable()
    .default(null)
    .describe('A Bayesian model over fits.tsv with columns of participants.tsv, such as group; null: none'),
  min_recordings: z.int().min(1).default(1).describe('Fewest readable recordings for the cohort table'),
});

export type FooofConfig = z.infer<typeof FooofConfig>;
