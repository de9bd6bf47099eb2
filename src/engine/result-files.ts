import { basename, join } from 'node:path';
import type { MergedConfig } from './registry.js';

/** A file that a run published. */
export interface ResultFile {
  /** Relative to the output directory, with `/`. */
  readonly path: string;
  readonly absolute: string;
  /** Id of the template node that made it. */
  readonly node: string;
  /** Key of its item, usually the participant; null for a node that runs once. */
  readonly item: string | null;
  /** false: the file was there already, with this content. */
  readonly fresh: boolean;
}

/** What a workflow looks at when it describes the results of a run. */
export class ResultFiles {
  readonly outputDir: string;
  readonly files: readonly ResultFile[];
  /** The configuration of the run. */
  readonly config: MergedConfig;
  /** What the run read, absolute; null where that is not known. */
  readonly inputDir: string | null;

  constructor(
    outputDir: string,
    published: readonly { readonly path: string; readonly id: string; readonly fresh: boolean }[],
    config: MergedConfig,
    inputDir: string | null = null,
  ) {
    this.inputDir = inputDir;
    this.outputDir = outputDir;
    this.config = config;
    this.files = published.map(({ path, id, fresh }) => ({
      path,
      absolute: join(outputDir, path),
      ...instanceParts(id),
      fresh,
    }));
  }

  /** The first file of a name without its folder; null when the run published none. */
  named(name: string): ResultFile | null {
    return this.files.find(({ path }) => basename(path) === name) ?? null;
  }

  /** Files whose path below the output directory fits. */
  matching(pattern: RegExp): ResultFile[] {
    return this.files.filter(({ path }) => pattern.test(path));
  }
}

/** `fit[sub-03]` as node and item. */
export function instanceParts(id: string): { node: string; item: string | null } {
  const match = /^([^[]*)\[([\s\S]*)\]$/.exec(id);
  return match === null ? { node: id, item: null } : { node: match[1] ?? '', item: match[2] ?? '' };
}
