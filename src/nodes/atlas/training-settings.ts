import { z } from 'zod';

import { NORMALIZATION_METHODS } from '../../numerics/registration/normalization.js';
import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  type TrainingSettings,
} from '../../numerics/registration/settings.js';

/** What decides a training, as the nodes receive it. `resume` and `checkpoint_every` only steer and are not in it. */
export const TrainingInput = z.strictObject({
  model: ModelSettings,
  loss: LossSettings,
  optimizer: z.strictObject(OptimizerSettings.shape).omit({ resume: true, checkpoint_every: true }),
  normalization_method: z.enum(NORMALIZATION_METHODS),
  crop_to_support: z.boolean(),
  crop_margin: z.int(),
  /** auto, cpu, webgpu, cuda or cuda:N. */
  device: z.string(),
});

export type TrainingInput = z.infer<typeof TrainingInput>;

export const Resume = OptimizerSettings.shape.resume;
export const CheckpointEvery = OptimizerSettings.shape.checkpoint_every;
/** MB; null for none. It decides whether a training runs, never what it gives. */
export const MemoryLimit = z.number().nullable();

/** Settings of the trainer; with the method `log` densities are logarithms already. */
export function trainingSettings(
  input: TrainingInput,
  steering: Pick<OptimizerSettings, 'resume' | 'checkpoint_every'>,
): TrainingSettings {
  return {
    model: input.model,
    loss: input.loss,
    optimizer: { ...input.optimizer, ...steering },
    densityInLog: input.normalization_method === 'log',
  };
}
