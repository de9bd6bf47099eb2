import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { z } from 'zod';

import { ConfigError, ProcessingError } from '../../errors.js';
import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { readSurface } from '../../io/index.js';
import { nearest } from '../../nearest.js';
import { REGION_DISTANCES } from '../../nodes/spectral/region-distances.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { diagnoseMesh } from '../../numerics/mesh/diagnosis.js';
import { bayesianProblems } from '../bayesian-step.js';
import type { SpectralDescriptorsConfig } from './config.js';
import { chosenScheme, findParcellation } from './parcellations.js';
import { groupColumn, inputRoot, readParticipants, type Participants } from './participants.js';
import { findReferences, type Reference } from './references.js';
import { findSurfaces, surfacesLeftOut, type StudySurface } from './surfaces.js';

const NAME = 'spectral_descriptors';
const NO_REFERENCE = 'it compares surfaces with a reference, and none is named';

/** What stands in the way of a run. */
export async function surfaceProblems(
  config: SpectralDescriptorsConfig,
  { inputDir, participants }: WorkflowContext,
): Promise<Problem[]> {
  if (!existsSync(inputDir)) {
    return [problem('INPUT_MISSING', `the input directory ${inputDir} does not exist`, 'name it with -i')];
  }
  const problems: Problem[] = [];
  for (const id of config.descriptors) {
    const { unavailable } = DESCRIPTORS[id];
    if (unavailable !== null) {
      problems.push(
        problem(
          'CONFIG_VALUE',
          `${id} is not available: ${unavailable}`,
          `take it out of ${NAME}.descriptors`,
        ),
      );
    } else if (id === 'dwks' && config.alignment === null) {
      problems.push(
        problem(
          'CONFIG_VALUE',
          `${id} is not available: ${NO_REFERENCE}`,
          `set ${NAME}.alignment, for example to {reference: first}, or take it out of ${NAME}.descriptors`,
        ),
      );
    }
  }
  try {
    const table = await readParticipants(inputDir, config.participants_table);
    const column = groupColumn(table, config.group_column);
    checkCovariates(config.covariates, table, column);
    if (config.bayesian !== null)
      problems.push(...bayesianProblems(config.bayesian, table, `${NAME}.bayesian`));
    const found = await findSurfaces(inputDir, config.surfaces, table, participants);
    if (found.length < config.min_surfaces) {
      const where = config.surfaces === null ? '' : ` that fit ${[config.surfaces].flat().join(', ')}`;
      problems.push(
        problem(
          'INPUT_MISSING',
          `${found.length} surfaces under ${inputDir}${where}, need at least ${config.min_surfaces}`,
          'give triangle meshes (.surf.gii, FreeSurfer surfaces, .ply, .obj, .stl, .vtk), or check spectral_descriptors.surfaces',
        ),
      );
    }
    const leftOut = await surfacesLeftOut(inputDir, config.surfaces, table, participants);
    if (leftOut.length > 0) problems.push(leftOutWarning(leftOut.map(({ path }) => basename(path))));
    readGivenScales(config, inputDir);
    if (config.alignment !== null && found.length > 0) {
      const references = findReferences(config.alignment, found, inputDir);
      for (const path of referencePaths(references, found)) {
        const wrong = await unusable(path);
        if (wrong === null) continue;
        problems.push(
          problem(
            'CONFIG_VALUE',
            `the reference ${basename(path)} cannot be used: ${wrong}`,
            `name another one in ${NAME}.alignment.reference`,
          ),
        );
      }
    }
    if (config.parcellation !== null) {
      problems.push(...parcellationProblems(config, config.parcellation, found, inputDir));
    }
    problems.push(...(await damagedSurfaces(found)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(problem('CONFIG_VALUE', error.message, error.cure ?? 'see the message'));
  }
  return problems;
}

/** What makes a surface unusable; null: it can be read and has triangles. */
async function unusable(path: string): Promise<string | null> {
  try {
    const { vertices, faces } = await readSurface(path);
    const fatal = diagnoseMesh(vertices, faces).findings.filter(({ severity }) => severity === 'error');
    return fatal.length === 0 ? null : fatal.map(({ message }) => message).join('; ');
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    return error.message.replaceAll(path, basename(path));
  }
}

function referencePaths(
  references: ReadonlyMap<string, Reference>,
  found: readonly StudySurface[],
): string[] {
  const paths = [...references.values()].map((reference) =>
    reference.kind === 'file' ? reference.path : found.find(({ id }) => id === reference.id)!.path,
  );
  return [...new Set(paths)];
}

/** Files are read before a run as long as they have fewer bytes than this together: half a second. */
const READ_BEFORE_RUN = 16 * 2 ** 20;

/** A warning about the surfaces that will be skipped, as far as they are read before a run. */
async function damagedSurfaces(found: readonly StudySurface[]): Promise<Problem[]> {
  const damaged: string[] = [];
  let bytes = 0;
  let count = 0;
  for (const { path } of found) {
    bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > READ_BEFORE_RUN) break;
    count++;
    try {
      await readSurface(path);
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error;
      damaged.push(error.message.replaceAll(path, basename(path)));
    }
  }
  if (damaged.length === 0) return [];
  const more = damaged.length > NAMED ? `; and ${damaged.length - NAMED} more` : '';
  const of = count < found.length ? ` of the first ${count}` : '';
  return [
    {
      severity: 'warning',
      code: 'REQUIREMENT',
      message: `${NAME}: ${damaged.length} of ${found.length} surfaces${of} cannot be read and will be skipped (${damaged.slice(0, NAMED).join('; ')}${more})`,
      cure: 'create or copy these files again; the others are computed without them',
    },
  ];
}

function checkCovariates(
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
  for (const name of covariates) {
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
}

function parcellationProblems(
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

/** Names of files that a warning spells out. */
const NAMED = 3;

function leftOutWarning(files: readonly string[]): Problem {
  const names = [...new Set(files)];
  const rest = names.length > NAMED ? ' ...' : '';
  const which = `${names.slice(0, NAMED).join(', ')}${rest}`;
  const count = files.length === 1 ? '1 surface is' : `${files.length} surfaces are`;
  return {
    severity: 'warning',
    code: 'REQUIREMENT',
    message: `${NAME}: ${count} left out as spheres, inflated or flat by name (${which})`,
    cure: `nothing, if that is meant; to take them, name the surfaces in ${NAME}.surfaces, such as "**/${names[0]}"`,
  };
}

const ScalesFile = z.object({
  normalisation: z.enum(['area', 'none']),
  first_eigenvalue: z.number().gt(0),
  last_eigenvalue: z.number().gt(0),
});

/**
 * The range that the configuration gives, itself or as `scales.json` of an earlier study; null: of this cohort.
 *
 * @throws ConfigError CONFIG_VALUE when the file is missing, is no such file, or has another normalisation
 */
export function readGivenScales(
  { scales, normalisation }: SpectralDescriptorsConfig,
  inputDir: string,
): { first_eigenvalue: number; last_eigenvalue: number } | null {
  if (scales === 'cohort') return null;
  if (typeof scales !== 'string') return scales;
  const path = resolve(inputRoot(inputDir), scales);
  const refuse = (what: string): never => {
    throw new ConfigError('CONFIG_VALUE', `scales: ${path} ${what}`, {
      where: 'spectral_descriptors.scales',
      cure: 'name the scales.json of an earlier run of this workflow, or set it to cohort',
    });
  };
  if (!existsSync(path)) return refuse('does not exist');
  const parsed = ScalesFile.safeParse(jsonOf(path));
  if (!parsed.success) return refuse('is no file of scales');
  if (parsed.data.normalisation !== normalisation) {
    return refuse(`is of normalisation ${parsed.data.normalisation}, this run of ${normalisation}`);
  }
  const { first_eigenvalue, last_eigenvalue } = parsed.data;
  return { first_eigenvalue, last_eigenvalue };
}

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function problem(code: 'INPUT_MISSING' | 'CONFIG_VALUE', message: string, cure: string): Problem {
  return { severity: 'error', code, message: `${NAME}: ${message}`, cure };
}
