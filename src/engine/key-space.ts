/**
 * The items of mapped nodes. An axis is one list of items (`wf.items`, `wf.expand`); a node that is mapped varies
 * over one axis, or over the product of several. Items are told apart by key, never by position.
 */
import { checkItemKey, compareKeys } from './labels.js';

/** The items that a mapped input or node varies over. */
export interface KeySpace {
  readonly axes: readonly string[];
  /** In key order; null while a list that the run makes is not there. */
  readonly keys: readonly string[] | null;
  /** For a product the key on each axis, per item; null for a single axis, where it is the key itself. */
  readonly parts: readonly (readonly string[])[] | null;
  /** A list that gives the items will never be there; one stand-in with key `*` tells so. */
  readonly isLost: boolean;
}

export interface MappedInput {
  readonly name: string;
  readonly space: KeySpace;
}

/** How the mapped inputs of one node go together. */
export type MapMode = 'zip' | 'cross';

export const LOST_KEY = '*';

/** Between the keys of a product: `fit[101,rest]`. */
const KEY_SEPARATOR = ',';

/** Items of one axis. */
export function axisSpace(axis: string, keys: readonly string[] | null): KeySpace {
  return { axes: [axis], keys, parts: null, isLost: false };
}

/** The stand-in for items that never come. */
export function lostSpace(axes: readonly string[]): KeySpace {
  return { axes, keys: [LOST_KEY], parts: null, isLost: true };
}

/** A space, or why the inputs do not go together; `input` names the one that does not fit. */
export type Combined =
  | { readonly ok: true; readonly space: KeySpace }
  | { readonly ok: false; readonly input: string; readonly message: string; readonly space: KeySpace };

/** What a node varies over whose mapped inputs vary over these. At least one input. */
export function combineSpaces(mode: MapMode, inputs: readonly [MappedInput, ...MappedInput[]]): Combined {
  return mode === 'cross' ? cross(inputs) : zip(inputs);
}

function zip(inputs: readonly [MappedInput, ...MappedInput[]]): Combined {
  const [first, ...others] = inputs;
  const { space } = first;
  for (const { name, space: other } of others) {
    const message = whyNotZip(first, { name, space: other });
    if (message !== null) return { ok: false, input: name, message, space };
  }
  const isLost = inputs.some((input) => input.space.isLost);
  return { ok: true, space: isLost ? lostSpace(space.axes) : space };
}

function whyNotZip(first: MappedInput, other: MappedInput): string | null {
  const a = first.space;
  const b = other.space;
  const isRunTime = a.keys === null || b.keys === null || a.isLost || b.isLost;
  if (!isRunTime) {
    const difference = keyDifference(a.keys, b.keys);
    return difference === null
      ? null
      : `inputs ${first.name} and ${other.name} have different keys: ${difference}`;
  }
  const same = a.axes.length === b.axes.length && a.axes.every((axis, i) => axis === b.axes[i]);
  return same
    ? null
    : `inputs ${first.name} and ${other.name} come from different lists, one of which is known at run time only`;
}

function cross(inputs: readonly [MappedInput, ...MappedInput[]]): Combined {
  const axes = [...new Set(inputs.flatMap(({ space }) => space.axes))];
  const open: KeySpace = { axes, keys: null, parts: null, isLost: false };
  if (inputs.some(({ space }) => space.isLost)) return { ok: true, space: lostSpace(axes) };
  if (inputs.some(({ space }) => space.keys === null)) return { ok: true, space: open };
  const only = inputs[0].space;
  if (inputs.every(({ space }) => space === only)) return { ok: true, space: only };
  const items: string[][] = [];
  product(
    axes.map((axis) => keysOnAxis(axis, inputs)),
    (parts) => {
      // An input over a part of the axes, or over the pairs that another map left, restricts the product.
      if (inputs.every(({ space }) => positionOf(space, axes, parts) >= 0)) items.push(parts);
    },
  );
  const keyed = items.map((parts) => ({ key: parts.join(KEY_SEPARATOR), parts }));
  keyed.sort((a, b) => compareKeys(a.key, b.key));
  const space: KeySpace = {
    axes,
    keys: keyed.map(({ key }) => key),
    parts: axes.length === 1 ? null : keyed.map(({ parts }) => parts),
    isLost: false,
  };
  const wrong = wrongProductKey(keyed.map(({ key }) => key));
  const { name } = inputs[inputs.length - 1] as MappedInput;
  return wrong === null ? { ok: true, space } : { ok: false, input: name, message: wrong, space };
}

