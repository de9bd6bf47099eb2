import type { AtlasStatistics } from '../../numerics/registration/statistics.js';
import { ATLAS_STATISTIC_NAMES, type AtlasStatisticName } from '../../numerics/registration/statistics.js';
import type { AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';
import { VERSION } from '../../version.js';
import type { SkippedSubject } from './cohort-input.js';
import { writeAtlasMaps, writeJson } from './result-files.js';
import type { SubjectInfo } from './subject-volume.js';

/** Version of the fields of atlas_metadata.json. */
const SCHEMA_VERSION = 1;

/** Name of the metadata of an averaging atlas. */
export const ATLAS_METADATA_FILE = 'atlas_metadata.json';

/** What is written of an averaged cohort. */
export interface AverageContent {
  readonly maps: AtlasStatistics;
  /** In discovery order; the first gives grid and header. */
  readonly infos: readonly [SubjectInfo, ...SubjectInfo[]];
  readonly headerBytes: Uint8Array;
  readonly skipped: readonly SkippedSubject[];
  readonly statistics: AtlasStatisticsSettings;
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Writes the five maps and the metadata of an averaging atlas (spec/learned_atlas.md 2).
 *
 * @param place - gives the path for a file name
 */
export async function writeAverageFiles(
  content: AverageContent,
  place: (name: string) => string,
): Promise<Record<AtlasStatisticName | 'metadata', string>> {
  const { infos, statistics } = content;
  const [grid] = infos;
  const written = await writeAtlasMaps({
    maps: content.maps,
    names: ATLAS_STATISTIC_NAMES,
    shape: grid.shape,
    headerBytes: content.headerBytes,
    place,
  });
  const metadata = place(ATLAS_METADATA_FILE);
  await writeJson(metadata, {
    schema_version: SCHEMA_VERSION,
    software_version: VERSION,
    workflow: 'atlas',
    config: content.config,
    n_subjects: infos.length,
    subjects: infos.map((info) => ({
      id: info.id,
      file: info.file,
      waytotal: info.waytotal,
      normalization_constant: info.normalization_constant,
    })),
    skipped: content.skipped,
    normalization_method: statistics.normalization_method,
    shape: grid.shape,
    affine: grid.affine,
    voxel_size_mm: grid.voxel_size_mm,
    files: written.map(({ file }) => file),
  });
  const paths = Object.fromEntries(written.map(({ name, path }) => [name, path]));
  return { ...(paths as Record<AtlasStatisticName, string>), metadata };
}
