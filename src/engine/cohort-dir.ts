import path from 'node:path';
import type { z } from 'zod';
import { ConfigError, type PipelineError } from '../errors.js';
import { makeDirectory } from './make-directory.js';
import { outputError } from './output-error.js';

/** Keys of a configuration block that hold text. */
export type TextKey<S extends z.ZodType> = {
  [K in keyof z.output<S>]: z.output<S>[K] extends string ? K : never;
}[keyof z.output<S>] &
  string;

/**
 * An output folder of a workflow that follows the merged configuration: one source for the folder and for the path
 * under which other workflows find the product.
 */
export class CohortDir {
  readonly schema: z.ZodType;
  readonly key: string;

  private constructor(schema: z.ZodType, key: string) {
    this.schema = schema;
    this.key = key;
  }

  /** The folder below the output directory that `key` of the workflow's own block names. */
  static from<S extends z.ZodType>(schema: S, key: TextKey<S>): CohortDir {
    return new CohortDir(schema, key);
  }

  /**
   * Absolute path of the folder. Makes nothing.
   *
   * @param block - the merged configuration of the workflow's namespace
   * @throws ConfigError CONFIG_VALUE when the folder is not inside the output directory
   */
  resolve(block: unknown, namespace: string, outputDir: string): string {
    const name = (block as Record<string, unknown>)[this.key];
    const where = `${namespace}.${this.key}`;
    const refuse = (problem: string): PipelineError =>
      new ConfigError('CONFIG_VALUE', `${where}: ${JSON.stringify(name)} ${problem}`, {
        where,
        cure: 'name a folder inside the output directory, for example results',
      });
    if (typeof name !== 'string' || name === '') throw refuse('is not the name of a folder');
    const root = path.resolve(outputDir);
    const directory = path.resolve(root, name);
    if (directory === root || !directory.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) {
      throw refuse('is not inside the output directory');
    }
    return directory;
  }

  /** Resolves the folder and makes it, for a run. @throws StorageError IO_DENIED, IO_FULL, IO */
  create(block: unknown, namespace: string, outputDir: string): string {
    const directory = this.resolve(block, namespace, outputDir);
    try {
      makeDirectory(directory);
    } catch (cause) {
      throw outputError(cause, directory);
    }
    return directory;
  }
}
