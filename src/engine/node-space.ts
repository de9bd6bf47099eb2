/** What each node of a wiring varies over, from what its inputs vary over. */
import { axisSpace, combineSpaces, type KeySpace, type MappedInput } from './key-space.js';
import type { TemplateInput, TemplateNode } from './template.js';

/** What is known so far. */
export interface KnownSpaces {
  /** Null for a node that runs once. */
  node(id: string): KeySpace | null;
  expansion(id: string): KeySpace;
}

const NONE: readonly KeySpace[] = [];
const ITEMS = new WeakMap<TemplateInput, KeySpace>();
let unnamedAxes = 0;

/** What an input varies over; more than one only for a list of handles. */
export function spacesIn(input: TemplateInput, known: KnownSpaces): readonly KeySpace[] {
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
      if (input.key !== undefined) return NONE;
      const space = known.node(input.node);
      return space === null ? NONE : [space];
    }
    case 'list':
      return input.items.flatMap((item) => spacesIn(item, known));
    case 'value':
    case 'external':
    case 'join':
    case 'dropped':
      return NONE;
  }
}

/** An input or a condition that varies. */
export interface VariedInput extends MappedInput {
  readonly isCondition: boolean;
}

/** Inputs and conditions of a node that vary. */
export function mappedInputs(item: TemplateNode, known: KnownSpaces): VariedInput[] {
  const found: VariedInput[] = [];
  for (const name in item.inputs) {
    for (const space of spacesIn(item.inputs[name] as TemplateInput, known)) {
      found.push({ name, space, isCondition: false });
    }
  }
  for (const input of item.conditions ?? []) {
    for (const space of spacesIn(input, known)) {
      found.push({ name: 'of the condition', space, isCondition: true });
    }
  }
  return found;
}

/** What a mapped node varies over; null when none of its inputs varies. */
export function spaceOf(item: TemplateNode, known: KnownSpaces): ReturnType<typeof combineSpaces> | null {
  return combinedSpace(item, mappedInputs(item, known));
}

/** The same, of inputs that are known to vary. */
export function combinedSpace(
  { mode }: Pick<TemplateNode, 'mode'>,
  [first, ...others]: readonly MappedInput[],
): ReturnType<typeof combineSpaces> | null {
  return first === undefined ? null : combineSpaces(mode ?? 'zip', [first, ...others]);
}
