import { readFile, writeFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { VERSION } from '../../version.js';
import { tellTraining } from './training-progress.js';
import {
  CheckpointEvery,
  MemoryLimit,
  Resume,
  TrainingInput,
  trainingSettings,
} from './training-settings.js';

/** Learns the template of a cohort without one subject and its group; continues from its checkpoint. */
export const trainFold = defineNode({
  name: 'train_fold',
  version: 1,
  inputs: {
    training_set: port.file('learned-atlas-training-set'),
    training: port.value(TrainingInput),
    resume: port.value(Resume),
    checkpoint_every: port.value(CheckpointEvery),
    memory_limit_mb: port.value(MemoryLimit),
  },
  outputs: {
    /** Model file; the steps per subject and the training space are still neutral in it. */
    model: port.file('learned-atlas-model'),
  },
  resources: { cpus: 1, memoryGb: 2 },
  resumable: true,
  steering: ['resume', 'checkpoint_every', 'memory_limit_mb'],
  async run({ training_set, training, resume, checkpoint_every, memory_limit_mb }, ctx) {
    // Loaded here: building the graph must not load tensor code.
    const { trainOnSet } = await import('../../numerics/registration/train-atlas-model.js');
    const { decodeTrainingSet } = await import('../../numerics/registration/training-set.js');
    const { encodeModelFile } = await import('../../numerics/registration/model-file.js');
    const set = decodeTrainingSet(await readFile(training_set.path), training_set.path);
    const { model } = await trainOnSet(set, {
      settings: trainingSettings(training, { resume, checkpoint_every }),
      device: training.device,
      threads: ctx.cpus,
      normalizationMethod: training.normalization_method,
      instanceSteps: 0,
      instanceFullSteps: 0,
      trainingSpace: '',
      softwareVersion: VERSION,
      checkpointDir: ctx.checkpointDir,
      memoryLimitMb: memory_limit_mb,
      signal: ctx.signal,
      ...tellTraining(ctx),
    });
    const path = ctx.outputFile('learned_atlas_model.bin');
    await writeFile(path, encodeModelFile(model));
    return { model: path };
  },
});
