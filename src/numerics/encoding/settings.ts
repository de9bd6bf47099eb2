import { z } from 'zod';

import { nearest } from '../../nearest.js';

/** Models that are fitted from files, and their own parameters in order. */
export const MODEL_PARAMETERS = {
  linear: [],
  linear_baseline: ['baseline'],
  linear_baseline_hrf: ['baseline'],
  gaussian1d: ['mu', 'sd', 'amplitude', 'baseline'],
  gaussian1d_hrf: ['mu', 'sd', 'amplitude', 'baseline'],
  log_gaussian: ['mu', 'sd', 'amplitude', 'baseline'],
  log_gaussian_mode: ['mode', 'fwhm', 'amplitude', 'baseline'],
  gaussian2d: ['x', 'y', 'sd', 'baseline', 'amplitude'],
  gaussian2d_hrf: ['x', 'y', 'sd', 'baseline', 'amplitude'],
  dog2d: ['x', 'y', 'sd', 'baseline', 'amplitude', 'srf_amplitude', 'srf_size'],
  dog2d_hrf: ['x', 'y', 'sd', 'baseline', 'amplitude', 'srf_amplitude', 'srf_size'],
} as const;

export type ModelName = keyof typeof MODEL_PARAMETERS;

export const MODEL_NAMES = Object.keys(MODEL_PARAMETERS) as [ModelName, ...ModelName[]];

/** Models that exist in code and are not fitted from files yet. */
const LATER_MODELS = [
  'von_mises',
  'alpha_gaussian',
  'point_gaussian2d',
  'gaussian_mixture2d',
  'gaussian2d_angle',
  'divisive_norm2d',
  'css2d',
] as const;

export type StimulusKind = 'features' | 'points' | 'images';

export function isLinear(model: ModelName): boolean {
  return model.startsWith('linear');
}

export function hasHrf(model: ModelName): boolean {
  return model.endsWith('_hrf');
}

/** What a model looks at: columns with weights, a value per time point, or images. */
export function stimulusOf(model: ModelName): StimulusKind {
  if (isLinear(model)) return 'features';
  return model.includes('2d') ? 'images' : 'points';
}

/** Names of the parameters of a model in order, with those of an HRF of its own. */
export function parameterNames(settings: {
  readonly model: ModelName;
  readonly flexible_hrf: boolean;
}): readonly string[] {
  const own: readonly string[] = MODEL_PARAMETERS[settings.model];
  return settings.flexible_hrf ? [...own, 'hrf_delay', 'hrf_dispersion'] : own;
}

const range = z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, {
  error: 'the first must be below the second',
});

export const HrfSettings = z
  .strictObject({
    delay: z.number().positive().default(6).describe('Peak of the response, s'),
    undershoot: z.number().positive().default(16).describe('Undershoot, s'),
    dispersion: z.number().positive().default(1).describe('Width of the response'),
    undershoot_dispersion: z.number().positive().default(1).describe('Width of the undershoot'),
    ratio: z.number().min(0).default(0.167).describe('Undershoot as a share of the response'),
    onset: z.number().default(0).describe('Start of the response, s'),
    time_length: z.number().positive().default(32).describe('Length of the kernel, s'),
    delay_bounds: range.default([3, 7]).describe('Lowest and highest delay with flexible_hrf, s'),
    dispersion_bounds: range.default([0.3, 2]).describe('Lowest and highest dispersion with flexible_hrf'),
    normalize: z
      .enum(['sum', 'integral'])
      .default('sum')
      .describe('exact: the sum of the kernel is 1, or its sum times tr'),
  })
  .describe('Double-gamma haemodynamic response');

export const AdamSettings = z
  .strictObject({
    min_iterations: z.int().min(1).default(100).describe('Iterations before an early stop'),
    learning_rate: z.number().positive().default(0.01).describe('Step size'),
    r2_atol: z
      .number()
      .min(0)
      .default(1e-6)
      .describe('Stops when the mean r2 rises by less over `lag` iterations'),
    lag: z.int().min(1).default(100).describe('Iterations to look back'),
    noise_model: z
      .enum(['ssq', 'gaussian'])
      .default('ssq')
      .describe('gaussian: voxels are weighted by their noise; matters with shared parameters'),
    shared: z
      .array(z.string())
      .default([])
      .describe('Parameters with one value for all voxels of a recording'),
  })
  .describe('The solver adam: the original, for comparison');

