import { z, type ZodType } from 'zod';
import type { Path } from './layer.js';

/** Schemas of the blocks that a configuration may hold, by the name of the block. */
export type Namespaces = Readonly<Record<string, ZodType>>;

/** Keys beside the blocks. Paths in a file are relative to that file, other paths to the working directory. */
export const ROOT_KEYS = {
  input_dir: z.string().min(1).nullable().default(null).describe('Directory to read when -i is not given'),
  output_dir: z.string().min(1).nullable().default(null).describe('Directory to write when -o is not given'),
  executor: z
    .enum(['local', 'slurm'])
    .default('local')
    .describe('Where nodes run: on this machine, or as jobs of a SLURM cluster (block slurm)'),
  report_time_limit_s: z
    .number()
    .gt(0)
    .nullable()
    .default(900)
    .describe('Longest time that drawing the report of a run may take, s; null: no limit'),
} as const;

/** What every `def` of zod may hold that matters for walking; kinds without it simply have no such field. */
interface Def {
  readonly type: string;
  readonly innerType?: ZodType;
  readonly in?: ZodType;
  readonly getter?: () => ZodType;
  readonly options?: readonly ZodType[];
  readonly shape?: Readonly<Record<string, ZodType>>;
  readonly element?: ZodType;
  readonly items?: readonly ZodType[];
  readonly valueType?: ZodType;
  readonly left?: ZodType;
  readonly right?: ZodType;
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly values?: readonly unknown[];
}

function definition(schema: ZodType): Def {
  return schema._zod.def as unknown as Def;
}

/** The schema behind defaults, null, optional and pipes; the several schemas of a union. */
function alternatives(schema: ZodType): ZodType[] {
  const def = definition(schema);
  if (def.type === 'union') return def.options!.flatMap(alternatives);
  if (def.type === 'intersection') return [...alternatives(def.left!), ...alternatives(def.right!)];
  if (def.type === 'lazy') return alternatives(def.getter!());
  if (def.type === 'pipe') return alternatives(def.in!);
  return def.innerType === undefined ? [schema] : alternatives(def.innerType);
}

/** The schemas that may describe the value at a path below `schema`; empty when there is no such path. */
export function schemasAt(schema: ZodType, path: Path): ZodType[] {
  return path.reduce<ZodType[]>((found, part) => found.flatMap((one) => childrenOf(one, part)), [schema]);
}

function childrenOf(schema: ZodType, part: string | number): ZodType[] {
  return alternatives(schema).flatMap((one) => {
    const def = definition(one);
    const child =
      def.shape !== undefined && Object.hasOwn(def.shape, part)
        ? def.shape[part]
        : (def.element ?? def.valueType ?? def.items?.[Number(part)]);
    return child === undefined ? [] : [child];
  });
}

/** Keys that a block may hold; empty when the value is not a block with fixed keys. */
export function keysOf(schema: ZodType): string[] {
  return [...new Set(alternatives(schema).flatMap((one) => Object.keys(definition(one).shape ?? {})))];
}

/** Every path of fixed keys below a schema, blocks before what they hold. */
export function allPaths(schema: ZodType, path: readonly string[] = []): string[][] {
  if (path.length > 16) return []; // a recursive schema has no end
  return keysOf(schema).flatMap((key) => {
    const at = [...path, key];
    return [at, ...childrenOf(schema, key).flatMap((child) => allPaths(child, at))];
  });
}

/** What a schema accepts, in words: `a number`, `true or false`, `one of a, b`, `null`. */
export function acceptedBy(schema: ZodType): string[] {
  const isNullable = acceptsNull(schema);
  const words = alternatives(schema).map((one) => {
    const def = definition(one);
    if (def.type === 'enum') return `one of ${Object.values(def.entries!).join(', ')}`;
    if (def.type === 'literal') return def.values!.map((value) => String(value)).join(' or ');
    if (def.type === 'array') return `a list of ${[...new Set(acceptedBy(def.element!))].join(' or ')}`;
    if (def.type === 'tuple') return `a list of ${def.items!.length}`;
    return typeWords(def.type);
  });
  return [...new Set(isNullable ? [...words, 'null'] : words)];
}

function acceptsNull(schema: ZodType): boolean {
  const def = definition(schema);
  if (def.type === 'nullable') return true;
  if (def.type === 'union') return def.options!.some(acceptsNull);
  if (def.type === 'lazy') return acceptsNull(def.getter!());
  const inner = def.innerType ?? def.in;
  return inner !== undefined && acceptsNull(inner);
}

/** Words for the type names that zod uses in schemas and in issues. */
export function typeWords(type: string): string {
  switch (type) {
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'int':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'array':
    case 'tuple':
      return 'a list';
    case 'object':
    case 'record':
    case 'map':
      return 'a block of keys';
    default:
      return type;
  }
}

/** JSON Schema (2020-12) of a whole configuration file, as a user writes it. */
export function configJsonSchema(namespaces: Namespaces): Record<string, unknown> {
  const blocks = Object.entries(namespaces).map(([name, schema]) => [name, schema.optional()] as const);
  const root = z.strictObject({ ...ROOT_KEYS, ...Object.fromEntries(blocks) });
  return z.toJSONSchema(root, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // zod leaves out the default of what is transformed, because it is an output; it stays where it is an input too.
      if (def.type !== 'default' || jsonSchema.default !== undefined) return;
      const { innerType, defaultValue } = def;
      if (z.safeParse(innerType, defaultValue).success)
        jsonSchema.default = defaultValue as typeof jsonSchema.default;
    },
  });
}
