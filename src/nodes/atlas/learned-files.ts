import { writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { cToFortran, writeNifti } from '../../io/index.js';
import { ATLAS_STATISTIC_NAMES, type AtlasStatisticName } from '../../numerics/registration/statistics.js';
import { settingsDigest } from '../../numerics/registration/checkpoint.js';
import type { AtlasModel } from '../../numerics/registration/model-file.js';
import {
  accumulatorFor,
  type AtlasStatisticsSettings,
} from '../../numerics/registration/statistics-settings.js';
import type { SkippedSubject } from './cohort-input.js';
import type { Emission } from './emission.js';
import { fieldFileName } from './field-file.js';
import { learnedMetadata } from './learned-metadata.js';
import { sha256OfFile, writeAtlasMaps, writeJson, type WrittenFile } from './result-files.js';
import type { SubjectInfo } from './subject-volume.js';
import type { TrainingRecord } from './training-record.js';

/** Names of the files of a learned atlas beside maps and fields. */
export const MODEL_FILE = 'learned_atlas_model.bin';
export const METADATA_FILE = 'learned_atlas_metadata.json';
export const DIAGNOSTICS_FILE = 'diagnostics.json';
export const EVALUATION_FILE = 'evaluation.json';
/** Directory of the templates of a mixture below the atlas directory. */
export const TEMPLATES_DIRECTORY = 'templates';

/** What is written of a trained atlas, and what only the metadata need. */
export const MapsInput = z.strictObject({
  emit_baseline_maps: z.array(z.enum(ATLAS_STATISTIC_NAMES)),
  instance_steps: z.int(),
  instance_full_steps: z.int(),
  training_space: z.string(),
  /** Volume of each subject that was trained on, and the wanted ones that too few subjects have. */
  relpath: z.string(),
  passed_over: z.array(z.string()),
  seed: z.int(),
  /** null when fields are not written. */
  field_space: z.string().nullable(),
});

export type MapsInput = z.infer<typeof MapsInput>;

/** A trained and emitted cohort. Lists are in discovery order, one entry per trained subject. */
export interface LearnedAtlasContent {
  /** As it was trained: the steps per subject and the training space are set here. */
  readonly trained: AtlasModel;
  readonly training: TrainingRecord;
  readonly infos: readonly SubjectInfo[];
  readonly emissions: readonly Emission[];
  /** Warped template of one subject, full grid, C order, normalised units. */
  readonly warped: (index: number) => Promise<ArrayLike<number>>;
  readonly skipped: readonly SkippedSubject[];
  readonly headerBytes: Uint8Array;
  readonly statistics: AtlasStatisticsSettings;
  readonly maps: MapsInput;
  readonly config: Readonly<Record<string, unknown>>;
  /** SHA-256 per written field; empty when fields are not written. */
  readonly fieldDigests: readonly string[];
  readonly diagnosticsDigest: string;
}

/**
 * Writes maps, model and metadata of a learned atlas (spec/learned_atlas.md 6).
 *
 * @param place - gives the path for a file name
 */
export async function writeLearnedAtlasFiles(
  content: LearnedAtlasContent,
  place: (name: string) => string,
): Promise<{
  maps: ReadonlyMap<AtlasStatisticName, string>;
  /** One per template where there are several. */
  templates: string[];
  model: string;
  metadata: string;
}> {
  const { encodeModelFile } = await import('../../numerics/registration/model-file.js');
  const { emitAtlasMean } = await import('../../numerics/registration/emit-mixture.js');
  const { trained, maps, config } = content;
  const { shape } = trained.metadata;
  const written = await writeAtlasMaps({
    // The template, not the mean of the warped population, which only the other maps describe.
    maps: { ...(await populationStatistics(content)), mean: emitAtlasMean(trained) },
    names: maps.emit_baseline_maps,
    shape,
    headerBytes: content.headerBytes,
    place,
  });
  const templates = await writeTemplates(content, place);
  const metadata = {
    ...trained.metadata,
    instance_steps: maps.instance_steps,
    instance_full_steps: maps.instance_full_steps,
    training_space: maps.training_space,
    config_digest: settingsDigest(config),
  };
  const model = place(MODEL_FILE);
  await writeFile(model, encodeModelFile({ ...trained, metadata }));
  const files = [
    ...written.map(({ file }) => file),
    ...templates.map(({ file }) => file),
    ...content.fieldDigests.map((sha256, i) => ({ name: fieldFileName(content.infos[i]!.id), sha256 })),
    { name: MODEL_FILE, sha256: await sha256OfFile(model) },
    { name: DIAGNOSTICS_FILE, sha256: content.diagnosticsDigest },
  ];
  const metadataPath = place(METADATA_FILE);
  await writeJson(metadataPath, learnedMetadata({ ...content, model: metadata, files }));
  return {
    maps: new Map(written.map(({ name, path }) => [name, path])),
    templates: templates.map(({ path }) => path),
    model,
    metadata: metadataPath,
  };
}

/** Name of one of several templates below the atlas directory; counted from 1. */
export function templateFileName(template: number): string {
  return `${TEMPLATES_DIRECTORY}/template-${template}_mean.nii.gz`;
}

/** Writes each of several templates; nothing with one. */
async function writeTemplates(
  { trained, headerBytes }: LearnedAtlasContent,
  place: (name: string) => string,
): Promise<{ path: string; file: WrittenFile }[]> {
  const { emitTemplates } = await import('../../numerics/registration/emit-mixture.js');
  const { shape } = trained.metadata;
  const templates = emitTemplates(trained);
  const written: { path: string; file: WrittenFile }[] = [];
  for (const [k, template] of templates.length === 1 ? [] : templates.entries()) {
    const name = templateFileName(k + 1);
    const path = place(name);
    await writeNifti(path, { shape, data: cToFortran(template, shape), template: headerBytes });
    written.push({ path, file: { name, sha256: await sha256OfFile(path) } });
  }
  return written;
}

async function populationStatistics(content: LearnedAtlasContent) {
  const { trained, infos, statistics } = content;
  const accumulator = accumulatorFor(trained.metadata.shape, statistics);
  for (const index of infos.keys()) accumulator.add(await content.warped(index));
  return accumulator.finish();
}
