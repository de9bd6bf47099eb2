import { existsSync, readFileSync } from 'node:fs';

import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { PipelineError } from '../../errors.js';
import { readNiftiHeader, type NiftiHeader } from '../../io/index.js';
import { ONE_WORLD_CURE, oneWorldMessage } from '../../nodes/atlas/warp-atlas.js';
import { gpuProblem } from '../../numerics/devices.js';
import { decodeModelFile, type ModelMetadata } from '../../numerics/registration/model-file.js';
import {
  NORMALIZATION_METHODS,
  type NormalizationMethod,
} from '../../numerics/registration/normalization.js';
import { worldDisagreement } from '../../numerics/resample/index.js';
import { openAtlasDirectory, type AtlasDirectory } from '../atlas/atlas-directory.js';
import {
  inspectCohort,
  rootProblem,
  shownPath,
  skippedProblem,
  waytotalProblems,
} from '../atlas/cohort-check.js';
import { cohortMembers } from '../atlas/cohort.js';
import { gridMismatch } from '../../nodes/atlas/cohort-grid.js';
import { findPatients, transformKind, type Patient, type PatientConfig } from './patients.js';

const NAME = 'atlas_to_patient';

function problem(code: Problem['code'], message: string, cure: string): Problem {
  return { severity: 'error', code, message: `${NAME}: ${message}`, cure };
}

/**
 * What stands in the way of bringing an atlas to patients, from headers and metadata alone.
 *
 * @throws ProcessingError, ConfigError for an input directory whose patients cannot be told apart
 */
export async function patientProblems(config: PatientConfig, context: WorkflowContext): Promise<Problem[]> {
  const { atlas_dir: given } = config.atlas_to_patient;
  const noRoot = rootProblem(NAME, context.inputDir);
  const root = noRoot === null ? [] : [noRoot];
  if (given === null) return [...root, noAtlasGiven()];
  const atlas = openAtlasDirectory(given);
  if (atlas === null) {
    const message = `${shownPath(given)} holds no atlas_mean.nii.gz`;
    const cure = `name the directory that the workflow atlas or learned_atlas wrote in ${NAME}.atlas_dir`;
    return [...root, problem('INPUT_MISSING', message, cure)];
  }
  const ofAtlas = atlasProblems(config, atlas);
  if (noRoot !== null) return [noRoot, ...ofAtlas];
  const patients = findPatients(config, context);
  if (patients.length === 0) {
    const message = `no patient under ${shownPath(context.inputDir)}`;
    return [...ofAtlas, problem('INPUT_MISSING', message, 'check -i and atlas.subject_pattern')];
  }
  const registration =
    transformKind(config.atlas_to_patient) === 'register' && atlas.model !== null
      ? await registrationProblems(config, context, atlas.model)
      : [];
  return [...ofAtlas, ...fileProblems(config, atlas, patients), ...registration];
}

function noAtlasGiven(): Problem {
  const message = `${NAME}.atlas_dir is required: the directory of the atlas`;
  return { severity: 'error', code: 'CONFIG_VALUE', message, cure: `add --set ${NAME}.atlas_dir=PATH` };
}

function atlasProblems({ atlas_to_patient: own }: PatientConfig, atlas: AtlasDirectory): Problem[] {
  const place = shownPath(atlas.directory);
  const problems: Problem[] = [];
  if (atlas.trainingSpace === 'affine_native' && !own.allow_native) {
    problems.push(
      problem(
        'NOT_TEMPLATE_SPACE',
        `the atlas in ${place} was trained on affine_native volumes and is not in template space`,
        `use an atlas of template_native volumes, or set ${NAME}.allow_native to true if the transforms fit it`,
      ),
    );
  }
  if (atlas.metadata === null) {
    const message = `no metadata in ${place}: nothing says that the atlas is in template space`;
    const cure = 'copy the metadata file of the atlas beside its maps';
    problems.push({ ...problem('REQUIREMENT', message, cure), severity: 'warning' });
  }
  if (!atlas.maps.has('prob_threshold')) {
    const message = `no atlas_prob_threshold.nii.gz in ${place}: no mask is written`;
    const cure = 'write that map with the atlas (emit_baseline_maps)';
    problems.push({ ...problem('REQUIREMENT', message, cure), severity: 'warning' });
  }
  if (transformKind(own) === 'register' && atlas.model === null) {
    const message = `transform: register needs learned_atlas_model.bin, which is not in ${place}`;
    problems.push(problem('INPUT_MISSING', message, 'use a learned atlas, or give a transform'));
  }
  return problems;
}

