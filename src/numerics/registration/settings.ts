import { z } from 'zod';

/** Number of squarings of the velocity integration, spec default. */
export const DEFAULT_INT_STEPS = 7;

/** Offset `o` of the normalised log density, in train units, spec default. */
export const DEFAULT_LOG_OFFSET = 0.001;

/** Determinant below which the Jacobian hinge starts to push; the spec fixes it, no key changes it. */
export const JACOBIAN_MARGIN = 0.1;

const weight = z.number().min(0);
const features = z.int().min(1).max(256);
const learningRate = z.number().gt(0).max(1);

/** Shape of the network and of the deformation it yields (`learned_atlas.model`). */
export const ModelSettings = z
  .strictObject({
    channels: z
      .literal(1, {
        error:
          'only 1 is possible: subjects have one tract map each, and no consumer reads a template of several channels',
      })
      .default(1)
      .describe('Channels of the template; 1 only'),
    n_templates: z
      .int()
      .min(1)
      .max(8)
      .default(1)
      .describe(
        'Number of templates; above 1: a mixture, each subject divided among them by how well they fit',
      ),
    int_steps: z
      .int()
      .min(0)
      .max(12)
      .default(DEFAULT_INT_STEPS)
      .describe(
        'Squarings of the velocity integration; 0 takes the velocity as displacement, not diffeomorphic',
      ),
    enc_features: z
      .array(features)
      .min(2)
      .max(6)
      .default([16, 32, 32, 32])
      .describe('Channels of the encoder levels, input resolution first; their number is the depth'),
    dec_features: z
      .array(features)
      .default([32, 32, 32, 32, 32, 16, 16])
      .describe(
        'Channels of the decoder levels, coarsest first; entries beyond the depth are further convolutions',
      ),
    flow_resolution: z
      .enum(['half', 'full'])
      .default('half')
      .describe(
        'Grid of the velocity; half costs a quarter of the arithmetic, full follows shapes more closely',
      ),
    flow_init_std: z
      .number()
      .gt(0)
      .default(1e-5)
      .describe('Standard deviation of the initial flow weights; small starts near the identity'),
    conv_init: z
      .enum(['uniform', 'he'])
      .default('uniform')
      .describe(
        'Initial convolutions: uniform within 1/sqrt(fan_in), or he, which keeps the size of the signal from layer to layer and leaves the start plateau in fewer epochs',
      ),
    mixture_sharpness: z.number().gt(0).default(20).describe('Sharpness beta of the mixture objective'),
  })
  .refine((model) => model.dec_features.length >= model.enc_features.length, {
    error: 'dec_features needs at least as many entries as enc_features',
    path: ['dec_features'],
  });

/** Weights and parameters of the training objective (`learned_atlas.loss`). */
export const LossSettings = z
  .strictObject({
    similarity_weight: weight.default(1).describe('Weight of the local correlation of log density'),
    presence_weight: weight.default(1).describe('Weight of the presence-weighted soft Dice'),
    density_weight: weight
      .default(0.5)
      .describe('Weight of the density difference; without it template densities drift'),
    smoothness_weight: weight.default(1).describe('Weight of the velocity gradients'),
    jacobian_weight: weight.default(1).describe('Weight of the hinge on small Jacobian determinants'),
    mean_deformation_weight: weight.default(0.1).describe('Weight of the squared running mean deformation'),
    log_offset: z
      .number()
      .gt(0)
      .max(1)
      .default(DEFAULT_LOG_OFFSET)
      .describe('Offset of the log density, relative to the mean subject maximum'),
    ncc_window: z
      .int()
      .min(3)
      .max(31)
      .refine((window) => window % 2 === 1, { error: 'must be odd' })
      .default(9)
      .describe('Edge of the correlation window, voxels; odd'),
    ncc_eps: z.number().gt(0).default(1e-5).describe('Floor of the window variances'),
    support_threshold: weight
      .default(0)
      .describe('Density above which a voxel belongs to the subject, train units'),
    off_support_weight: z
      .number()
      .min(0)
      .max(1)
      .default(0.25)
      .describe('Weight of voxels off the support of the subject in the soft Dice'),
  })
  .refine((loss) => loss.similarity_weight + loss.presence_weight + loss.density_weight > 0, {
    error: 'similarity_weight, presence_weight and density_weight are all 0: nothing would be fitted',
    path: ['similarity_weight'],
  });

