import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeJson } from './result-files.js';

const Metadata = z.object({
  n_subjects: z.number(),
  mode: z.string(),
  normalization: z.object({ method: z.string() }),
  voxel_size_mm: z.array(z.number()),
});

/** `atlas-<label>_description.json`: what an atlas in BIDS says of itself as a whole. */
export const describeTemplate = defineNode({
  name: 'describe_template',
  version: 1,
  inputs: {
    label: port.value(z.string()),
    metadata: port.file('json'),
    /** Of the map that defines the space, relative to the output directory. */
    space: port.value(z.string()),
  },
  outputs: { description: port.file('json') },
  async run({ label, metadata, space }, ctx) {
    const { n_subjects, mode, normalization, voxel_size_mm } = Metadata.parse(
      JSON.parse(await readFile(metadata.path, 'utf8')),
    );
    const description = ctx.outputFile('description.json');
    await writeJson(description, {
      Name: label,
      Description: `Tract density atlas, learned jointly with a diffeomorphic registration of every subject (mode ${mode}; normalisation: ${normalization.method})`,
      SampleSize: n_subjects,
      SpatialReference: `bids::${space}`,
      Resolution: `${voxel_size_mm.map((size) => Number(size.toPrecision(3))).join(' x ')} mm`,
    });
    return { description };
  },
});