/** Patients without their files, and references that cannot be in the world of the atlas. */
function fileProblems(config: PatientConfig, atlas: AtlasDirectory, patients: readonly Patient[]): Problem[] {
  const members = patients.map(({ id, reference }) => ({ id, volume: reference, waytotal: '' }));
  const { readable, skipped } = inspectCohort(members);
  const lacking = patients
    .filter(({ id }) => readable.some((member) => member.id === id))
    .flatMap(({ id, transforms }) => {
      const missing = transforms.find((path) => !existsSync(path));
      return missing === undefined ? [] : [{ id, reason: `no transform ${shownPath(missing)}` }];
    });
  const usable = readable.filter(({ id }) => !lacking.some((one) => one.id === id));
  const few = skippedProblem(NAME, { readable: usable, skipped: [...skipped, ...lacking] });
  const told = few === null ? [] : [usable.length > 0 ? few : { ...few, severity: 'error' as const }];
  if (transformKind(config.atlas_to_patient) !== 'identity') return told;
  const own = readNiftiHeader(atlas.maps.get('mean')!);
  const apart = usable.flatMap(({ volume, header }): Problem[] => {
    const why = worldDisagreement(worldGrid(own), worldGrid(header));
    if (why === null) return [];
    return [problem('COHORT_MISMATCH', oneWorldMessage(shownPath(volume), why), ONE_WORLD_CURE)];
  });
  return [...told, ...apart];
}

function worldGrid({ shape, affine }: NiftiHeader) {
  return { shape: [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1] as const, affine };
}

/** What a registration needs of the patients' own tract volumes, and of the device. */
async function registrationProblems(
  { atlas, atlas_to_patient: own }: PatientConfig,
  { inputDir: root, participants }: WorkflowContext,
  modelPath: string,
): Promise<Problem[]> {
  const read = readModel(modelPath);
  if (read instanceof PipelineError) {
    const message = `the model of the atlas cannot be read: ${read.message} (${shownPath(modelPath)})`;
    return [problem('REQUIREMENT', message, read.cure ?? 'train the atlas anew')];
  }
  const { subject_pattern: pattern, tractography_relpath: relpath } = atlas;
  const inspection = inspectCohort(cohortMembers({ root, pattern, participants, relpath }));
  const few = skippedProblem(NAME, inspection);
  const { shape, affine } = read;
  const grids = inspection.readable.flatMap(({ volume, header }): Problem[] => {
    const one = { file: shownPath(volume), shape: header.shape, affine: header.affine };
    const mismatch = gridMismatch(one, { file: 'the atlas', shape, affine });
    if (mismatch === null) return [];
    const cure = `bring the tract volumes to the grid of the atlas, or give ${NAME}.transform`;
    return [problem('COHORT_MISMATCH', mismatch, cure)];
  });
  const missing = ['auto', 'cpu'].includes(own.device) ? null : await gpuProblem(own.device);
  return [
    ...(missing === null ? [] : [problem('DEVICE', missing.message, missing.cure ?? '')]),
    ...(few === null ? [] : [inspection.readable.length > 0 ? few : { ...few, severity: 'error' as const }]),
    ...grids,
    ...waytotalProblems(NAME, modelMethod(read), inspection),
  ];
}

function readModel(path: string): ModelMetadata | PipelineError {
  try {
    return decodeModelFile(readFileSync(path), path).metadata;
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
}

/** How the densities were normalised that a model was trained on. */
export function modelMethod(model: Pick<ModelMetadata, 'normalization_method'>): NormalizationMethod {
  return NORMALIZATION_METHODS.find((method) => method === model.normalization_method) ?? 'none';
}

/** Metadata of a model that requirement checks have read before. */
export function modelOf(path: string): ModelMetadata {
  return decodeModelFile(readFileSync(path), path).metadata;
}
