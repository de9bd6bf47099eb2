import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port, type InputFile } from '../../engine/port.js';
import { PipelineError } from '../../errors.js';
import { cToFortran, writeNifti } from '../../io/index.js';
import { ATLAS_STATISTIC_NAMES } from '../../numerics/registration/statistics.js';
import { pullMap, voxelMap, worldDisagreement, type SpatialStep } from '../../numerics/resample/index.js';
import { ProcessingError } from '../../errors.js';
import { VERSION } from '../../version.js';
import { Emission } from './emission.js';
import { readMap, type MapVolume } from './map-volume.js';
import { mapFileName, sha256OfFile, writeJson, type WrittenFile } from './result-files.js';
import { FILE_PROBLEMS } from './subject-volume.js';
import { readTransformStep } from './transform-file.js';

/** Version of the fields of atlas_to_patient.json. */
const SCHEMA_VERSION = 1;
/** Names of the files beside the maps. */
export const MASK_FILE = 'atlas_mask.nii.gz';
export const PROVENANCE_FILE = 'atlas_to_patient.json';

const mapName = z.enum(ATLAS_STATISTIC_NAMES);

/** How maps are brought to a patient. */
export const WarpInput = z.strictObject({
  interpolation: z.enum(['trilinear', 'nearest']),
  modulate: z.boolean(),
  mask_level: z.number(),
});

/** A patient, as people and messages name the files. */
export const PatientFiles = z.strictObject({
  id: z.string(),
  reference: z.string(),
  transforms: z.array(z.string()),
});

/** Brings the maps of an atlas to the grid of a patient; one whose files cannot be read is skipped with the reason. */
export const warpAtlas = defineNode({
  name: 'warp_atlas',
  version: 1,
  inputs: {
    patient: port.value(PatientFiles),
    /** Grid of the results. */
    reference: port.file('nifti'),
    /** Voxel files of the .hdr/.img pairs among the inputs: read beside their headers, and part of the key. */
    voxels: port.list(port.file('any')),
    /** Names of `maps`, in their order. */
    names: port.value(z.array(mapName)),
    maps: port.list(port.file('nifti')),
    metadata: port.optional(port.file('json')),
    /** `identity`, `files` or `register`. */
    kind: port.value(z.enum(['identity', 'files', 'register'])),
    /** Steps from patient to atlas world, applied right to left. */
    transforms: port.list(port.file('transform')),
    /** Field of a registration, and how good it is. */
    field: port.optional(port.file('nifti')),
    /** The mean map in the patient's world already, instead of one that is pulled by the field. */
    template: port.optional(port.file('nifti')),
    emission: port.optional(port.value(Emission)),
    warp: port.value(WarpInput),
  },
  outputs: {
    mean: port.optional(port.file('nifti')),
    std: port.optional(port.file('nifti')),
    std_error: port.optional(port.file('nifti')),
    cov: port.optional(port.file('nifti')),
    prob_threshold: port.optional(port.file('nifti')),
    mask: port.optional(port.file('nifti')),
    provenance: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { patient, warp, kind } = inputs;
    const read = await readPatient(inputs);
    if (typeof read === 'string') return ctx.skip(read);
    const { grid, steps } = read;
    const files: WrittenFile[] = [];
    const write = async (fileName: string, data: Float32Array): Promise<string> => {
      const path = ctx.outputFile(fileName);
      const { shape, headerBytes: template } = grid;
      await writeNifti(path, { shape, data: cToFortran(data, shape), template });
      files.push({ name: fileName, sha256: await sha256OfFile(path) });
      return path;
    };
    const written = new Map<string, string>();
    for (const [i, name] of inputs.names.entries()) {
      const own = name === 'mean' ? inputs.template : null;
      const map = await readMap((own ?? inputs.maps[i]!).path, mapFileName(name));
      const voxels = voxelMap(grid.affine, own === null ? steps : [], map.affine);
      const pull = { mapShape: map.shape, shape: grid.shape, voxels };
      if (kind === 'identity') requireOneWorld(map, grid, patient.reference);
      written.set(name, await write(mapFileName(name), pullMap({ ...pull, ...warp, map: map.data })));
      if (name === 'prob_threshold') {
        const mask = Float32Array.from(map.data, (share) => (share >= warp.mask_level ? 1 : 0));
        const nearest = { interpolation: 'nearest', modulate: false } as const;
        written.set('mask', await write(MASK_FILE, pullMap({ ...pull, ...nearest, map: mask })));
      }
      ctx.progress(i + 1, inputs.names.length);
    }
    const provenance = ctx.outputFile(PROVENANCE_FILE);
    await writeJson(provenance, { ...provenanceOf(inputs), files });
    return {
      mean: written.get('mean') ?? null,
      std: written.get('std') ?? null,
      std_error: written.get('std_error') ?? null,
      cov: written.get('cov') ?? null,
      prob_threshold: written.get('prob_threshold') ?? null,
      mask: written.get('mask') ?? null,
      provenance,
    };
  },
});

