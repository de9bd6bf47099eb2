import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';

import { commonGrid } from '../../nodes/atlas/cohort-grid.js';
import { emissionOf, foldWarning, type Emission } from '../../nodes/atlas/emission.js';
import { evaluationOf, evaluationSummary, type Evaluation } from '../../nodes/atlas/evaluation.js';
import { fieldFileName, FIELDS_DIRECTORY, writeField } from '../../nodes/atlas/field-file.js';
import {
  DIAGNOSTICS_FILE,
  EVALUATION_FILE,
  METADATA_FILE,
  MODEL_FILE,
  templateFileName,
  TEMPLATES_DIRECTORY,
  writeLearnedAtlasFiles,
  type LearnedAtlasContent,
} from '../../nodes/atlas/learned-files.js';
import { mapFileName, sha256OfFile, writeJson } from '../../nodes/atlas/result-files.js';
import type { SubjectInfo } from '../../nodes/atlas/subject-volume.js';
import { trainingRecord, unusedTemplates, unusedWarning } from '../../nodes/atlas/training-record.js';
import { trainingSettings } from '../../nodes/atlas/training-settings.js';
import { phase0GoNoGo } from '../../numerics/registration/diagnostics.js';
import type { FoldPolicy } from '../../numerics/registration/emit.js';
import type { AtlasModel } from '../../numerics/registration/model-file.js';
import { VERSION } from '../../version.js';
import { atlasStatisticsOf } from '../atlas/config.js';
import { makeDirectory, writeTogether } from '../atlas/write-together.js';
import { loadCohort, type LoadedCohort } from './library-cohort.js';
import { libraryConfig, type LearnedAtlasBlocks, type TrainLearnedAtlasOptions } from './library-options.js';
import { mapsInput, recordedConfig, trainingInput } from './node-inputs.js';

/**
 * Trains a learned atlas of a cohort in this process, without cache and workers, and writes what the workflow
 * `learned_atlas` writes. Files appear together at the end; a failed training leaves none. Affine and header come from
 * the first volume of the cohort. Importing this loads no tensor code; tensors are freed before it returns or throws.
 *
 * @returns absolute paths: maps in the order of ATLAS_STATISTIC_NAMES, fields in subject order, the metadata file last
 * @throws ConfigError CONFIG_VALUE for settings that are not allowed
 * @throws ProcessingError for a cohort that is empty, too small or uneven, and for a training that fails
 * @throws DependencyError BACKEND_MISSING or DTYPE when the device cannot do what is asked
 * @see spec/learned_atlas.md 5 and 6.4
 */
export async function trainLearnedAtlas(options: TrainLearnedAtlasOptions): Promise<string[]> {
  const config = libraryConfig(options);
  const atlasDir = resolve(options.atlasDir);
  let returned: string[] = [];
  await writeTogether(atlasDir, async (temporary) => {
    const names = await trainInto(temporary, config, options);
    returned = names.returned;
    return names.all;
  });
  return returned.map((name) => join(atlasDir, name));
}

/** What the steps of one training share. */
interface Job {
  readonly directory: string;
  readonly config: LearnedAtlasBlocks;
  readonly options: TrainLearnedAtlasOptions;
  readonly cohort: LoadedCohort;
  readonly grid: SubjectInfo;
  readonly threads: number;
  readonly foldPolicy: FoldPolicy;
}

