import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { cToFortran, writeNifti } from '../../io/index.js';
import { commonGrid } from './cohort-grid.js';
import { readDensity } from './cohort-input.js';
import { Emission, emissionOf, foldWarning } from './emission.js';
import { writeField } from './field-file.js';
import { SubjectInfo } from './subject-volume.js';

/** How a patient is registered to a trained model. */
export const RegistrationInput = z.strictObject({
  /** null: as many as the model was made with. */
  instance_steps: z.int().nullable(),
  fold_policy: z.enum(['report', 'repair', 'fail']),
  device: z.string(),
});

/** Predicts the field that carries the template of a learned atlas to a patient it has not seen. */
export const registerPatient = defineNode({
  name: 'register_patient',
  version: 1,
  inputs: {
    density: port.file('npy'),
    info: port.value(SubjectInfo),
    header: port.file('nifti-header'),
    model: port.file('learned-atlas-model'),
    registration: port.value(RegistrationInput),
  },
  outputs: {
    field: port.file('nifti'),
    /** The personalised template of an atlas of several templates, which no single field gives; on the model's grid. */
    template: port.optional(port.file('nifti')),
    emission: port.value(Emission),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ density, info, header, model, registration }, ctx) {
    const { emitAtlasSubject } = await import('../../numerics/registration/emit-mixture.js');
    const { decodeModelFile } = await import('../../numerics/registration/model-file.js');
    const trained = decodeModelFile(await readFile(model.path), model.path);
    const { shape, affine, instance_steps } = trained.metadata;
    commonGrid([{ file: 'the atlas', shape, affine }, info]);
    const emitted = await emitAtlasSubject({
      // Nobody of the cohort: a patient may have the label of a trained subject.
      model: {
        ...trained,
        velocities: [],
        metadata: {
          ...trained.metadata,
          subjects: [],
          instance_steps: registration.instance_steps ?? instance_steps,
        },
      },
      id: info.id,
      volume: await readDensity(density),
      foldPolicy: registration.fold_policy,
      device: registration.device,
      threads: ctx.cpus,
      signal: ctx.signal,
    });
    const field = ctx.outputFile('field.nii.gz');
    const headerBytes = await readFile(header.path);
    await writeField(field, emitted.displacement, {
      shape,
      affine: info.affine,
      headerBytes,
      space: 'voxel',
    });
    const template = emitted.responsibilities === null ? null : ctx.outputFile('template.nii.gz');
    if (template !== null) {
      const data = cToFortran(emitted.warped, shape);
      await writeNifti(template, { shape, data, template: headerBytes });
    }
    const emission = emissionOf(emitted, true);
    const folds = foldWarning(emission);
    if (folds !== null) ctx.log.warn(folds);
    return { field, template, emission };
  },
});
