import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configJsonSchema, configValues, configYaml, loadConfig } from '../../../src/config/index.js';

const namespaces = {
  fit: z.strictObject({
    text: z.string().default('yes'),
    limits: z.array(z.number()).default([0.5, 12]).describe('Limits, Hz'),
    none: z.number().nullable().default(null),
    odd: z.string().default('a: b # c'),
    deep: z.strictObject({ deeper: z.strictObject({ k: z.int().default(1) }).prefault({}) }).prefault({}),
    groups: z.record(z.string(), z.string()).default({}),
  }),
};

test('the shown configuration is YAML with the origin of each value, and reads back to the same values', async () => {
  const loaded = await loadConfig({ namespaces, set: ['fit.deep.deeper.k=3', 'fit.groups.007=left'] });
  if (!loaded.ok) throw new Error('not loaded');
  const text = configYaml(configValues(loaded.value.config, loaded.value.place));
  expect(text.split('\n').map((line) => line.replace(/ +# (?=default|--set)/, ' # '))).toEqual([
    'input_dir: null # default',
    'output_dir: null # default',
    'executor: local # default',
    'report_time_limit_s: 900 # default',
    'fit:',
    '  text: yes # default',
    '  limits: [ 0.5, 12 ] # default',
    '  none: null # default',
    '  odd: "a: b # c" # default',
    '  deep:',
    '    deeper:',
    '      k: 3 # --set fit.deep.deeper.k=3',
    '  groups:',
    '    "007": left # --set fit.groups.007=left',
  ]);

  const directory = await mkdtemp(join(tmpdir(), 'neuroloom-show-'));
  try {
    await writeFile(join(directory, 'shown.yaml'), text);
    const again = await loadConfig({ namespaces, cwd: directory, files: ['shown.yaml'] });
    expect(again.ok && again.value.config).toEqual(loaded.value.config);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('the JSON Schema names every block and key with its default and description, and refuses others', () => {
  const schema = configJsonSchema(namespaces) as {
    additionalProperties: boolean;
    required?: string[];
    properties: Record<string, { properties: Record<string, unknown>; additionalProperties: boolean }>;
  };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toBeUndefined();
  expect(Object.keys(schema.properties)).toEqual([
    'input_dir',
    'output_dir',
    'executor',
    'report_time_limit_s',
    'fit',
  ]);
  expect(schema.properties['fit']?.additionalProperties).toBe(false);
  expect(schema.properties['fit']?.properties['limits']).toEqual({
    default: [0.5, 12],
    description: 'Limits, Hz',
    type: 'array',
    items: { type: 'number' },
  });
});

test('the JSON Schema keeps the default of a transformed value where it may be written so', () => {
  const sorted = z.array(z.string()).transform((names) => names.toSorted());
  const length = z.string().transform((text) => text.length);
  const fit = z.strictObject({
    maps: sorted.default(['a']),
    group: sorted.nullable().default(null),
    size: length.default(3),
  });
  const schema = configJsonSchema({ fit }) as {
    properties: Record<string, { required?: string[]; properties: Record<string, { default?: unknown }> }>;
  };
  const { properties, required } = schema.properties['fit'] ?? { properties: {} };
  expect(required).toBeUndefined();
  expect(properties['maps']?.default).toEqual(['a']);
  expect(properties['group']?.default).toBeNull();
  // 3 is a length, not a text that could be written in a file.
  expect(properties['size']).not.toHaveProperty('default');
});
