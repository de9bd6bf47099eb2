import type { Place } from './problem.js';

export type Path = readonly (string | number)[];
export type ConfigTree = { readonly [key: string]: unknown };

/** One source of values: a file, an environment variable or one `--set`. */
export interface Layer {
  readonly tree: ConfigTree;
  /** Where a path of this layer stands: its key or its value. The nearest ancestor when the path is not here. */
  locate(path: Path, part: 'key' | 'value'): Place;
}

/** Keys that would reach into the prototype of an object. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Later layers win key by key; a list or a single value replaces what was there as a whole. */
export function mergeLayers(layers: readonly Layer[]): ConfigTree {
  return layers.reduce<ConfigTree>((merged, layer) => mergeTrees(merged, layer.tree), {});
}

function mergeTrees(below: ConfigTree, above: ConfigTree): ConfigTree {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const earlier = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = isTree(value) ? mergeTrees(isTree(earlier) ? earlier : {}, value) : value;
  }
  return merged;
}

/** The value at a path, or undefined. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const part of path) {
    if (Array.isArray(value) && typeof part === 'number') value = value[part];
    else if (isTree(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** The layer that decides a path: the last one that has it, or that has its nearest ancestor with a value. */
export function decidingLayer(layers: readonly Layer[], path: Path): Layer | null {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    const layer = layers.findLast((candidate) => valueAt(candidate.tree, part) !== undefined);
    if (layer !== undefined) return layer;
  }
  return null;
}
