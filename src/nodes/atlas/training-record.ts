import { z } from 'zod';

import type { TrainedTemplate } from '../../numerics/registration/train.js';

/** What the metadata say about a training, beside the model. */
export const TrainingRecord = z.strictObject({
  mode: z.string(),
  /** Mean loss, its terms, learning rate, gradient norm and smallest Jacobian determinant per epoch. */
  history: z.array(z.record(z.string(), z.json())),
  best_epoch: z.number(),
  stopped_early: z.boolean(),
  /** Templates, from 1, whose share stayed at its floor for the last tenth of the epochs. */
  unused_templates: z.array(z.int()),
  device: z.strictObject({
    device: z.string(),
    backend: z.string(),
    isa: z.string().nullable(),
    threads: z.number(),
    versions: z.record(z.string(), z.string()),
    /** The graphics card, where one computed. */
    adapter: z.strictObject({ vendor: z.string(), name: z.string(), software: z.boolean() }).optional(),
  }),
});

export type TrainingRecord = z.infer<typeof TrainingRecord>;

/** The part of a training's account that is equal in every equal run: how often it was interrupted is not in it. */
export function trainingRecord(trained: TrainedTemplate): TrainingRecord {
  const { mode, history, bestEpoch, stoppedEarly } = trained;
  const { device, backend, isa, threads, versions, adapter } = trained.device;
  return {
    mode,
    history: JSON.parse(JSON.stringify(history)) as TrainingRecord['history'],
    best_epoch: bestEpoch,
    stopped_early: stoppedEarly,
    unused_templates: unusedTemplates(trained),
    device: {
      ...{ device, backend, isa, threads, versions: { ...versions } },
      ...(adapter !== null && { adapter }),
    },
  };
}

/** Templates, from 1, that no subject needs: their share stayed at its floor for the last tenth of the epochs. */
export function unusedTemplates({
  mixture,
  history,
}: Pick<TrainedTemplate, 'mixture' | 'history'>): number[] {
  const long = Math.max(1, Math.ceil(history.length / 10));
  return (mixture?.floorEpochs ?? []).flatMap((epochs, k) => (epochs >= long ? [k + 1] : []));
}

/** A sentence about templates without use, or null. */
export function unusedWarning(templates: readonly number[]): string | null {
  if (templates.length === 0) return null;
  return `template ${templates.join(', ')} explains hardly any subject: fewer templates would do`;
}
