import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { ConfigError, ProcessingError } from '../../errors.js';
import { readError, readSurface } from '../../io/index.js';
import { ANALYSIS_OBJECTIVES, type AnalysisObjective } from '../../numerics/descriptors/eligibility.js';
import { recommendDescriptor, type Recommendation } from '../../numerics/descriptors/recommend.js';
import { DESCRIPTOR_IDS } from '../../numerics/descriptors/registry.js';

export interface RecommendRequest {
  /** A triangle mesh of any format. */
  readonly surface: string;
  readonly objective: AnalysisObjective;
  readonly surrogates: number;
  readonly noise: number;
  readonly k: number;
  readonly seed: number;
  /** JSON with a list of descriptors per objective, which takes the place of ours. */
  readonly eligibility: string | null;
  readonly onProgress: (done: number, total: number) => void;
}

const members = z.array(z.enum(DESCRIPTOR_IDS)).min(1);
const EligibilityFile = z.strictObject(
  Object.fromEntries(ANALYSIS_OBJECTIVES.map((objective) => [objective, members.optional()])),
);

/**
 * The verb `recommend`: which descriptors see a change of this surface.
 *
 * @throws ConfigError CONFIG_VALUE for a file of members that is not one; ProcessingError where the mesh cannot be read or solved
 */
export async function recommendForSurface(request: RecommendRequest): Promise<Recommendation[]> {
  const { vertices, faces } = await readSurface(request.surface);
  if (faces.length === 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${request.surface} is a point cloud: descriptors are tried on deformed triangles`,
      { where: request.surface, cure: 'give a triangle mesh of the same structure' },
    );
  }
  const { objective, surrogates, noise, k, seed, onProgress } = request;
  const eligibility = request.eligibility === null ? {} : await readEligibility(request.eligibility);
  return recommendDescriptor(vertices, faces, {
    objective,
    surrogates,
    noise,
    k,
    seed,
    eligibility,
    onProgress,
  });
}

async function readEligibility(path: string): Promise<z.output<typeof EligibilityFile>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(error, path);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw refused(path, 'it is not JSON', cause);
  }
  const parsed = EligibilityFile.safeParse(content);
  if (parsed.success) return parsed.data;
  throw refused(path, z.prettifyError(parsed.error).replaceAll(/\s+/g, ' '), parsed.error);
}

function refused(path: string, what: string, cause: unknown): ConfigError {
  return new ConfigError('CONFIG_VALUE', `${path}: ${what}`, {
    where: '--eligibility',
    cure: `give {"objective": ["descriptor", ...]} with objectives ${ANALYSIS_OBJECTIVES.join(', ')}`,
    cause,
  });
}
