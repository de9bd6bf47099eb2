/** Two anatomies in one cohort: the left arcuate of the reference joined with mirrored corticospinal tracts. */
import { describe, expect, test } from 'vitest';
import { buildAtlasModel } from '../../src/numerics/registration/atlas-model.js';
import { emitAtlasSubject } from '../../src/numerics/registration/emit-mixture.js';
import type { Shape3 } from '../../src/numerics/registration/grid.js';
import { normalizeDensity } from '../../src/numerics/registration/normalization.js';
import { LossSettings, ModelSettings, OptimizerSettings } from '../../src/numerics/registration/settings.js';
import { trainTemplate } from '../../src/numerics/registration/train.js';
import { prepareTrainingCohort } from '../../src/numerics/registration/train-units.js';
import { pullMap, voxelMap, type Matrix4 } from '../../src/numerics/resample/index.js';
import { nativeStatus } from '../../src/native/index.js';
import { readNifti } from '../../src/io/index.js';
import { readCohort } from '../support/golden-atlas.js';
import { hasReference, reference } from '../support/reference.js';

/** Left and right exchanged in the world. */
const MIRROR: Matrix4 = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** The five corticospinal tracts of the right on the grid of the arcuate, mirrored to the left. */
async function mirroredTracts(shape: Shape3, affine: Matrix4): Promise<Float32Array[]> {
  const cst = await readCohort('cohort_cst');
  const header = await readNifti(reference('atlas/cohort_cst/1/tractography/fdt_paths.nii.gz'));
  const voxels = voxelMap(affine, [{ kind: 'matrix', matrix: MIRROR }], header.affine);
  return cst.volumes.map((map) =>
    pullMap({ map, mapShape: cst.shape, shape, voxels, interpolation: 'trilinear', modulate: false }),
  );
}

describe.skipIf(!hasReference || !nativeStatus().available)('a mixture of two templates', () => {
  test.each([
    ['direct', 20],
    ['hybrid', 20],
  ] as const)('separates arcuate and corticospinal tracts in mode %s', async (mode, epochs) => {
    const arcuate = await readCohort('cohort');
    const { affine } = await readNifti(reference('atlas/cohort/101/tractography/fdt_paths.nii.gz'));
    const { shape } = arcuate;
    const tracts = await mirroredTracts(shape, affine);
    const counts = [...arcuate.volumes, ...tracts];
    const volumes = counts.map((volume) => normalizeDensity(volume, 'waytotal', 2000).data);
    const ids = volumes.map((_volume, i) => (i < 10 ? `arcuate-${i}` : `cst-${i - 10}`));
    const settings = {
      model: ModelSettings.parse({ n_templates: 2 }),
      loss: LossSettings.parse({}),
      optimizer: OptimizerSettings.parse({ mode, epochs }),
      densityInLog: false,
    };
    const cohort = prepareTrainingCohort(volumes, shape, { crop: true, margin: 4, levels: 4 });
    const compute = { device: 'cpu', threads: 2 };
    const trained = await trainTemplate({
      ...cohort,
      ...compute,
      ids,
      shape: cohort.grid.padded,
      settings,
      checkpointDir: null,
    });
    const context = {
      softwareVersion: '',
      normalizationMethod: 'waytotal',
      trainingSpace: '',
      ids,
      settings,
    };
    const model = buildAtlasModel(trained, cohort, { ...context, shape, affine, instanceSteps: 10 });
    const smallest = { trained: 1, emitted: 1 };
    const first = trained.mixture!.responsibilities[0]![0]! > 0.5 ? 0 : 1;
    for (const [i, id] of ids.entries()) {
      const own = i < 10 ? first : 1 - first;
      smallest.trained = Math.min(smallest.trained, trained.mixture!.responsibilities[i]![own]!);
      const options = { ...compute, model, id, volume: volumes[i]!, foldPolicy: 'repair' } as const;
      const emitted = await emitAtlasSubject(options);
      expect(emitted.n_folds).toBe(0);
      smallest.emitted = Math.min(smallest.emitted, emitted.responsibilities![own]!);
    }
    // The figures of bench/RESULTS.md.
    process.stdout.write(`${JSON.stringify({ mode, epochs, pi: trained.mixture!.pi, smallest })}\n`);
    expect(smallest.trained).toBeGreaterThan(0.99);
    expect(smallest.emitted).toBeGreaterThan(0.99);
  });
});