/** Everything but the move into place; names of the files that were written, and of those that the caller hears of. */
async function trainInto(
  directory: string,
  config: LearnedAtlasBlocks,
  options: TrainLearnedAtlasOptions,
): Promise<{ all: string[]; returned: string[] }> {
  const learned = config.learned_atlas;
  const cohort = await loadCohort(config, options.inputDir, (message) => options.onWarning?.(message));
  const infos = cohort.subjects.map(({ info }) => info);
  const job: Job = {
    directory,
    config,
    options,
    cohort,
    grid: commonGrid(infos),
    threads: options.threads ?? availableParallelism(),
    foldPolicy: learned.fold_policy,
  };
  const { trainAtlasModel } = await import('../../numerics/registration/train-atlas-model.js');
  const { model, trained } = await trainAtlasModel({
    ...trainingOptions(job),
    normalizationMethod: config.atlas.normalization_method,
    trainingSpace: learned.training_space,
    softwareVersion: VERSION,
  });
  const emitted = await emitAll(model, job);
  if (learned.model.n_templates > 1) await makeDirectory(join(directory, TEMPLATES_DIRECTORY));
  const diagnostics = join(directory, DIAGNOSTICS_FILE);
  const stack = { volumes: cohort.subjects.map(({ density }) => density), shape: job.grid.shape };
  await writeJson(diagnostics, phase0GoNoGo(stack, { voxelSizeMm: job.grid.voxel_size_mm }));
  await writeLearnedAtlasFiles(
    {
      ...emitted,
      trained: model,
      training: trainingRecord(trained),
      infos,
      skipped: cohort.skipped,
      headerBytes: cohort.subjects[0]!.headerBytes,
      statistics: atlasStatisticsOf(config.atlas),
      maps: mapsInput(learned, cohort.chosen),
      config: recordedConfig(config),
      diagnosticsDigest: await sha256OfFile(diagnostics),
    },
    (name) => join(directory, name),
  );
  const unused = unusedWarning(unusedTemplates(trained));
  if (unused !== null) options.onWarning?.(unused);
  const { n_templates: count } = learned.model;
  const templates = Array.from({ length: count === 1 ? 0 : count }, (_, k) => templateFileName(k + 1));
  const maps = learned.emit_baseline_maps.map(mapFileName);
  const fields = learned.save_fields ? infos.map(({ id }) => fieldFileName(id)) : [];
  const returned = [...maps, ...fields, METADATA_FILE];
  const evaluation = learned.evaluate === 'loo' ? [await evaluateAll(job)] : [];
  return { all: [...returned, ...templates, MODEL_FILE, DIAGNOSTICS_FILE, ...evaluation], returned };
}

function trainingOptions({ config, options, cohort, grid, threads }: Job) {
  const learned = config.learned_atlas;
  const { signal, onEpoch, onWarning } = options;
  return {
    ids: cohort.subjects.map(({ info }) => info.id),
    volumes: cohort.subjects.map(({ density }) => density),
    shape: grid.shape,
    affine: grid.affine,
    settings: trainingSettings(trainingInput(config), learned.optimizer),
    crop: learned.crop_to_support,
    margin: learned.crop_margin,
    instanceSteps: learned.instance_steps,
    instanceFullSteps: learned.instance_full_steps,
    device: learned.device,
    threads,
    checkpointDir: null,
    memoryLimitMb: learned.memory_limit_mb,
    signal,
    onEpoch,
    onWarning,
  };
}

/** Registers every subject; writes fields where they are wanted. */
async function emitAll(
  model: AtlasModel,
  { directory, config, options, cohort, grid, threads, foldPolicy }: Job,
): Promise<Pick<LearnedAtlasContent, 'emissions' | 'warped' | 'fieldDigests'>> {
  const { emitAtlasSubject } = await import('../../numerics/registration/emit-mixture.js');
  const { device, verify_jacobian, save_fields, field_space: space } = config.learned_atlas;
  const { shape, affine } = grid;
  const headerBytes = cohort.subjects[0]!.headerBytes;
  if (save_fields) await makeDirectory(join(directory, FIELDS_DIRECTORY));
  const warped: Float32Array[] = [];
  const emissions: Emission[] = [];
  const fieldDigests: string[] = [];
  for (const { info, density: volume } of cohort.subjects) {
    const { signal } = options;
    const emitted = await emitAtlasSubject({
      model,
      id: info.id,
      volume,
      foldPolicy,
      device,
      threads,
      signal,
    });
    const emission = emissionOf(emitted, verify_jacobian);
    const folds = foldWarning(emission);
    if (folds !== null) options.onWarning?.(folds);
    emissions.push(emission);
    warped.push(emitted.warped);
    if (!save_fields) continue;
    const path = join(directory, fieldFileName(info.id));
    await writeField(path, emitted.displacement, { shape, affine, headerBytes, space });
    fieldDigests.push(await sha256OfFile(path));
  }
  return { emissions, warped: (index) => Promise.resolve(warped[index]!), fieldDigests };
}

/** Leaves every subject out in turn. */
async function evaluateAll(job: Job): Promise<string> {
  const { evaluateSubject } = await import('../../numerics/registration/evaluate.js');
  const { group_by: groupBy, optimizer } = job.config.learned_atlas;
  const evaluations: Evaluation[] = [];
  for (const { info } of job.cohort.subjects) {
    const { foldPolicy } = job;
    const result = await evaluateSubject({ ...trainingOptions(job), id: info.id, groupBy, foldPolicy });
    evaluations.push(evaluationOf(result));
  }
  const summary = { evaluations, notEvaluated: job.cohort.skipped, mode: optimizer.mode, groupBy };
  await writeJson(join(job.directory, EVALUATION_FILE), evaluationSummary(summary));
  return EVALUATION_FILE;
}