const fields = {
  model: z
    .enum([...MODEL_NAMES, ...LATER_MODELS])
    .default('gaussian2d_hrf')
    .describe(`What is fitted: ${MODEL_NAMES.join(', ')}`),
  flexible_hrf: z
    .boolean()
    .default(false)
    .describe(
      'Delay and dispersion of the HRF per voxel: two more parameters; models with _hrf and a receptive field',
    ),
  tr: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Repetition time, s; null: from the header of NIfTI or GIfTI data'),
  hrf_mode: z
    .enum(['exact', 'compat'])
    .default('exact')
    .describe('exact: kernel at the repetition times, sum 1; compat: the numbers of the original'),
  hrf: HrfSettings.prefault({}),
  hrf_oversampling: z
    .int()
    .min(1)
    .default(1)
    .describe('Steps within a repetition time; only 1 is available yet'),
  rf_norm: z
    .enum(['peer', 'volume', 'peak'])
    .default('peer')
    .describe(
      'Height of a 2-D field: pixel area / (sd sqrt(2 pi)) as in the original, unit volume, or 1; scales amplitude only',
    ),
  solver: z
    .enum(['exact', 'adam'])
    .default('exact')
    .describe('exact: the least-squares optimum; adam: gradient descent of the original, for comparison'),
  device: z
    .string()
    .regex(/^(cpu|webgpu|cuda(:[0-9]+)?)$/, { error: 'must be cpu, webgpu, cuda or cuda:<index>' })
    .default('cpu')
    .describe(
      'adam: where grid (correlation) and iterations of gaussian2d and gaussian2d_hrf are computed, cpu, webgpu, cuda or cuda:<index>; a card computes in float32',
    ),
  positive_amplitude: z.boolean().default(false).describe('Responses below the baseline are not allowed'),
  n_starts: z
    .int()
    .min(1)
    .max(1000)
    .default(8)
    .describe('exact: starts per voxel, from the correlation grid'),
  max_iterations: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Iterations at most; null: 100 per start (exact), 1000 (adam)'),
  bounds: z
    .record(z.string(), range)
    .default({})
    .describe('exact: ranges of parameters by name, in their units; others have those of the model'),
  grid: z
    .record(z.string(), z.array(z.number()).min(1))
    .nullable()
    .default(null)
    .describe(
      'Values of each shape parameter to try first, by name; null: the grid of the model. exact: its best point is one more start',
    ),
  grid_cost: z
    .enum(['correlation', 'ssq'])
    .default('correlation')
    .describe(
      'Of the grid: correlation (amplitude and baseline free), or squared residuals (grid needs both)',
    ),
  fixed: z
    .record(z.string(), z.number())
    .default({})
    .describe('Parameters that stay at a value for all voxels; needs grid with the exact solver'),
  adam: AdamSettings.prefault({}),
  alpha: z
    .number()
    .min(0)
    .default(0)
    .describe('Ridge penalty of the linear models, not scaled by the number of time points; 0: minimum norm'),
  alpha_selection: z
    .enum(['none', 'gcv', 'loo'])
    .default('none')
    .describe('Choice of alpha per voxel; only none is available yet'),
  standard_errors: z
    .boolean()
    .default(false)
    .describe('Standard errors of parameters; only false is available yet'),
};

const Shape = z.strictObject(fields);
type Values = z.infer<typeof Shape>;

interface Report {
  (path: readonly string[], message: string, cure: string, isLater?: boolean): void;
}

/** Rules that join several keys, and what later versions bring. */
export function checkEncodingSettings(values: Values, context: z.RefinementCtx<Values>): void {
  const report: Report = (path, message, cure, isLater = false) => {
    context.addIssue({
      code: 'custom',
      path: [...path],
      message,
      params: { cure, ...(isLater && { code: 'NOT_AVAILABLE_YET' }) },
    });
  };
  const model = MODEL_NAMES.find((name) => name === values.model);
  if (values.hrf_oversampling !== 1) {
    report(['hrf_oversampling'], 'oversampling of the HRF is not available yet', 'leave it at 1', true);
  }
  if (values.alpha_selection !== 'none') {
    report(['alpha_selection'], 'choosing alpha per voxel is not available yet', 'set alpha yourself', true);
  }
  if (values.standard_errors) {
    report(['standard_errors'], 'standard errors are not available yet', 'leave it at false', true);
  }
  if (model === undefined) {
    const cure = `use one of ${MODEL_NAMES.join(', ')}, or fit it in code (docs/encoding-models.md)`;
    report(['model'], `the model ${values.model} is not available in this workflow yet`, cure, true);
    return;
  }
  checkDevice(model, values, report);
  if (isLinear(model)) checkLinear(model, values, report);
  else checkFields(model, values, report);
}

