import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeNpy } from '../../io/index.js';
import { readDensity } from './cohort-input.js';
import { Emission, emissionOf, foldWarning } from './emission.js';
import { writeField } from './field-file.js';
import { SubjectInfo } from './subject-volume.js';

/** How subjects are registered to a trained model. */
export const EmissionInput = z.strictObject({
  instance_steps: z.int(),
  instance_full_steps: z.int(),
  fold_policy: z.enum(['report', 'repair', 'fail']),
  verify_jacobian: z.boolean(),
  field_space: z.enum(['voxel', 'ras_mm', 'ants']),
  device: z.string(),
});

/** Registers one subject to the template: its field, the warped template, and how good they are. */
export const emitSubject = defineNode({
  name: 'emit_subject',
  version: 1,
  inputs: {
    density: port.file('npy'),
    info: port.value(SubjectInfo),
    model: port.file('learned-atlas-model'),
    header: port.file('nifti-header'),
    emission: port.value(EmissionInput),
  },
  outputs: {
    field: port.file('nifti'),
    /** Warped template, (X, Y, Z), C order, normalised units. */
    warped: port.file('npy'),
    emission: port.value(Emission),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ density, info, model, header, emission: settings }, ctx) {
    const { emitAtlasSubject } = await import('../../numerics/registration/emit-mixture.js');
    const { decodeModelFile } = await import('../../numerics/registration/model-file.js');
    const trained = decodeModelFile(await readFile(model.path), model.path);
    const { instance_steps, instance_full_steps } = settings;
    const emitted = await emitAtlasSubject({
      model: { ...trained, metadata: { ...trained.metadata, instance_steps, instance_full_steps } },
      id: info.id,
      volume: await readDensity(density),
      foldPolicy: settings.fold_policy,
      device: settings.device,
      threads: ctx.cpus,
      signal: ctx.signal,
    });
    const out = { field: ctx.outputFile('field.nii.gz'), warped: ctx.outputFile('warped.npy') };
    await writeField(out.field, emitted.displacement, {
      shape: info.shape,
      affine: info.affine,
      headerBytes: await readFile(header.path),
      space: settings.field_space,
    });
    await writeNpy(out.warped, { shape: info.shape, data: emitted.warped });
    const emission = emissionOf(emitted, settings.verify_jacobian);
    const folds = foldWarning(emission);
    if (folds !== null) ctx.log.warn(folds);
    return { ...out, emission };
  },
});
