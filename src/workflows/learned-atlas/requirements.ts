import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { discoverSubjects } from '../../io/index.js';
import { nearest } from '../../nearest.js';
import { gpuProblem } from '../../numerics/devices.js';
import { paddedShape } from '../../numerics/registration/grid.js';
import {
  estimateTrainingMemoryMb,
  MEMORY_LIMIT_CURE,
  memoryLimitMessage,
} from '../../numerics/registration/memory-estimate.js';
import { settingsWarnings } from '../../numerics/registration/settings.js';
import {
  geometryProblems,
  inspectCohort,
  rootProblem,
  shownPath,
  skippedProblem,
  tooFewProblem,
  waytotalProblems,
  type CohortInspection,
} from '../atlas/cohort-check.js';
import { chosenSubjects, cohortMembers } from '../atlas/cohort.js';
import type { AtlasConfig } from '../atlas/config.js';
import type { LearnedAtlasConfig } from './config.js';
import { trainingRelpath } from './training-volumes.js';

const NAME = 'learned_atlas';

interface Config {
  readonly atlas: AtlasConfig;
  readonly learned_atlas: LearnedAtlasConfig;
}

/**
 * What stands in the way of a learned atlas, from headers and waytotal files alone, in the order of
 * spec/learned_atlas.md 8.
 *
 * @throws ProcessingError, ConfigError for a cohort directory whose subjects cannot be told apart
 */
export async function learnedAtlasProblems(config: Config, context: WorkflowContext): Promise<Problem[]> {
  const { learned_atlas: learned, atlas } = config;
  if (!learned.enabled) return [disabledProblem()];
  const root = context.inputDir;
  const noRoot = rootProblem(NAME, root);
  const backend = await backendProblems(learned);
  const space = learned.training_space === 'affine_native' ? [nativeSpaceProblem()] : [];
  if (noRoot !== null) return [noRoot, ...backend, ...space];

  const { participants } = context;
  const pattern = atlas.subject_pattern;
  const subjects = chosenSubjects({ root, pattern, participants });
  const chosen = trainingRelpath(config, subjects);
  if (chosen === null) return [...backend, missingRelpathProblem(), ...space, ...settingProblems(config)];
  const { relpath } = chosen;
  const inspection = inspectCohort(cohortMembers({ root, pattern, participants, relpath }));
  const minSubjects = learned.min_subjects;
  const tooFew = tooFewProblem({ workflow: NAME, root, relpath, minSubjects, inspection });
  const few = tooFew ?? skippedProblem(NAME, inspection);
  return [
    ...backend,
    ...(few === null ? [] : [few]),
    ...space,
    ...chosen.passedOver.map((entry) => fallbackProblem(entry, relpath, root)),
    ...geometryProblems(NAME, inspection),
    ...waytotalProblems(NAME, atlas.normalization_method, inspection),
    ...memoryProblems(config, inspection),
    ...cohortSizeProblems(learned, inspection),
    ...groupProblems(learned, discoverSubjects(root, { pattern })),
    ...settingProblems(config),
  ];
}

/** A misspelt subject would be trained on where it should be left out, and the evaluation would flatter. */
function groupProblems(
  { evaluate, group_by: groups }: LearnedAtlasConfig,
  subjects: readonly { readonly id: string }[],
): Problem[] {
  if (evaluate !== 'loo' || groups === null) return [];
  const known = subjects.map(({ id }) => id);
  return Object.keys(groups)
    .filter((id) => !known.includes(id))
    .map((id) => {
      const near = nearest(id, known);
      return {
        severity: 'error',
        code: 'CONFIG_VALUE',
        message: `${NAME}.group_by names ${id}, which is no subject of the cohort`,
        cure: near === null ? `take it out of ${NAME}.group_by` : `did you mean ${near}?`,
      };
    });
}

function disabledProblem(): Problem {
  return {
    severity: 'warning',
    code: 'DISABLED',
    message: `${NAME}: disabled by ${NAME}.enabled: false; no node is built`,
    cure: `set ${NAME}.enabled to true`,
  };
}

async function backendProblems({ device, dtype }: LearnedAtlasConfig): Promise<Problem[]> {
  const problems: Problem[] = [];
  const missing = ['auto', 'cpu'].includes(device) ? null : await gpuProblem(device);
  if (missing !== null) {
    problems.push({
      severity: 'error',
      code: 'DEVICE',
      message: `${NAME}: ${missing.message}`,
      cure: missing.cure ?? `set ${NAME}.device to cpu`,
    });
  }
  if (dtype !== 'float32') {
    problems.push({
      severity: 'error',
      code: 'DTYPE',
      message: `${NAME}: dtype '${dtype}' is not available here (available: float32)`,
      cure: `set ${NAME}.dtype to float32`,
    });
  }
  return problems;
}

function missingRelpathProblem(): Problem {
  return {
    severity: 'error',
    code: 'CONFIG_VALUE',
    message: `${NAME}.affine_native_relpath is required when training_space='affine_native'`,
    cure: `set ${NAME}.affine_native_relpath, for example to affine_native/fdt_paths.nii.gz`,
  };
}

