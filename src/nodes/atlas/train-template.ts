import { copyFile, writeFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { VERSION } from '../../version.js';
import { commonGrid } from './cohort-grid.js';
import { joinedSubjects, readDensity } from './cohort-input.js';
import { writeJson } from './result-files.js';
import { SubjectInfo } from './subject-volume.js';
import { tellTraining } from './training-progress.js';
import { trainingRecord, unusedWarning } from './training-record.js';
import {
  CheckpointEvery,
  MemoryLimit,
  Resume,
  TrainingInput,
  trainingSettings,
} from './training-settings.js';

/** Learns the template (and the network, or the velocities) of a cohort; continues from its checkpoint. */
export const trainTemplate = defineNode({
  name: 'train_template',
  version: 1,
  inputs: {
    densities: port.list(port.file('npy')),
    headers: port.list(port.file('nifti-header')),
    infos: port.list(port.value(SubjectInfo)),
    training: port.value(TrainingInput),
    resume: port.value(Resume),
    checkpoint_every: port.value(CheckpointEvery),
    memory_limit_mb: port.value(MemoryLimit),
  },
  outputs: {
    /** Model file; the steps per subject and the training space are still neutral in it. */
    model: port.file('learned-atlas-model'),
    /** A `TrainingRecord`. */
    training: port.file('json'),
    /** Header of the first subject, the template of everything that is written. */
    header: port.file('nifti-header'),
  },
  resources: { cpus: 2, memoryGb: 2 },
  resumable: true,
  steering: ['resume', 'checkpoint_every', 'memory_limit_mb'],
  async run({ densities, headers, infos, training, resume, checkpoint_every, memory_limit_mb }, ctx) {
    // Loaded here: building the graph must not load tensor code.
    const { trainAtlasModel } = await import('../../numerics/registration/train-atlas-model.js');
    const { encodeModelFile } = await import('../../numerics/registration/model-file.js');
    const subjects = joinedSubjects(infos, densities);
    const grid = commonGrid(subjects.map(({ info }) => info));
    const { model, trained } = await trainAtlasModel({
      ids: subjects.map(({ info }) => info.id),
      volumes: await Promise.all(subjects.map(({ density }) => readDensity(density))),
      shape: grid.shape,
      affine: grid.affine,
      settings: trainingSettings(training, { resume, checkpoint_every }),
      crop: training.crop_to_support,
      margin: training.crop_margin,
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
    const out = {
      model: ctx.outputFile('learned_atlas_model.bin'),
      training: ctx.outputFile('training.json'),
      header: ctx.outputFile('header.bin'),
    };
    await writeFile(out.model, encodeModelFile(model));
    const record = trainingRecord(trained);
    const unused = unusedWarning(record.unused_templates);
    if (unused !== null) ctx.log.warn(unused);
    await writeJson(out.training, record);
    await copyFile(headers[infos.findIndex((info) => info.id === grid.id)]!.path, out.header);
    return out;
  },
});
