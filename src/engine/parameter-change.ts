/** Which setting inside a parameter differs, and how: `optimizer.epochs: 150 -> 200`. */

/** The first setting that differs between two values of one parameter. */
export interface ParameterChange {
  /** Names and places from the parameter down, joined with dots: `optimizer.epochs`, `limits.1`. */
  readonly setting: string;
  /** JSON, at most 200 characters; `none` where the setting is absent. */
  readonly before: string;
  readonly after: string;
  /** How many more settings differ. */
  readonly others: number;
}

const SHOWN_LENGTH = 200;
const ABSENT = 'none';

/**
 * Compares two values of a parameter setting by setting.
 *
 * @param before - JSON of the earlier value
 * @param after - JSON of the value now
 * @returns null when they are not both structures (a plain value is its own setting), or when nothing differs
 */
export function parameterChange(before: string, after: string): ParameterChange | null {
  const old = structureOf(before);
  const now = structureOf(after);
  if (old === null || now === null || Array.isArray(old) !== Array.isArray(now)) return null;
  const differences: { path: string; old: unknown; now: unknown }[] = [];
  collect(old, now, '', differences);
  const [first, ...others] = differences;
  if (first === undefined) return null;
  return {
    setting: first.path,
    before: shown(first.old),
    after: shown(first.now),
    others: others.length,
  };
}

type Structure = Readonly<Record<string, unknown>> | readonly unknown[];

function structureOf(json: string): Structure | null {
  try {
    return asStructure(JSON.parse(json));
  } catch (error) {
    // A text, or the beginning of something longer.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function asStructure(value: unknown): Structure | null {
  return typeof value === 'object' && value !== null ? (value as Structure) : null;
}

/** Depth is that of the settings of a node, which were written by hand or parsed with a limit. */
function collect(
  old: Structure,
  now: Structure,
  path: string,
  found: { path: string; old: unknown; now: unknown }[],
): void {
  const before = new Map(Object.entries(old));
  const after = new Map(Object.entries(now));
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const place = path === '' ? name : `${path}.${name}`;
    const a = before.get(name);
    const b = after.get(name);
    const inner = asStructure(a);
    const other = asStructure(b);
    // Lists of another length are told whole: the place of an element says little then.
    const isSameForm =
      inner !== null &&
      other !== null &&
      (Array.isArray(inner) ? Array.isArray(other) && inner.length === other.length : !Array.isArray(other));
    if (isSameForm) collect(inner, other, place, found);
    else if (JSON.stringify(a) !== JSON.stringify(b)) found.push({ path: place, old: a, now: b });
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? ABSENT;
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH - 3)}...` : text;
}
