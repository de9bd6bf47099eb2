import type { ErrorCode } from '../errors.js';

/** Where a value of the configuration comes from. Lines and columns count from 1. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'set'; readonly option: string }
  | { readonly kind: 'argument'; readonly flag: string };

/** One line of a configuration file with the part that is meant. */
export interface Excerpt {
  readonly line: number;
  readonly text: string;
  /** First marked character, counted from 0, and how many are marked. */
  readonly start: number;
  readonly length: number;
}

/** A place in a layer of the configuration. */
export interface Place {
  readonly origin: Origin;
  readonly excerpt: Excerpt | null;
}

/** Something wrong with the configuration: what, where, and how to mend it. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** Dotted key, for example `learned_atlas.loss.log_offset`; empty when the problem is not about one key. */
  readonly path: string;
  /** What is wrong, without the key and without the place. */
  readonly message: string;
  readonly cure: string | null;
  readonly origin: Origin | null;
  readonly excerpt: Excerpt | null;
}

/** `config.yaml:12:23`, `environment NEUROLOOM_SET__a__b`, `--set a.b=1` or `default`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`;
    case 'environment':
      return `environment ${origin.variable}`;
    case 'set':
      return `--set ${origin.option}`;
    case 'argument':
      return origin.flag;
  }
}

/** A path as people write it: `a.b`, and `a.list[2]` for an entry of a list. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}
