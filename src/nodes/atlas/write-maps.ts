import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { ProcessingError } from '../../errors.js';
import { readNpy } from '../../io/index.js';
import {
  AtlasAccumulator,
  ATLAS_STATISTIC_NAMES,
  type AtlasStatisticName,
} from '../../numerics/registration/statistics.js';
import { AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';
import { ConfigRecord, DroppedSubject, skippedSubjects } from './cohort-input.js';
import { Emission } from './emission.js';
import { fieldFileName } from './field-file.js';
import { configDigest, learnedMetadata } from './learned-metadata.js';
import { sha256OfFile, writeAtlasMaps, writeJson } from './result-files.js';
import { SubjectInfo } from './subject-volume.js';
import { TrainingRecord } from './training-record.js';

/** What is written of a trained atlas, and what only the metadata need. */
export const MapsInput = z.strictObject({
  emit_baseline_maps: z.array(z.enum(ATLAS_STATISTIC_NAMES)),
  instance_steps: z.int(),
  training_space: z.string(),
  seed: z.int(),
  /** null when fields are not written. */
  field_space: z.string().nullable(),
});

/** The maps of the learned atlas: the template, and statistics of the warped population; model and metadata. */
export const writeMaps = defineNode({
  name: 'write_maps',
  version: 1,
  inputs: {
    infos: port.list(port.value(SubjectInfo)),
    emissions: port.list(port.value(Emission)),
    warped: port.list(port.file('npy')),
    /** One per subject, or empty. */
    fields: port.list(port.file('nifti')),
    dropped: port.list(port.value(DroppedSubject)),
    model: port.file('learned-atlas-model'),
    training: port.file('json'),
    header: port.file('nifti-header'),
    diagnostics: port.file('json'),
    statistics: port.value(AtlasStatisticsSettings),
    maps: port.value(MapsInput),
    config: port.value(ConfigRecord),
  },
  outputs: {
    mean: port.file('nifti'),
    std: port.optional(port.file('nifti')),
    std_error: port.optional(port.file('nifti')),
    cov: port.optional(port.file('nifti')),
    prob_threshold: port.optional(port.file('nifti')),
    model: port.file('learned-atlas-model'),
    metadata: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { decodeModelFile, encodeModelFile } = await import('../../numerics/registration/model-file.js');
    const { emitTemplate } = await import('../../numerics/registration/emit.js');
    const { maps, statistics, config } = inputs;
    const trained = decodeModelFile(await readFile(inputs.model.path), inputs.model.path);
    const { shape, subjects: ids } = trained.metadata;
    const model = {
      ...trained,
      metadata: {
        ...trained.metadata,
        instance_steps: maps.instance_steps,
        training_space: maps.training_space,
        config_digest: configDigest(config),
      },
    };
    const position = emittedPositions(ids, inputs.emissions);
    const accumulator = new AtlasAccumulator(shape[0] * shape[1] * shape[2], {
      ddof: statistics.ddof,
      presenceValue: statistics.presence_value,
      covMeanThresholdPct: statistics.cov_mean_threshold_pct,
    });
    for (const at of position) accumulator.add((await readNpy(inputs.warped[at]!.path)).data);
    const written = await writeAtlasMaps({
      maps: { ...accumulator.finish(), mean: emitTemplate(trained) },
      names: maps.emit_baseline_maps,
      shape,
      headerBytes: await readFile(inputs.header.path),
      place: (name) => ctx.outputFile(name),
    });
    const modelPath = ctx.outputFile('learned_atlas_model.bin');
    await writeFile(modelPath, encodeModelFile(model));
    const fields = maps.field_space === null ? [] : position.map((at) => inputs.fields[at]!);
    const metadata = ctx.outputFile('learned_atlas_metadata.json');
    const infoOf = new Map(inputs.infos.map((info) => [info.id, info]));
    await writeJson(
      metadata,
      learnedMetadata({
        model: model.metadata,
        training: TrainingRecord.parse(JSON.parse(await readFile(inputs.training.path, 'utf8'))),
        infos: ids.map((id) => infoOf.get(id)!),
        emissions: position.map((at) => inputs.emissions[at]!),
        skipped: skippedSubjects(inputs.dropped),
        config,
        seed: maps.seed,
        fieldSpace: maps.field_space,
        files: [
          ...written.map(({ file }) => file),
          ...fields.map(({ digest }, i) => ({ name: fieldFileName(ids[i]!), sha256: digest })),
          { name: 'learned_atlas_model.bin', sha256: await sha256OfFile(modelPath) },
          { name: 'diagnostics.json', sha256: inputs.diagnostics.digest },
        ],
      }),
    );
    const paths = new Map<AtlasStatisticName, string>(written.map(({ name, path }) => [name, path]));
    return {
      mean: paths.get('mean')!,
      std: paths.get('std') ?? null,
      std_error: paths.get('std_error') ?? null,
      cov: paths.get('cov') ?? null,
      prob_threshold: paths.get('prob_threshold') ?? null,
      model: modelPath,
      metadata,
    };
  },
});

/** Where each trained subject stands in the joined lists; the population of the maps must be the trained one. */
function emittedPositions(ids: readonly string[], emissions: readonly Emission[]): number[] {
  const positions = ids.map((id) => emissions.findIndex((emission) => emission.id === id));
  const missing = ids.filter((_, i) => positions[i] === -1);
  if (missing.length === 0) return positions;
  throw new ProcessingError(
    'UPSTREAM',
    `the template was trained on ${missing.join(', ')}, but no field could be emitted for them`,
    { cure: 'look at the errors of emit_subject, or leave these subjects out with --participants' },
  );
}
