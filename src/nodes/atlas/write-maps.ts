import { readFile } from 'node:fs/promises';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { ProcessingError } from '../../errors.js';
import { readNpy } from '../../io/index.js';
import { AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';
import { ConfigRecord, DroppedSubject, skippedSubjects } from './cohort-input.js';
import { Emission } from './emission.js';
import { MapsInput, writeLearnedAtlasFiles } from './learned-files.js';
import { SubjectInfo } from './subject-volume.js';
import { TrainingRecord } from './training-record.js';

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
    /** One per template where there are several. */
    templates: port.list(port.file('nifti')),
    model: port.file('learned-atlas-model'),
    metadata: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { decodeModelFile } = await import('../../numerics/registration/model-file.js');
    const trained = decodeModelFile(await readFile(inputs.model.path), inputs.model.path);
    const ids = trained.metadata.subjects;
    const position = emittedPositions(ids, inputs.emissions);
    const infoOf = new Map(inputs.infos.map((info) => [info.id, info]));
    const written = await writeLearnedAtlasFiles(
      {
        trained,
        training: TrainingRecord.parse(JSON.parse(await readFile(inputs.training.path, 'utf8'))),
        infos: ids.map((id) => infoOf.get(id)!),
        emissions: position.map((at) => inputs.emissions[at]!),
        warped: async (index) => (await readNpy(inputs.warped[position[index]!]!.path)).data,
        skipped: skippedSubjects(inputs.dropped),
        headerBytes: await readFile(inputs.header.path),
        statistics: inputs.statistics,
        maps: inputs.maps,
        config: inputs.config,
        fieldDigests: inputs.fields.length === 0 ? [] : position.map((at) => inputs.fields[at]!.digest),
        diagnosticsDigest: inputs.diagnostics.digest,
      },
      (name) => ctx.outputFile(name),
    );
    return {
      mean: written.maps.get('mean')!,
      std: written.maps.get('std') ?? null,
      std_error: written.maps.get('std_error') ?? null,
      cov: written.maps.get('cov') ?? null,
      prob_threshold: written.maps.get('prob_threshold') ?? null,
      templates: written.templates,
      model: written.model,
      metadata: written.metadata,
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
