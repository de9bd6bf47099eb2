import { readFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readDensity } from './cohort-input.js';
import { EmissionInput } from './emit-subject.js';
import { Evaluation, evaluationOf } from './evaluation.js';
import { LeftOut } from './leave-out.js';
import { SubjectInfo } from './subject-volume.js';

/** Predicts a subject from a model that was trained without it, and compares with the mean of the others. */
export const evaluateSubject = defineNode({
  name: 'evaluate_subject',
  version: 1,
  inputs: {
    info: port.value(SubjectInfo),
    density: port.file('npy'),
    model: port.file('learned-atlas-model'),
    mean: port.file('npy'),
    left_out: port.value(LeftOut),
    emission: port.value(EmissionInput),
  },
  outputs: { evaluation: port.value(Evaluation) },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ info, density, model, mean, left_out, emission }, ctx) {
    const { rateLeftOut } = await import('../../numerics/registration/evaluate.js');
    const { decodeModelFile } = await import('../../numerics/registration/model-file.js');
    const trained = decodeModelFile(await readFile(model.path), model.path);
    const { instance_steps, instance_full_steps } = emission;
    const result = await rateLeftOut({
      model: { ...trained, metadata: { ...trained.metadata, instance_steps, instance_full_steps } },
      fold: { leftOut: left_out.ids, meanMass: left_out.mean_mass, mean: await readDensity(mean) },
      id: info.id,
      volume: await readDensity(density),
      foldPolicy: emission.fold_policy,
      device: emission.device,
      threads: ctx.cpus,
      signal: ctx.signal,
    });
    return { evaluation: evaluationOf(result) };
  },
});
