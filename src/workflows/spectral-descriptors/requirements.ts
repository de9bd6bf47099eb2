import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { z } from 'zod';

import { ConfigError } from '../../errors.js';
import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { DESCRIPTORS } from '../../numerics/descriptors/registry.js';
import { bayesianProblems } from '../bayesian-step.js';
import type { SpectralDescriptorsConfig } from './config.js';
import {
  checkCovariates,
  damagedSurfaces,
  NAME,
  NAMED,
  parcellationProblems,
  problem,
  referenceProblems,
} from './input-checks.js';
import { groupColumn, inputRoot, readParticipants } from './participants.js';
import { findReferences } from './references.js';
import { chosenSurfaces, findSurfaces, surfacesLeftOut, volumesPassedOver } from './surfaces.js';

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
  if (config.degenerate_triangles === 'lapy' && config.operator !== 'cotangent') {
    problems.push(
      problem(
        'CONFIG_VALUE',
        `degenerate_triangles lapy does not apply to operator ${config.operator}: LaPy has the cotangent operator alone`,
        `set ${NAME}.operator to cotangent, or ${NAME}.degenerate_triangles to drop`,
      ),
    );
  }
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
    const all = await findSurfaces(inputDir, config.surfaces, table, null, config.segmentation);
    const volumes = volumesPassedOver(inputDir, config.surfaces, table, config.segmentation);
    const found = chosenSurfaces(all, participants, inputRoot(inputDir));
    if (found.length < config.min_surfaces) {
      const where = config.surfaces === null ? '' : ` that fit ${[config.surfaces].flat().join(', ')}`;
      problems.push(
        problem(
          'INPUT_MISSING',
          `${found.length} surfaces under ${inputDir}${where}, need at least ${config.min_surfaces}${volumes.length === 0 ? '' : `; passed over: ${listed(volumes)}`}`,
          volumes.length === 0
            ? 'give triangle meshes (.surf.gii, FreeSurfer surfaces, .ply, .obj, .stl, .vtk), point clouds (.ply, .npy) or segmentations, or check spectral_descriptors.surfaces'
            : config.segmentation === null
              ? 'for surfaces of labels of a segmentation, set spectral_descriptors.segmentation.labels, for example to 17'
              : `name the segmentations in spectral_descriptors.surfaces, for example "**/${basename(volumes[0]!)}"`,
        ),
      );
    }
    const leftOut = await surfacesLeftOut(inputDir, config.surfaces, table, participants);
    const isNamed = config.surfaces !== null || table?.surfaces != null;
    if (found.length >= config.min_surfaces && volumes.length > 0 && isNamed) {
      problems.push(volumesWarning(volumes));
    }
    if (leftOut.length > 0) problems.push(leftOutWarning(leftOut.map(({ path }) => basename(path))));
    readGivenScales(config, inputDir);
    if (config.alignment !== null && found.length > 0) {
      const references = await findReferences(config.alignment, found, all, inputDir);
      problems.push(...(await referenceProblems(config.alignment.reference, references, found)));
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

function listed(files: readonly string[]): string {
  return `${files.slice(0, NAMED).join(', ')}${files.length > NAMED ? ` and ${files.length - NAMED} more` : ''}`;
}

/** Volumes that are asked for, but without a label. */
function volumesWarning(volumes: readonly string[]): Problem {
  return {
    severity: 'warning',
    code: 'REQUIREMENT',
    message: `${NAME}: ${volumes.length === 1 ? '1 volume is' : `${volumes.length} volumes are`} passed over (${listed(volumes)}): which label the surface is of is not said`,
    cure: 'set spectral_descriptors.segmentation.labels, for example to 17',
  };
}

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
