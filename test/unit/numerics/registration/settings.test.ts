import { describe, expect, test } from 'vitest';
import { DEFAULT_INT_STEPS, DEFAULT_LOG_OFFSET } from '../../../../src/numerics.js';
import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  resolveEpochs,
  resolveTemplateLearningRate,
  settingsWarnings,
} from '../../../../src/numerics/registration/settings.js';

function messages(result: {
  success: boolean;
  error?: { issues: { path: PropertyKey[]; message: string }[] };
}) {
  return (result.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('settings of the learned atlas', () => {
  test('the constants that users of the original look for are the defaults', () => {
    expect([DEFAULT_INT_STEPS, DEFAULT_LOG_OFFSET]).toEqual([7, 0.001]);
    expect(ModelSettings.parse({}).int_steps).toBe(DEFAULT_INT_STEPS);
    expect(LossSettings.parse({}).log_offset).toBe(DEFAULT_LOG_OFFSET);
  });

  test('an empty block gives the defaults of the specification', () => {
    expect(ModelSettings.parse({})).toEqual({
      channels: 1,
      n_templates: 1,
      int_steps: 7,
      enc_features: [16, 32, 32, 32],
      dec_features: [32, 32, 32, 32, 32, 16, 16],
      flow_resolution: 'half',
      flow_init_std: 1e-5,
      conv_init: 'uniform',
      mixture_sharpness: 20,
    });
    expect(LossSettings.parse({})).toEqual({
      similarity_weight: 1,
      presence_weight: 1,
      density_weight: 0.5,
      smoothness_weight: 1,
      jacobian_weight: 1,
      mean_deformation_weight: 0.1,
      log_offset: 0.001,
      ncc_window: 9,
      ncc_eps: 1e-5,
      support_threshold: 0,
      off_support_weight: 0.25,
    });
    expect(OptimizerSettings.parse({})).toEqual({
      mode: 'hybrid',
      direct_lr: 0.1,
      direct_template_lr: 0.02,
      direct_velocity_rounds: 3,
      lr: 1e-3,
      template_lr: null,
      augmentation: 0,
      template_mass_limit: 0.1,
      epochs: null,
      batch_size: 1,
      seed: 0,
      patience: 0,
      min_delta: 1e-4,
      checkpoint_every: 10,
      resume: 'auto',
    });
  });

  test('several channels are refused by name', () => {
    expect(messages(ModelSettings.safeParse({ channels: 2 }))[0]).toMatch(/^channels: only 1 is possible/);
  });

  test('rules that span keys name the key to change', () => {
    expect(messages(ModelSettings.safeParse({ dec_features: [8, 8] }))).toEqual([
      'dec_features: dec_features needs at least as many entries as enc_features',
    ]);
    expect(
      messages(LossSettings.safeParse({ similarity_weight: 0, presence_weight: 0, density_weight: 0 })),
    ).toEqual([
      'similarity_weight: similarity_weight, presence_weight and density_weight are all 0: nothing would be fitted',
    ]);
    expect(messages(OptimizerSettings.safeParse({ mode: 'direct', epochs: 2 }))).toEqual([
      'direct_velocity_rounds: direct_velocity_rounds exceeds the number of rounds',
    ]);
    expect(OptimizerSettings.safeParse({ mode: 'direct', epochs: 2 }).error?.issues[0]).toMatchObject({
      params: { cure: expect.stringContaining('give more epochs') as string },
    });
    expect(OptimizerSettings.safeParse({ epochs: 2 }).success).toBe(true);
    expect(
      OptimizerSettings.safeParse({ mode: 'direct', epochs: 2, direct_velocity_rounds: 1 }).success,
    ).toBe(true);
  });

  test.each([
    [ModelSettings, { int_steps: 13 }],
    [ModelSettings, { enc_features: [4] }],
    [ModelSettings, { enc_features: [4, 257] }],
    [ModelSettings, { flow_init_std: 0 }],
    [LossSettings, { ncc_window: 8 }],
    [LossSettings, { ncc_window: 33 }],
    [LossSettings, { log_offset: 0 }],
    [LossSettings, { off_support_weight: 1.5 }],
    [OptimizerSettings, { lr: 2 }],
    [OptimizerSettings, { seed: 2 ** 32 }],
    [OptimizerSettings, { epochs: 0 }],
    [OptimizerSettings, { unknown: 1 }],
  ] as const)('a value out of range is refused (case %#)', (schema, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });

  test('null epochs follow the mode, a null template rate follows lr', () => {
    expect(resolveEpochs({ mode: 'hybrid', epochs: null })).toBe(100);
    expect(resolveEpochs({ mode: 'direct', epochs: null })).toBe(20);
    expect(resolveEpochs({ mode: 'direct', epochs: 7 })).toBe(7);
    expect(resolveTemplateLearningRate({ lr: 0.002, template_lr: null })).toBe(0.01);
  });

  test('settings that are allowed but rarely wise are named', () => {
    const settings = {
      model: ModelSettings.parse({ int_steps: 0 }),
      loss: LossSettings.parse({ smoothness_weight: 0, density_weight: 0 }),
      optimizer: OptimizerSettings.parse({}),
      densityInLog: false,
    };
    expect(settingsWarnings(settings).map((warning) => warning.key)).toEqual([
      'model.int_steps',
      'loss.smoothness_weight',
      'loss.density_weight',
    ]);
  });
});
