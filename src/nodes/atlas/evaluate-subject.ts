import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { commonGrid } from './cohort-grid.js';
import { joinedSubjects, readDensity } from './cohort-input.js';
import { EmissionInput } from './emit-subject.js';
import { Evaluation, evaluationOf } from './evaluation.js';
import { SubjectInfo } from './subject-volume.js';
import {
  CheckpointEvery,
  MemoryLimit,
  Resume,
  TrainingInput,
  trainingSettings,
} from './training-settings.js';

/** Leaves one subject and its group out, trains on the rest, predicts the subject, and compares with the mean. */
export const evaluateSubject = defineNode({
  name: 'evaluate_subject',
  version: 1,
  inputs: {
    /** The subject to leave out. */
    info: port.value(SubjectInfo),
    densities: port.list(port.file('npy')),
    infos: port.list(port.value(SubjectInfo)),
    group_by: port.value(z.record(z.string(), z.string()).nullable()),
    training: port.value(TrainingInput),
    emission: port.value(EmissionInput),
    resume: port.value(Resume),
    checkpoint_every: port.value(CheckpointEvery),
    memory_limit_mb: port.value(MemoryLimit),
  },
  outputs: { evaluation: port.value(Evaluation) },
  resources: { cpus: 1, memoryGb: 1.5 },
  resumable: true,
  steering: ['resume', 'checkpoint_every', 'memory_limit_mb'],
  async run(
    { info, densities, infos, group_by, training, emission, resume, checkpoint_every, memory_limit_mb },
    ctx,
  ) {
    const { evaluateSubject: evaluate } = await import('../../numerics/registration/evaluate.js');
    const subjects = joinedSubjects(infos, densities);
    const grid = commonGrid(subjects.map((subject) => subject.info));
    const result = await evaluate({
      id: info.id,
      ids: subjects.map((subject) => subject.info.id),
      volumes: await Promise.all(subjects.map(({ density }) => readDensity(density))),
      shape: grid.shape,
      affine: grid.affine,
      groupBy: group_by,
      settings: trainingSettings(training, { resume, checkpoint_every }),
      crop: training.crop_to_support,
      margin: training.crop_margin,
      instanceSteps: emission.instance_steps,
      instanceFullSteps: emission.instance_full_steps,
      foldPolicy: emission.fold_policy,
      device: training.device,
      threads: ctx.cpus,
      checkpointDir: ctx.checkpointDir,
      memoryLimitMb: memory_limit_mb,
      signal: ctx.signal,
      onEpoch: (event) => {
        ctx.metric('epoch', { ...event });
        ctx.progress(event.epoch, event.epochs, `loss ${event.loss.toPrecision(4)}`);
      },
      onWarning: (message) => ctx.log.warn(message),
    });
    return { evaluation: evaluationOf(result) };
  },
});