function nativeSpaceProblem(): Problem {
  return {
    severity: 'warning',
    code: 'NOT_TEMPLATE_SPACE',
    message:
      `${NAME}: training_space='affine_native': the maps are not in template space and must not feed ` +
      'atlas_to_patient jobs',
    cure: `set ${NAME}.training_space to template_native for maps in template space`,
  };
}

function fallbackProblem(passedOver: string, relpath: string, root: string): Problem {
  return {
    severity: 'warning',
    code: 'REQUIREMENT',
    message: `${NAME}: too few subjects under ${shownPath(root)} have ${passedOver}; ${relpath} is used for all`,
    cure: `add the missing volumes, or remove the entry from ${NAME}.affine_native_relpath`,
  };
}

/**
 * The memory estimate on the full grid. The crop is not known before the volumes are read; with it the training itself
 * compares before it starts.
 */
function memoryProblems(
  { atlas, learned_atlas: learned }: Config,
  { readable }: CohortInspection,
): Problem[] {
  const { memory_limit_mb: limit, crop_to_support: crops, model, loss, optimizer } = learned;
  const [x, y, z] = readable[0]?.header.shape ?? [];
  if (limit === null || crops || x === undefined || y === undefined || z === undefined) return [];
  const densityInLog = atlas.normalization_method === 'log';
  const estimate = estimateTrainingMemoryMb(
    paddedShape([x, y, z], model.enc_features.length),
    readable.length,
    { model, loss, optimizer, densityInLog },
  );
  if (estimate <= limit) return [];
  const message = `${NAME}: ${memoryLimitMessage(estimate, limit)}`;
  return [{ severity: 'error', code: 'MEMORY_LIMIT', message, cure: MEMORY_LIMIT_CURE }];
}

/** Settings that the number of subjects or their grid rules out. */
function cohortSizeProblems(learned: LearnedAtlasConfig, { readable }: CohortInspection): Problem[] {
  const problem = (message: string, cure: string): Problem => ({
    severity: 'error',
    code: 'REQUIREMENT',
    message: `${NAME}: ${message}`,
    cure,
  });
  const { batch_size: batchSize } = learned.optimizer;
  const { ncc_window: window } = learned.loss;
  const problems: Problem[] = [];
  if (batchSize > readable.length && readable.length > 0) {
    problems.push(
      problem(
        `optimizer.batch_size ${batchSize} exceeds the ${readable.length} subject(s)`,
        `set ${NAME}.optimizer.batch_size to at most ${readable.length}`,
      ),
    );
  }
  const { n_templates: templates } = learned.model;
  if (templates > 1 && readable.length > 0 && templates > readable.length) {
    problems.push(
      problem(
        `model.n_templates ${templates} exceeds the ${readable.length} subject(s)`,
        `set ${NAME}.model.n_templates to at most ${readable.length}`,
      ),
    );
  } else if (templates > 1 && 3 * templates > readable.length) {
    const few = problem(
      `model.n_templates ${templates} leaves fewer than three of the ${readable.length} subjects for a template`,
      'use fewer templates or more subjects',
    );
    problems.push({ ...few, severity: 'warning' });
  }
  if (templates > 1 && learned.optimizer.augmentation > 0) {
    problems.push(
      problem(
        'several templates are trained without optimizer.augmentation',
        `set ${NAME}.optimizer.augmentation to 0, or ${NAME}.model.n_templates to 1`,
      ),
    );
  }
  const shape = readable[0]?.header.shape ?? [];
  if (shape.length === 3 && Math.min(...shape) < window) {
    problems.push(
      problem(
        `loss.ncc_window ${window} is larger than an axis of the grid ${shape.join('x')}`,
        `set ${NAME}.loss.ncc_window to a smaller odd number`,
      ),
    );
  }
  const groups = new Map<string, number>();
  for (const { id } of readable) {
    const group = learned.group_by?.[id] ?? id;
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  if (learned.evaluate === 'loo' && readable.length > 0 && groups.size < 2) {
    problems.push(
      problem(
        'evaluate: loo needs at least two groups of subjects, group_by leaves one',
        `correct ${NAME}.group_by, or set ${NAME}.evaluate to none`,
      ),
    );
  }
  const smallest = Math.min(...[...groups.values()].map((size) => readable.length - size));
  const isBatch = batchSize <= readable.length;
  if (learned.evaluate === 'loo' && groups.size > 1 && isBatch && batchSize > smallest) {
    problems.push(
      problem(
        `evaluate: loo trains on as few as ${smallest} subject(s), fewer than optimizer.batch_size ${batchSize}`,
        `set ${NAME}.optimizer.batch_size to at most ${smallest}`,
      ),
    );
  }
  return problems;
}

function settingProblems({ atlas, learned_atlas: { model, loss, optimizer } }: Config): Problem[] {
  const densityInLog = atlas.normalization_method === 'log';
  const settings = { model, loss, optimizer, densityInLog };
  return settingsWarnings(settings).map(({ key, message }) => ({
    severity: 'warning',
    code: 'CONFIG_VALUE',
    message: `${NAME}.${key}: ${message}`,
    cure: 'use the default unless this is meant',
  }));
}
