import { z } from 'zod';

import { ProcessingError, StorageError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readLabelVolume, writeAtomic, writeGifti, type LabelVolume } from '../../io/index.js';
import { labelSurface } from '../../numerics/mesh/isosurface.js';
import { withoutPath } from './without-path.js';

/** How a surface was made of a volume of labels. */
export const Drawing = z.strictObject({
  kind: z.literal('label_volume'),
  description: z.string(),
  labels: z.array(z.int()),
  voxels: z.int(),
  voxel_size_mm: z.array(z.number()),
  /** Of the voxels, mm^3: what the volume of the surface can be held against. */
  voxel_volume_mm3: z.number(),
  smoothing_voxels: z.number(),
  taubin_cycles: z.int(),
});
export type Drawing = z.output<typeof Drawing>;

/** Most labels that a message names. */
const NAMED = 12;

/**
 * Draws the surface of a label of a segmentation. Where the volume lies is nothing it knows: `describe_drawing` says it. A volume that is
 * none, or has no such label, is skipped with the reason.
 */
export const drawSurface = defineNode({
  name: 'draw_surface',
  version: 2,
  inputs: {
    volume: port.file('any'),
    /** Numbers that make the region. */
    labels: port.value(z.array(z.int()).min(1)),
    /** Gaussian over the mask, voxels. */
    smoothing: port.value(z.number()),
    /** Taubin cycles on the surface. */
    cycles: port.value(z.int()),
  },
  outputs: {
    /** GIfTI, in the space of the volume (scanner RAS), mm. */
    surface: port.file('any'),
    /** A `Drawing`. */
    drawing: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ volume, labels, smoothing, cycles }, ctx) {
    try {
      const given = await readLabelVolume(volume.path);
      const chosen = new Set(labels);
      let voxels = 0;
      for (const value of given.data) if (chosen.has(value)) voxels++;
      if (voxels === 0)
        return ctx.skip(`no voxel of ${volume.relPath} has ${named(labels)}; ${there(given)}`);
      const { vertices, faces } = labelSurface(given.data, given.shape, labels, given.affine, {
        smoothing,
        cycles,
      });
      const sides = [0, 1, 2].map((axis) =>
        Math.hypot(given.affine[axis]!, given.affine[4 + axis]!, given.affine[8 + axis]!),
      );
      const drawing: Drawing = {
        kind: 'label_volume',
        description:
          'Drawn around voxels: the mask of the labels smoothed by a Gaussian and cut at one half by marching tetrahedra, then smoothed without shrinking (Taubin 0.5, -0.53)',
        labels: [...labels],
        voxels,
        voxel_size_mm: sides,
        voxel_volume_mm3: voxels * voxelVolume(given.affine),
        smoothing_voxels: smoothing,
        taubin_cycles: cycles,
      };
      const out = { surface: ctx.outputFile('drawn.surf.gii'), drawing: ctx.outputFile('drawing.json') };
      await writeGifti(out.surface, {
        arrays: [
          { intent: 'POINTSET', shape: [vertices.length / 3, 3], data: vertices },
          { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: faces },
        ],
      });
      await writeAtomic(out.drawing, `${JSON.stringify(drawing, null, 2)}\n`);
      return out;
    } catch (error) {
      const isUnreadable = error instanceof StorageError && volume.digest === 'unreadable';
      if (!(error instanceof ProcessingError || isUnreadable)) throw error;
      // That the label is there is known: it is too small for the smoothing.
      const cure = error.where === 'labelSurface' ? ': lower segmentation.smoothing' : '';
      return ctx.skip(`${withoutPath(error.message, volume)}${cure}`);
    }
  },
});

/** Of any affine, also one that shears, mm^3. */
function voxelVolume(affine: LabelVolume['affine']): number {
  const [a, b, c, , d, e, f, , g, h, i] = affine;
  return Math.abs(a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!));
}

function named(labels: readonly number[]): string {
  return labels.length === 1 ? `the label ${labels[0]}` : `one of the labels ${labels.join(', ')}`;
}

/** What could have been meant. */
function there({ data }: LabelVolume): string {
  const found = [...new Set(data)].filter((value) => value !== 0).sort((a, b) => a - b);
  if (found.length === 0) return 'all its voxels are 0';
  return `it has ${found.slice(0, NAMED).join(', ')}${found.length > NAMED ? ` and ${found.length - NAMED} more` : ''}`;
}