/** What a graphics card has programs for. */
function checkDevice(model: ModelName, values: Values, report: Report): void {
  const { device, solver, flexible_hrf: flexible, grid_cost: cost } = values;
  if (device === 'cpu') return;
  const reason =
    !['gaussian2d', 'gaussian2d_hrf'].includes(model) || flexible
      ? `${model}${flexible ? ' with an HRF per voxel' : ''} is fitted on the processor only`
      : solver !== 'adam'
        ? 'the exact solver computes on the processor only'
        : cost !== 'correlation'
          ? 'a grid by squared residuals is computed on the processor only'
          : null;
  if (reason !== null) report(['device'], reason, 'set device to cpu');
}

function checkLinear(model: ModelName, values: Values, report: Report): void {
  if (values.flexible_hrf) {
    report(['flexible_hrf'], `${model} has no HRF per voxel`, 'set it to false, or choose gaussian2d_hrf');
  }
  if (values.grid !== null) report(['grid'], `${model} has no grid: its weights are solved`, 'take it away');
  for (const key of ['bounds', 'fixed'] as const) {
    const [name] = Object.keys(values[key]);
    if (name !== undefined) report([key, name], `${model} has no parameter to search for`, 'take it away');
  }
  if (values.solver === 'adam') report(['solver'], `${model} is solved in closed form`, 'set it to exact');
  if (values.positive_amplitude) {
    report(['positive_amplitude'], `${model} has weights and no amplitude`, 'set it to false');
  }
}

function checkFields(model: ModelName, values: Values, report: Report): void {
  const names = parameterNames({ model, flexible_hrf: values.flexible_hrf });
  if (values.flexible_hrf && !hasHrf(model)) {
    report(['flexible_hrf'], `${model} has no HRF`, `choose ${model}_hrf, or set it to false`);
  }
  if (values.alpha !== 0)
    report(['alpha'], `${model} has no ridge weights`, 'take alpha away, or choose linear');
  const check = (path: readonly string[], name: string): boolean => {
    if (names.includes(name)) return true;
    const near = nearest(name, names);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    report(path, `${model} has no parameter ${name}${hint}`, `use ${names.join(', ')}`);
    return false;
  };
  for (const key of ['bounds', 'fixed', 'grid'] as const) {
    for (const name of Object.keys(values[key] ?? {})) check([key, name], name);
  }
  checkGrid(names, values, report);
  values.adam.shared.forEach((name) => check(['adam', 'shared'], name));
  if (values.solver === 'exact' && values.adam.shared.length > 0) {
    report(['adam', 'shared'], 'the exact solver has no shared parameters yet', 'set solver to adam', true);
  }
  if (values.solver === 'adam' && Object.keys(values.bounds).length > 0) {
    report(['bounds'], 'the adam solver knows no bounds', 'take them away, or set solver to exact');
  }
}

function checkGrid(names: readonly string[], values: Values, report: Report): void {
  const { grid, fixed } = values;
  const both = Object.keys(fixed).find((name) => grid !== null && name in grid);
  if (both !== undefined) report(['grid', both], `${both} is fixed`, 'name it in one of the two');
  if (Object.keys(fixed).length > 0 && grid === null && values.solver === 'exact') {
    report(
      ['fixed'],
      'fixed parameters need a grid to start from',
      'give grid for the other shape parameters',
    );
  }
  const needed =
    grid === null
      ? []
      : names.filter((name) => values.grid_cost === 'ssq' || !['amplitude', 'baseline'].includes(name));
  const absent = needed.filter((name) => !(name in grid!) && !(name in fixed));
  if (absent.length > 0) {
    report(['grid'], `the grid has no values for ${absent.join(', ')}`, 'give at least one value for each');
  }
  if (grid === null && values.grid_cost === 'ssq') {
    report(
      ['grid_cost'],
      'squared residuals need a grid with amplitude and baseline',
      'give grid, or use correlation',
    );
  }
}

/** The keys of the settings, for schemas that extend them and add `checkEncodingSettings`. */
export const ENCODING_FIELDS = fields;

/** Everything that decides what a fit gives; snake_case, as in configurations. */
export const EncodingSettings = Shape.superRefine(checkEncodingSettings);
export type EncodingSettings = Values & { readonly model: ModelName };
