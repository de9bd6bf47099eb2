import { expect, test } from 'vitest';

import { AtlasConfig } from '../../../../src/workflows/atlas/config.js';
import { LearnedAtlasConfig } from '../../../../src/workflows/learned-atlas/config.js';
import {
  emissionInput,
  mapsInput,
  recordedConfig,
} from '../../../../src/workflows/learned-atlas/node-inputs.js';

const recorded = (learned: object, atlas: object = {}): unknown =>
  recordedConfig({ atlas: AtlasConfig.parse(atlas), learned_atlas: LearnedAtlasConfig.parse(learned) });

test('what only steers a run is no part of what the maps are written with', () => {
  const usual = recorded({});
  for (const steering of [
    { memory_limit_mb: 20_000 },
    { evaluate: 'loo', group_by: { '101': 'left' } },
    { output_subdir: 'elsewhere' },
    { min_subjects: 3 },
    { template_label: 'Mine' },
    { save_fields: false },
    { verify_jacobian: false },
    { optimizer: { resume: 'never', checkpoint_every: 3 } },
  ])
    expect(recorded(steering)).toEqual(usual);
  expect(recorded({}, { min_subjects: 4, subject_pattern: 'digits' })).toEqual(usual);
});

test('what decides about the atlas is', () => {
  const usual = recorded({});
  expect(recorded({ optimizer: { seed: 7 } })).not.toEqual(usual);
  expect(recorded({ crop_margin: 5 })).not.toEqual(usual);
  expect(recorded({ field_space: 'ants' })).not.toEqual(usual);
  expect(recorded({}, { ddof: 1 })).not.toEqual(usual);
});

test('fields and counts of folds, which are no part of that, are inputs of the nodes that write them', () => {
  const learned = (given: object) => LearnedAtlasConfig.parse(given);
  const maps = (given: object): unknown => mapsInput(learned(given), { relpath: 'a', passedOver: [] });
  expect(maps({ save_fields: false })).not.toEqual(maps({}));
  expect(emissionInput(learned({ verify_jacobian: false }))).not.toEqual(emissionInput(learned({})));
});
