import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { PipelineError } from '../../errors.js';
import { NORMALIZATION_METHODS } from '../../numerics/registration/normalization.js';
import { tractSimilarity } from '../../numerics/similarity/tract-similarity.js';
import { VERSION } from '../../version.js';
import { commonGrid } from './cohort-grid.js';
import { readMap } from './map-volume.js';
import { writeJson } from './result-files.js';
import { metricsOf, SIMILARITY_UNITS, SimilarityPair, SimilarityRow } from './similarity-row.js';
import { FILE_PROBLEMS, readSubjectVolume } from './subject-volume.js';

/** Version of the fields of `<pair>.json`. */
const SCHEMA_VERSION = 1;

/** Compares one map with the reference; a candidate that cannot be read is skipped with the reason. */
export const compareMaps = defineNode({
  name: 'compare_maps',
  version: 1,
  inputs: {
    pair: port.value(SimilarityPair),
    candidate: port.file('nifti'),
    /** Voxel files of the .hdr/.img pairs among the maps: read beside their headers, and part of the key. */
    voxels: port.list(port.file('any')),
    /** Only for the method waytotal. */
    waytotal: port.optional(port.file('text')),
    /** How the candidate becomes comparable with an atlas; null takes its values as they stand. */
    method: port.value(z.enum(NORMALIZATION_METHODS).nullable()),
    reference: port.file('nifti'),
    threshold: port.value(z.number()),
  },
  outputs: { similarity: port.file('json'), row: port.value(SimilarityRow) },
  resources: { cpus: 1, memoryGb: 0.5 },
  async run({ pair, candidate, waytotal, method, reference, threshold }, ctx) {
    const a = await readCandidate(pair, candidate.path, waytotal?.path ?? null, method);
    if (a.kind === 'skipped') return ctx.skip(a.reason);
    const b = await readMap(reference.path, pair.reference_file);
    commonGrid([
      { file: pair.reference_file, ...b },
      { file: pair.candidate_file, ...a },
    ]);
    const { shape, affine } = b;
    const metrics = metricsOf(tractSimilarity({ a: a.data, b: b.data, shape, affine, threshold }));
    const similarity = ctx.outputFile('similarity.json');
    await writeJson(similarity, {
      schema_version: SCHEMA_VERSION,
      software_version: VERSION,
      workflow: 'tract_similarity',
      pair: pair.pair,
      candidate: { name: pair.candidate, file: pair.candidate_file, sha256: candidate.digest },
      reference: { name: pair.reference, file: pair.reference_file, sha256: reference.digest },
      threshold,
      normalization: { method, constant: a.constant },
      shape,
      voxel_size_mm: b.voxelSizeMm,
      metrics,
      units: SIMILARITY_UNITS,
    });
    return { similarity, row: { ...pair, ...metrics } };
  },
});

async function readCandidate(
  pair: SimilarityPair,
  path: string,
  waytotal: string | null,
  method: (typeof NORMALIZATION_METHODS)[number] | null,
) {
  const file = pair.candidate_file;
  if (method !== null) {
    const subject = await readSubjectVolume({ id: pair.candidate, volume: path, waytotal, file, method });
    if (subject.kind === 'skipped') return subject;
    const { shape, affine, normalization_constant: constant } = subject.info;
    return { kind: 'usable' as const, data: subject.density, shape, affine, constant };
  }
  try {
    return { kind: 'usable' as const, ...(await readMap(path, file)), constant: 1 };
  } catch (error) {
    if (!(error instanceof PipelineError) || !FILE_PROBLEMS.has(error.code)) throw error;
    return { kind: 'skipped' as const, reason: `unreadable: ${error.message.replaceAll(path, file)}` };
  }
}
