import { writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeNpy } from '../../io/index.js';
import { NORMALIZATION_METHODS } from '../../numerics/registration/normalization.js';
import { readSubjectVolume, SubjectInfo } from './subject-volume.js';

/** Reads, checks and normalises one subject; one that cannot be used is skipped with the reason. */
export const readSubject = defineNode({
  name: 'read_subject',
  version: 1,
  inputs: {
    id: port.value(z.string()),
    /** Path of the volume below the cohort root, for messages and metadata. */
    file: port.value(z.string()),
    volume: port.file('nifti'),
    /** The voxel file where the volume is a .hdr/.img pair: read beside its header, and part of the key. */
    voxels: port.list(port.file('any')),
    /** Only for the method waytotal. */
    waytotal: port.optional(port.file('text')),
    method: port.value(z.enum(NORMALIZATION_METHODS)),
  },
  outputs: {
    /** float32, (X, Y, Z), C order, normalised. */
    density: port.file('npy'),
    /** Raw header of the volume, 348 or 540 bytes. */
    header: port.file('nifti-header'),
    info: port.value(SubjectInfo),
  },
  resources: { cpus: 1, memoryGb: 0.5 },
  async run({ id, file, volume, waytotal, method }, ctx) {
    const subject = await readSubjectVolume({
      id,
      file,
      volume: volume.path,
      waytotal: waytotal?.path ?? null,
      method,
    });
    if (subject.kind === 'skipped') return ctx.skip(subject.reason);
    const density = ctx.outputFile('density.npy');
    const header = ctx.outputFile('header.bin');
    await writeNpy(density, { shape: subject.info.shape, data: subject.density });
    await writeFile(header, subject.headerBytes);
    return { density, header, info: subject.info };
  },
});