/** How the template and the deformations are found (`learned_atlas.optimizer`). */
export const OptimizerSettings = z
  .strictObject({
    mode: z
      .enum(['network', 'direct', 'hybrid'])
      .default('hybrid')
      .describe(
        'network: the network alone; direct: one velocity per subject; hybrid: network, then steps per subject',
      ),
    direct_lr: z
      .number()
      .gt(0)
      .default(0.1)
      .describe('Step of velocities in direct mode and in instance steps, voxels'),
    direct_template_lr: z.number().gt(0).default(0.02).describe('Step of the log template in direct mode'),
    direct_velocity_rounds: z
      .int()
      .min(0)
      .default(3)
      .describe('Rounds of direct mode before the template moves; at most the number of rounds'),
    lr: learningRate.default(1e-3).describe('Learning rate of the network'),
    template_lr: learningRate
      .nullable()
      .default(null)
      .describe('Learning rate of the log template beside the network; null: 5 times lr'),
    augmentation: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        'Share of the network steps that see their subjects deformed at random, affine and smooth; 0: none',
      ),
    template_mass_limit: z
      .number()
      .gt(0)
      .nullable()
      .default(0.1)
      .describe(
        'Largest relative departure of the template mass from the mean of the cohort, held after every epoch of the network; null: none',
      ),
    epochs: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('Passes over the cohort; null: 100 with a network, 20 in direct mode'),
    batch_size: z
      .int()
      .min(1)
      .default(1)
      .describe('Subjects per network step; at most the number of subjects'),
    seed: z.int().min(0).max(4294967295).default(0).describe('Seed of initialisation and shuffling'),
    patience: z.int().min(0).default(0).describe('Epochs without improvement before stopping; 0: never'),
    min_delta: weight.default(1e-4).describe('Relative improvement of the epoch loss that counts'),
    checkpoint_every: z.int().min(1).default(10).describe('Epochs between checkpoints'),
    resume: z
      .enum(['auto', 'never', 'require'])
      .default('auto')
      .describe('Use of a checkpoint of the same cohort and configuration'),
  })
  .refine(
    (optimizer) =>
      optimizer.mode !== 'direct' || optimizer.direct_velocity_rounds <= resolveEpochs(optimizer),
    {
      error: 'direct_velocity_rounds exceeds the number of rounds',
      params: {
        cure: 'set it to epochs (null: 20 in direct mode) or less, 0 to move the template from the first round; or give more epochs',
      },
      path: ['direct_velocity_rounds'],
      when: ({ issues }) => issues.length === 0,
    },
  );

export type ModelSettings = z.infer<typeof ModelSettings>;
/** Grid of a velocity: half the training grid along each axis, or all of it. */
export type FlowResolution = ModelSettings['flow_resolution'];
export type LossSettings = z.infer<typeof LossSettings>;
export type OptimizerSettings = z.infer<typeof OptimizerSettings>;

/** Everything that shapes the training objective and its optimisation. */
export interface TrainingSettings {
  readonly model: ModelSettings;
  readonly loss: LossSettings;
  readonly optimizer: OptimizerSettings;
  /** True when the densities are logarithmic already (`normalization_method: log`): the losses then take no log. */
  readonly densityInLog: boolean;
}

/** Number of epochs (rounds in direct mode) that a setting stands for. */
export function resolveEpochs(optimizer: { readonly mode: string; readonly epochs: number | null }): number {
  return optimizer.epochs ?? (optimizer.mode === 'direct' ? 20 : 100);
}

/** Learning rate of the log template beside the network. */
export function resolveTemplateLearningRate(
  optimizer: Pick<OptimizerSettings, 'lr' | 'template_lr'>,
): number {
  return optimizer.template_lr ?? 5 * optimizer.lr;
}

/** Log offset of the losses; null when the densities are logarithmic already. */
export function logOffsetOf(settings: TrainingSettings): number | null {
  return settings.densityInLog ? null : settings.loss.log_offset;
}

/** Settings that are allowed but rarely wise, one sentence each; the key is relative to `learned_atlas`. */
export function settingsWarnings(settings: TrainingSettings): { key: string; message: string }[] {
  const warnings: { key: string; message: string }[] = [];
  if (settings.model.int_steps === 0) {
    warnings.push({ key: 'model.int_steps', message: '0 squarings: the deformation is not diffeomorphic' });
  }
  if (settings.loss.smoothness_weight === 0) {
    warnings.push({ key: 'loss.smoothness_weight', message: '0: nothing keeps the velocity smooth' });
  }
  if (settings.loss.density_weight === 0) {
    warnings.push({
      key: 'loss.density_weight',
      message: '0: neither of the other terms sees scale, template densities will drift',
    });
  }
  return warnings;
}
