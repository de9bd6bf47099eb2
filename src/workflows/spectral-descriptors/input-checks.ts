/** What can be said of surfaces, regions and references before a run. */
import { existsSync, statSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';

import { ConfigError, ProcessingError, StorageError } from '../../errors.js';
import type { Problem } from '../../engine/requirements.js';
import { readLabelVolume, readSurface } from '../../io/index.js';
import { nearest } from '../../nearest.js';
import { REGION_DISTANCES } from '../../nodes/spectral/region-distances.js';
import { columnOfCovariate, covariatesOfTable } from '../../nodes/spectral/study-groups.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { diagnoseMesh } from '../../numerics/mesh/diagnosis.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { chosenScheme, findParcellation } from './parcellations.js';
import { inputRoot, type Participants } from './participants.js';
import type { Reference } from './references.js';
import type { StudySurface } from './surfaces.js';

/** The workflow, as messages call it. */
export const NAME = 'spectral_descriptors';

/** Names of files that a warning spells out. */
export const NAMED = 3;

/** What makes a surface unusable as a reference; null: it can be read and has triangles, or the labels it is drawn around. */
export async function unusable({
  path,
  labels,
}: Pick<StudySurface, 'path' | 'labels'>): Promise<string | null> {
  try {
    if (labels !== null) {
      const there = await labelsOf(path);
      return labels.some((label) => there.has(label))
        ? null
        : `no voxel of ${basename(path)} has the label ${labels.join(' or ')}`;
    }
    const { vertices, faces } = await readSurface(path);
    if (faces.length === 0 && vertices.length > 0) {
      return `${basename(path)} is a point cloud, without triangles`;
    }
    const fatal = diagnoseMesh(vertices, faces).findings.filter(({ severity }) => severity === 'error');
    return fatal.length === 0 ? null : fatal.map(({ message }) => message).join('; ');
  } catch (error) {
    if (!(error instanceof ProcessingError || error instanceof StorageError)) throw error;
    return error.message.replaceAll(path, basename(path));
  }
}

const knownLabels = new Map<string, { readonly version: string; readonly labels: ReadonlySet<number> }>();

/**
 * Labels of a volume. They are kept as long as the file stays as it is: every structure asks for them, and unpacking a volume
 * takes seconds.
 *
 * @throws ProcessingError, StorageError as `readLabelVolume`
 */
export async function labelsOf(path: string): Promise<ReadonlySet<number>> {
  const stat = statSync(path, { throwIfNoEntry: false });
  const version = stat === undefined ? '' : [stat.dev, stat.ino, stat.size, stat.mtimeMs].join();
  const known = knownLabels.get(path);
  if (known?.version === version) return known.labels;
  const labels = new Set((await readLabelVolume(path)).data);
  knownLabels.set(path, { version, labels });
  return labels;
}

/** Surfaces that others are aligned to, each once. */
function referenceFiles(
  references: ReadonlyMap<string, Reference>,
  found: readonly StudySurface[],
): Pick<StudySurface, 'path' | 'labels'>[] {
  const files = [...references.values()].map((reference) =>
    reference.kind === 'file' ? reference : found.find(({ id }) => id === reference.id)!,
  );
  return [...new Map(files.map((file) => [`${file.path}:${file.labels?.join(',')}`, file])).values()];
}

/**
 * What is wrong with the surfaces that others are aligned to. Of `first` it is the first that can be used, so that one is wrong
 * only where none of its structure is usable; without any in the input nothing could be aligned.
 */
export async function referenceProblems(
  reference: NonNullable<SpectralDescriptorsConfig['alignment']>['reference'],
  references: ReadonlyMap<string, Reference>,
  found: readonly StudySurface[],
): Promise<Problem[]> {
  const files = referenceFiles(references, found);
  const wrong: { readonly name: string; readonly why: string }[] = [];
  for (const file of files) {
    const why = await unusable(file);
    if (why !== null) wrong.push({ name: basename(file.path), why });
  }
  if (reference !== 'first') {
    return wrong.map(({ name, why }) =>
      problem(
        'CONFIG_VALUE',
        `the reference ${name} cannot be used: ${why}`,
        `name another one in ${NAME}.alignment.reference`,
      ),
    );
  }
  if (wrong.length === 0 || wrong.length < files.length) return [];
  return [
    problem(
      'CONFIG_VALUE',
      `no surface of the input can be aligned to (${wrong
        .slice(0, NAMED)
        .map(({ why }) => why)
        .join('; ')})`,
      `give surfaces with triangles, or set ${NAME}.alignment to null`,
    ),
  ];
}

/** Files are read before a run as long as they have fewer bytes than this together: half a second. */
const READ_BEFORE_RUN = 16 * 2 ** 20;

/** A warning about the surfaces that will be skipped, as far as they are read before a run. */
export async function damagedSurfaces(found: readonly StudySurface[]): Promise<Problem[]> {
  const damaged: string[] = [];
  let bytes = 0;
  let count = 0;
  // Volumes are large once they are unpacked: the node that draws the surface says what is wrong.
  const files = found.filter(({ labels }) => labels === null);
  for (const { path } of files) {
    bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > READ_BEFORE_RUN) break;
    count++;
    try {
      await readSurface(path);
    } catch (error) {
      if (!(error instanceof ProcessingError || error instanceof StorageError)) throw error;
      damaged.push(error.message.replaceAll(path, basename(path)));
    }
  }
  if (damaged.length === 0) return [];
  const more = damaged.length > NAMED ? `; and ${damaged.length - NAMED} more` : '';
  const which =
    count < files.length
      ? `the first ${count} of ${files.length} files of surfaces`
      : `${files.length} ${files.length === found.length ? 'surfaces' : 'files of surfaces'}`;
  return [
    {
      severity: 'warning',
      code: 'REQUIREMENT',
      message: `${NAME}: ${damaged.length} of ${which} cannot be read and will be skipped (${damaged.slice(0, NAMED).join('; ')}${more})`,
      cure: 'create or copy these files again; the others are computed without them',
    },
  ];
}

