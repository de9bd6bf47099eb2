import { describe, expect, test } from 'vitest';

import { loadConfig } from '../../../../src/config/index.js';
import { BUILTIN_WORKFLOWS } from '../../../../src/workflows/index.js';
import { AtlasConfig } from '../../../../src/workflows/atlas/config.js';
import { LearnedAtlasConfig } from '../../../../src/workflows/learned-atlas/config.js';

/** `path: message` of every problem of these settings. */
async function problems(...set: string[]): Promise<string[]> {
  const namespaces = { atlas: AtlasConfig, learned_atlas: LearnedAtlasConfig };
  const loaded = await loadConfig({ namespaces, files: [], cwd: '.', env: {}, set });
  return loaded.ok ? [] : loaded.error.map(({ code, path, message }) => `${code} ${path}: ${message}`);
}

describe('defaults', () => {
  test('are those of the specification', () => {
    expect(AtlasConfig.parse({})).toEqual({
      tractography_relpath: 'tractography/fdt_paths.nii.gz',
      normalization_method: 'waytotal',
      presence_value: 0,
      cov_mean_threshold_pct: 0.05,
      ddof: 0,
      subject_pattern: 'auto',
      min_subjects: 2,
    });
    expect(LearnedAtlasConfig.parse({})).toMatchObject({
      enabled: true,
      training_space: 'template_native',
      device: 'auto',
      dtype: 'float32',
      affine_native_relpath: null,
      emit_baseline_maps: ['mean', 'std', 'std_error', 'cov', 'prob_threshold'],
      output_subdir: 'atlas_learned',
      min_subjects: 5,
      save_fields: true,
      verify_jacobian: true,
      fold_policy: 'repair',
      field_space: 'voxel',
      evaluate: 'none',
      group_by: null,
      instance_steps: 30,
      instance_full_steps: 30,
      crop_to_support: true,
      crop_margin: 4,
      memory_limit_mb: null,
    });
  });

  test('map names are put in order, group names become text', () => {
    const config = LearnedAtlasConfig.parse({
      emit_baseline_maps: ['cov', 'mean'],
      group_by: { 106: 101, 107: 'x' },
    });
    expect(config.emit_baseline_maps).toEqual(['mean', 'cov']);
    expect(config.group_by).toEqual({ 106: '101', 107: 'x' });
  });
});

describe('refused values', () => {
  test.for([
    ['atlas.ddof=2', 'CONFIG_VALUE atlas.ddof: must be at most 1, got 2'],
    [
      'atlas.cov_mean_threshold_pct=1',
      'CONFIG_VALUE atlas.cov_mean_threshold_pct: must be less than 1, got 1',
    ],
    ['atlas.min_subjects=0', 'CONFIG_VALUE atlas.min_subjects: must be at least 1, got 0'],
    [
      'atlas.min_subject=3',
      'CONFIG_UNKNOWN_KEY atlas.min_subject: unknown key min_subject; did you mean min_subjects?',
    ],
    [
      'atlas.tractography_relpath=/abs/x.nii',
      'CONFIG_VALUE atlas.tractography_relpath: must be a path inside the subject directory',
    ],
    [
      'atlas.tractography_relpath=a/../../x.nii',
      'CONFIG_VALUE atlas.tractography_relpath: must be a path inside the subject directory',
    ],
    [
      'atlas.normalization_method=wytotal',
      'CONFIG_VALUE atlas.normalization_method: expected one of none, waytotal, max, sum, log, ' +
        "got text 'wytotal'; did you mean waytotal?",
    ],
    [
      'learned_atlas.device=gpu',
      'CONFIG_VALUE learned_atlas.device: must be auto, cpu, webgpu, cuda or cuda:<index>',
    ],
    ['learned_atlas.min_subjects=1', 'CONFIG_VALUE learned_atlas.min_subjects: must be at least 2, got 1'],
    [
      'learned_atlas.emit_baseline_maps=[std]',
      'CONFIG_VALUE learned_atlas.emit_baseline_maps: must include mean',
    ],
    [
      'learned_atlas.emit_baseline_maps=[mean, mean]',
      'CONFIG_VALUE learned_atlas.emit_baseline_maps: names a map twice',
    ],
    [
      'learned_atlas.output_subdir=../elsewhere',
      'CONFIG_VALUE learned_atlas.output_subdir: must be a path inside the output directory',
    ],
    ['learned_atlas.crop_margin=33', 'CONFIG_VALUE learned_atlas.crop_margin: must be at most 32, got 33'],
    [
      'learned_atlas.instance_steps=1001',
      'CONFIG_VALUE learned_atlas.instance_steps: must be at most 1000, got 1001',
    ],
    [
      'learned_atlas.memory_limit_mb=0',
      'CONFIG_VALUE learned_atlas.memory_limit_mb: must be more than 0, got 0',
    ],
    [
      'learned_atlas.model.n_templates=9',
      'CONFIG_VALUE learned_atlas.model.n_templates: must be at most 8, got 9',
    ],
    [
      'learned_atlas.loss.log_ofset=0.1',
      'CONFIG_UNKNOWN_KEY learned_atlas.loss.log_ofset: unknown key log_ofset; did you mean log_offset?',
    ],
  ] as const)('%s', async ([set, message]) => {
    expect(await problems(set)).toEqual([message]);
  });

  test('all of them at once', async () => {
    expect(
      await problems('atlas.ddof=2', 'learned_atlas.device=gpu', 'learned_atlas.loss.ncc_window=4'),
    ).toHaveLength(3);
  });
});

test('every key is described', () => {
  const undescribed = (schema: unknown, path: string): string[] => {
    const { shape } = schema as {
      shape?: Record<string, { description?: string; def?: { innerType?: unknown } }>;
    };
    return Object.entries(shape ?? {}).flatMap(([key, child]) => [
      ...(child.description === undefined ? [`${path}.${key}`] : []),
      ...undescribed(child.def?.innerType ?? child, `${path}.${key}`),
    ]);
  };
  expect(undescribed(AtlasConfig, 'atlas')).toEqual([]);
  expect(undescribed(LearnedAtlasConfig, 'learned_atlas')).toEqual([]);
});

test('the manifest agrees with the registered workflows', async () => {
  for (const entry of BUILTIN_WORKFLOWS) {
    const definition = await entry.load();
    const { name, summary, scope } = definition;
    expect({ name, summary, scope, namespace: definition.configNamespace }).toEqual({
      name: entry.name,
      summary: entry.summary,
      scope: entry.scope,
      namespace: entry.namespace,
    });
    expect(definition.configSchema).toBe(await entry.loadConfigSchema());
  }
});
