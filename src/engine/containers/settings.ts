/** The `containers` block of the configuration: where images come from and where they are kept. */
import { z } from 'zod';

import type { ContainerManagerOptions } from './container-manager.js';
import { RUNTIMES } from './runtime.js';
import type { ContainerSpec } from './spec.js';

const ImageConfig = z.strictObject({
  source: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Path, https URL, or docker:// or oras:// reference of the image'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, '64 hex digits in lower case')
    .nullable()
    .default(null)
    .describe('Digest that is demanded; null only with pin: first-use'),
  pin: z
    .literal('first-use')
    .nullable()
    .default(null)
    .describe('first-use: record the digest of the first download, and demand it ever after'),
  entrypoint: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe('Words of the command, with {input}, {output} and {name}; null: that of the known tool'),
  gpu: z.boolean().nullable().default(null).describe('Whether the tool wants a GPU; null: as known, else no'),
});

export type ContainersConfig = z.output<typeof ContainersConfig>;
export const ContainersConfig = z.strictObject({
  directory: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Where images are kept; null: NEUROLOOM_CONTAINER_DIR, else the cache directory of the user'),
  runtime: z
    .enum(['auto', ...RUNTIMES])
    .default('auto')
    .describe('Program that runs containers; auto: the first that is on the PATH'),
  images: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]*$/, 'a key such as hdbet'), ImageConfig)
    .default({})
    .describe('Images by key; hdbet, synthseg and fastsurfer are known but for their source'),
});

/** What the block says, for a manager. */
export function managerOptions({ directory, runtime, images }: ContainersConfig): ContainerManagerOptions {
  return {
    ...(directory === null ? {} : { cacheDir: directory }),
    ...(runtime === 'auto' ? {} : { runtime }),
    images: Object.fromEntries(Object.entries(images).map(([key, image]) => [key, fieldsOf(image)])),
  };
}

/** Fields that were given; what was not leaves those of a known tool. */
function fieldsOf(image: z.output<typeof ImageConfig>): Partial<ContainerSpec> {
  return {
    ...(image.source === null ? {} : { sourceUrl: image.source }),
    ...(image.sha256 === null ? {} : { sha256: image.sha256 }),
    ...(image.pin === null ? {} : { pin: image.pin }),
    ...(image.entrypoint === null ? {} : { entrypoint: image.entrypoint }),
    ...(image.gpu === null ? {} : { gpuRequired: image.gpu }),
  };
}