interface PatientInput {
  readonly patient: z.infer<typeof PatientFiles>;
  readonly reference: InputFile;
  readonly transforms: readonly InputFile[];
  readonly field: InputFile | null;
}

/** Grid and transform of a patient, or why there are none. */
async function readPatient({
  patient,
  reference,
  transforms,
  field,
}: PatientInput): Promise<{ grid: MapVolume; steps: SpatialStep[] } | string> {
  let shown = { path: reference.path, file: patient.reference };
  try {
    const grid = await readMap(reference.path, patient.reference);
    const steps: SpatialStep[] = [];
    for (const [i, transform] of transforms.entries()) {
      shown = { path: transform.path, file: patient.transforms[i]! };
      steps.push(await readTransformStep(shown.path, shown.file));
    }
    if (field !== null) steps.push(await readTransformStep(field.path, 'the predicted field'));
    return { grid, steps };
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    if (error.code === 'FILE_MISSING') return `missing: ${shown.file}`;
    if (!FILE_PROBLEMS.has(error.code)) throw error;
    return `unreadable: ${error.message.replaceAll(shown.path, shown.file)}`;
  }
}

function requireOneWorld(map: MapVolume, grid: MapVolume, reference: string): void {
  const why = worldDisagreement(map, grid);
  if (why === null) return;
  throw new ProcessingError('AFFINE_MISMATCH', oneWorldMessage(reference, why), {
    where: reference,
    cure: ONE_WORLD_CURE,
  });
}

/** Says that a grid cannot be in the world of the atlas. */
export function oneWorldMessage(reference: string, why: string): string {
  return `${reference} is not in the world space of the atlas: ${why}`;
}

export const ONE_WORLD_CURE =
  'give the transform from patient to atlas as atlas_to_patient.transform; a 4x4 identity matrix where they really agree';

function provenanceOf(
  inputs: PatientInput & {
    readonly kind: string;
    readonly names: readonly z.infer<typeof mapName>[];
    readonly maps: readonly InputFile[];
    readonly metadata: InputFile | null;
    readonly emission: Emission | null;
    readonly warp: z.infer<typeof WarpInput>;
  },
): Record<string, unknown> {
  const { patient, reference, transforms, field, maps, names, metadata } = inputs;
  return {
    schema_version: SCHEMA_VERSION,
    software_version: VERSION,
    workflow: 'atlas_to_patient',
    patient: patient.id,
    atlas: {
      maps: maps.map((map, i) => ({ name: mapFileName(names[i]!), sha256: map.digest })),
      metadata_sha256: metadata?.digest ?? null,
    },
    reference: { file: patient.reference, sha256: reference.digest },
    transform: {
      kind: inputs.kind,
      direction: 'patient world to atlas world, RAS mm, applied right to left',
      steps: transforms.map((step, i) => ({ file: patient.transforms[i], sha256: step.digest })),
      field_sha256: field?.digest ?? null,
    },
    ...inputs.warp,
    registration: inputs.emission,
  };
}
