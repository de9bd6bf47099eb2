import { readdirSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';

import { discoverSubjects } from '../../io/index.js';
import type { WorkflowContext } from '../../engine/registry.js';
import type { SimilarityPair } from '../../nodes/atlas/similarity-row.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import { isDirectory, openAtlasDirectory, type AtlasDirectory } from '../atlas/atlas-directory.js';
import { cohortMembers } from '../atlas/cohort.js';
import type { AtlasConfig } from '../atlas/config.js';
import type { TractSimilarityConfig } from './config.js';

/** The two blocks that a comparison reads. */
export interface SimilarityConfig {
  readonly atlas: AtlasConfig;
  readonly tract_similarity: TractSimilarityConfig;
}

/** One map to compare with the reference. */
export interface Candidate {
  readonly pair: SimilarityPair;
  readonly volume: string;
  /** Path of the waytotal where the normalisation needs one. */
  readonly waytotal: string | null;
}

/** What is compared with what. */
export interface Comparison {
  readonly kind: 'cohort' | 'maps';
  /** Path of the reference map, which need not exist. */
  readonly reference: string;
  /** The atlas that the reference belongs to, or null. */
  readonly atlas: AtlasDirectory | null;
  readonly candidates: readonly Candidate[];
  /** null: values as they stand. */
  readonly method: NormalizationMethod | null;
}

const NIFTI_NAME = /\.(nii(\.gz)?|hdr)$/i;

/** The file name of a map without its extension. */
export function mapStem(path: string): string {
  return basename(path).replace(NIFTI_NAME, '');
}

/**
 * Finds reference and candidates; reads no volume.
 *
 * @param given - `tract_similarity.reference`, not null
 * @throws ProcessingError, ConfigError as `cohortMembers`
 */
export function findComparison(
  config: SimilarityConfig,
  given: string,
  context: WorkflowContext,
): Comparison {
  const { atlas: atlasConfig, tract_similarity: similarity } = config;
  const path = resolve(given);
  const atlas = isDirectory(path) ? openAtlasDirectory(path) : null;
  const reference = atlas?.maps.get('mean') ?? path;
  const root = context.inputDir;
  const pattern = atlasConfig.subject_pattern;
  const isCohort =
    similarity.candidates === 'cohort' ||
    (similarity.candidates === 'auto' && discoverSubjects(root, { pattern }).length > 0);
  const { normalization_method: method, tractography_relpath: relpath } = atlasConfig;
  const found = isCohort
    ? cohortMembers({ root, pattern, relpath, participants: context.participants })
    : mapsIn(root, similarity.map_pattern).map((volume) => ({ id: mapStem(volume), volume, waytotal: null }));
  const candidates = found
    .filter(({ volume }) => resolve(volume) !== reference)
    .map(({ id, volume, waytotal }) => ({
      pair: {
        pair: `${id}_vs_${mapStem(reference)}`,
        candidate: id,
        reference: mapStem(reference),
        candidate_file: relative(root, volume).split(sep).join('/'),
        reference_file: basename(reference),
      },
      volume,
      waytotal: method === 'waytotal' ? waytotal : null,
    }));
  return {
    kind: isCohort ? 'cohort' : 'maps',
    reference,
    atlas,
    candidates,
    method: isCohort ? method : null,
  };
}

function mapsIn(root: string, pattern: string): string[] {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const wanted = new RegExp(`^${escaped.join('.*')}$`);
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && NIFTI_NAME.test(entry.name) && !entry.name.startsWith('.'))
    .filter(({ name }) => wanted.test(name) || wanted.test(mapStem(name)))
    .map(({ name }) => join(root, name))
    .sort();
}
