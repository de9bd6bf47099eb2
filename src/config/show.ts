import { isTree, type ConfigTree } from './layer.js';
import { originText, type Origin, type Place } from './problem.js';
import { yamlPackage } from './yaml-package.js';

/** One value of a configuration and where it comes from. */
export interface ShownValue {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly origin: Origin;
}

/** Every value that is not a block of keys, in the order of the schema. */
export function configValues(
  config: ConfigTree,
  place: (path: readonly string[]) => Place,
  path: readonly string[] = [],
): ShownValue[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const at = [...path, key];
    return isTree(value) && Object.keys(value).length > 0
      ? configValues(value, place, at)
      : [{ path: at, value, origin: place(at).origin }];
  });
}

/** Column at which the origins begin, unless a value is longer. */
const COMMENT_COLUMN = 48;

/** The configuration as YAML that can be used again; each value is followed by a comment with its origin. */
export function configYaml(values: readonly ShownValue[]): string {
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const { path, value, origin } of values) {
    const blocks = path.slice(0, -1);
    const common = blocks.findIndex((key, depth) => open[depth] !== key);
    for (let depth = common < 0 ? blocks.length : common; depth < blocks.length; depth++) {
      lines.push(`${'  '.repeat(depth)}${word(blocks[depth]!)}:`);
    }
    open = blocks;
    const line = `${'  '.repeat(blocks.length)}${word(path.at(-1)!)}: ${word(value)}`;
    lines.push(`${line.padEnd(COMMENT_COLUMN)} # ${originText(origin)}`);
  }
  return lines.join('\n');
}

/** A value as YAML on one line. */
export function word(value: unknown): string {
  const options = { collectionStyle: 'flow', lineWidth: 0, nullStr: 'null' } as const;
  return yamlPackage()
    .stringify(value, { ...options, defaultStringType: 'PLAIN', blockQuote: false })
    .trimEnd();
}
