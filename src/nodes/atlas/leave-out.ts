import { writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeNpy } from '../../io/index.js';
import { commonGrid } from './cohort-grid.js';
import { joinedSubjects, readDensity } from './cohort-input.js';
import { SubjectInfo } from './subject-volume.js';

/** How training subjects are cropped, as `crop_to_support`, `crop_margin` and the depth of the network. */
export const CropInput = z.strictObject({ crop: z.boolean(), margin: z.int(), levels: z.int() });

/** Who is left out, and what those who remain have on average. */
export const LeftOut = z.strictObject({ ids: z.array(z.string()), mean_mass: z.number() });

/**
 * Takes a subject and its group out of the cohort. No output depends on the volumes that are left out: when one of them
 * changes, the training behind this node is reused.
 */
export const leaveOut = defineNode({
  name: 'leave_out',
  version: 1,
  inputs: {
    /** The subject to leave out. */
    info: port.value(SubjectInfo),
    densities: port.list(port.file('npy')),
    infos: port.list(port.value(SubjectInfo)),
    group_by: port.value(z.record(z.string(), z.string()).nullable()),
    crop: port.value(CropInput),
  },
  outputs: {
    /** A training set: the other subjects on their training grid. */
    training_set: port.file('learned-atlas-training-set'),
    /** Mean of the other subjects, (X, Y, Z), C order, normalised units. */
    mean: port.file('npy'),
    left_out: port.value(LeftOut),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ info, densities, infos, group_by, crop }, ctx) {
    const { leaveOut: take } = await import('../../numerics/registration/evaluate.js');
    const { encodeTrainingSet } = await import('../../numerics/registration/training-set.js');
    const subjects = joinedSubjects(infos, densities);
    const { shape, affine } = commonGrid(subjects.map((subject) => subject.info));
    const fold = take({
      id: info.id,
      ids: subjects.map((subject) => subject.info.id),
      volumes: await Promise.all(subjects.map(({ density }) => readDensity(density))),
      shape,
      affine,
      groupBy: group_by,
      ...crop,
    });
    const out = { training_set: ctx.outputFile('training_set.bin'), mean: ctx.outputFile('mean.npy') };
    await writeFile(out.training_set, encodeTrainingSet(fold.training));
    await writeNpy(out.mean, { shape, data: fold.mean });
    return { ...out, left_out: { ids: fold.leftOut, mean_mass: fold.meanMass } };
  },
});