function product(lists: readonly (readonly string[])[], take: (parts: string[]) => void): void {
  if (lists.some((list) => list.length === 0)) return;
  const at = new Array<number>(lists.length).fill(0);
  for (;;) {
    take(lists.map((list, i) => list[at[i] as number] as string));
    let axis = lists.length - 1;
    while (axis >= 0 && ++(at[axis] as number) === (lists[axis] as readonly string[]).length) {
      at[axis] = 0;
      axis--;
    }
    if (axis < 0) return;
  }
}

/** The keys of an axis that some input has, in key order. */
function keysOnAxis(axis: string, inputs: readonly MappedInput[]): string[] {
  const { space } = inputs.find((input) => input.space.axes.includes(axis)) as MappedInput;
  const place = space.axes.indexOf(axis);
  const keys = space.keys ?? [];
  if (space.parts === null) return [...keys];
  return [...new Set(space.parts.map((parts) => parts[place] as string))].sort(compareKeys);
}

const PLACES = new WeakMap<KeySpace, Map<string, number>>();

/** Where the item with these keys on these axes stands in a space over some of the axes; -1 when it has none. */
function positionOf(space: KeySpace, axes: readonly string[], parts: readonly string[]): number {
  const own = space.axes.map((axis) => parts[axes.indexOf(axis)] as string);
  let places = PLACES.get(space);
  if (places === undefined) {
    places = new Map((space.keys ?? []).map((key, i) => [key, i]));
    PLACES.set(space, places);
  }
  return places.get(own.join(KEY_SEPARATOR)) ?? -1;
}

/**
 * For each item of a node the place of what its input gives it.
 *
 * @returns null when item i of the node takes item i of the input
 */
export function positionsIn(node: KeySpace, input: KeySpace): Int32Array | null {
  const { keys, parts, axes } = node;
  if (keys === null || node.isLost || isSameList(keys, input.keys)) return null;
  return Int32Array.from(keys, (key, i) =>
    positionOf(input, axes, parts === null ? [key] : (parts[i] ?? [])),
  );
}

function isSameList(a: readonly string[], b: readonly string[] | null): boolean {
  return a === b || (b !== null && a.length === b.length && a.every((key, i) => key === b[i]));
}

function wrongProductKey(sorted: readonly string[]): string | null {
  for (const [i, key] of sorted.entries()) {
    if (i > 0 && sorted[i - 1] === key) return `two combinations have the key '${key}'`;
    const wrong = checkItemKey(key);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** What is wrong with the keys of a list of items: not allowed, or one twice. */
export function wrongKeys(keys: readonly string[]): string[] {
  const sorted = [...keys].sort(compareKeys);
  return sorted.flatMap((key, i) => {
    const wrong = checkItemKey(key);
    if (wrong !== null) return [wrong];
    return i > 0 && sorted[i - 1] === key ? [`key '${key}' appears more than once`] : [];
  });
}

function keyDifference(a: readonly string[] | null, b: readonly string[] | null): string | null {
  if (a === b || a === null || b === null) return null;
  const inA = new Set(a);
  const inB = new Set(b);
  const onlyA = a.filter((key) => !inB.has(key));
  const onlyB = b.filter((key) => !inA.has(key));
  const list = (keys: string[]): string =>
    keys.length > 5 ? `${keys.slice(0, 5).join(', ')}, ...` : keys.join(', ');
  const parts: string[] = [];
  if (onlyA.length > 0) parts.push(`only the first has ${list(onlyA)}`);
  if (onlyB.length > 0) parts.push(`only the second has ${list(onlyB)}`);
  return parts.length === 0 ? null : parts.join('; ');
}
