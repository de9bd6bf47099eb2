/** What each node of a wiring varies over, from what its inputs vary over. */
import { axisSpace, combineSpaces, type KeySpace, type MappedInput } from './key-space.js';
import type { TemplateInput, TemplateNode } from './template.js';

/** What is known so far. */
export interface KnownSpaces {
  /** Null for a node that runs once. */
  node(id: string): KeySpace | null;
  expansion(id: string): KeySpace;
}

const ITEMS = new WeakMap<TemplateInput, KeySpace>();
let unnamedAxes = 0;

/** What an input varies over; more than one only for a list of handles. */
export function spacesIn(input: TemplateInput, known: KnownSpaces): KeySpace[] {
  switch (input.kind) {
    case 'items': {
      let space = ITEMS.get(input);
      if (space === undefined) {
        space = axisSpace(input.axis ?? `unnamed ${++unnamedAxes}`, input.keys);
        ITEMS.set(input, space);
      }
      return [space];
    }
    case 'expanded':
      return [known.expansion(input.expansion)];
    case 'output': {
      if (input.key !== undefined) return [];
      const space = known.node(input.node);
      return space === null ? [] : [space];
    }
    case 'list':
      return input.items.flatMap((item) => spacesIn(item, known));
    case 'value':
    case 'external':
    case 'join':
    case 'dropped':
      return [];
  }
}

/** Inputs and conditions of a node that vary. */
export function mappedInputs(item: TemplateNode, known: KnownSpaces): MappedInput[] {
  const all: [string, TemplateInput][] = [
    ...Object.entries(item.inputs),
    ...(item.conditions ?? []).map((input): [string, TemplateInput] => ['of the condition', input]),
  ];
  return all.flatMap(([name, input]) => spacesIn(input, known).map((space) => ({ name, space })));
}

/** What a mapped node varies over; null when none of its inputs varies. */
export function spaceOf(item: TemplateNode, known: KnownSpaces): ReturnType<typeof combineSpaces> | null {
  const [first, ...others] = mappedInputs(item, known);
  return first === undefined ? null : combineSpaces(item.mode ?? 'zip', [first, ...others]);
}