/**
 * Columns that are held fixed are there, beside one of groups, and are numbers or categories.
 *
 * @throws ConfigError CONFIG_VALUE
 */
export function checkCovariates(
  covariates: readonly string[],
  table: Participants | null,
  column: string | null,
): void {
  if (covariates.length === 0) return;
  const where = `${NAME}.covariates`;
  if (table === null || column === null) {
    throw new ConfigError('CONFIG_VALUE', 'covariates are given, but no groups are compared', {
      where,
      cure: 'put participants.tsv with a column of groups into the input, or take the covariates out',
    });
  }
  for (const name of covariates.map(columnOfCovariate)) {
    if (table.columns.includes(name) && name !== column) continue;
    const near = nearest(name, table.columns);
    throw new ConfigError(
      'CONFIG_VALUE',
      name === column
        ? `covariates: ${name} is the column of the groups itself`
        : `${table.path} has no column ${name}${near === null ? '' : `; did you mean ${near}?`}`,
      { where, cure: `choose from ${table.columns.filter((other) => other !== column).join(', ')}` },
    );
  }
  covariatesOfTable(table, covariates);
}

/** What is wrong with the regions that the configuration asks for, and which surfaces have none. */
export function parcellationProblems(
  { descriptors }: SpectralDescriptorsConfig,
  parcellation: NonNullable<SpectralDescriptorsConfig['parcellation']>,
  found: readonly StudySurface[],
  inputDir: string,
): Problem[] {
  const problems: Problem[] = [];
  const ofVertices = descriptors.filter((id) => DESCRIPTORS[id].domain === 'vertex');
  const known = [...REGION_DISTANCES, 'shapedna', ...ofVertices];
  for (const by of parcellation.connectomes) {
    if (known.includes(by)) continue;
    problems.push(
      problem(
        'CONFIG_VALUE',
        `parcellation.connectomes: ${by} is no distance and no descriptor of vertices in ${NAME}.descriptors`,
        `choose from ${known.join(', ')}`,
      ),
    );
  }
  const scheme = chosenScheme(parcellation);
  const { lookup, files } = parcellation;
  if (lookup !== null && !existsSync(resolve(inputRoot(inputDir), lookup))) {
    problems.push(
      problem(
        'CONFIG_VALUE',
        `parcellation.lookup: ${lookup} does not exist`,
        'give a path relative to the input',
      ),
    );
  }
  const without = found.filter((surface) => !findParcellation(surface, inputDir, scheme, files).isThere);
  if (without.length === 0) return problems;
  const [first] = without;
  const looked = findParcellation(first!, inputDir, scheme, files).files[0]!;
  const names = without.slice(0, NAMED).map(({ name }) => name);
  const message = `parcellation: ${without.length} of ${found.length} surfaces have no file of regions (${names.join(', ')}${without.length > NAMED ? ' ...' : ''}); looked for ${relative(inputRoot(inputDir), looked)}`;
  if (without.length === found.length) {
    problems.push(problem('INPUT_MISSING', message, `check ${NAME}.parcellation.files`));
  } else {
    problems.push({
      severity: 'warning',
      code: 'REQUIREMENT',
      message: `${NAME}: ${message}`,
      cure: 'nothing, if that is meant: they are computed without regions',
    });
  }
  return problems;
}

/** Something that stands in the way of a run. */
export function problem(code: 'INPUT_MISSING' | 'CONFIG_VALUE', message: string, cure: string): Problem {
  return { severity: 'error', code, message: `${NAME}: ${message}`, cure };
}
