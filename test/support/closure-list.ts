import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { canonicalDigest } from '../../src/engine/canonical.js';
import { closureDigest, importClosure } from '../../src/engine/closure-digest.js';
import type { NodeDefinition } from '../../src/engine/node.js';
import { PACKAGE_ROOT } from '../../src/engine/package-root.js';

/** What is written down about a built-in node: the code under which its version was last confirmed. */
export interface ClosureEntry {
  readonly version: number;
  readonly closure: string;
  /** Changes of the code under this version that were said not to change results, oldest first. */
  readonly results_unchanged: readonly { readonly closure: string; readonly reason: string }[];
}

export type ClosureList = Readonly<Record<string, ClosureEntry>>;

export interface CurrentNode {
  readonly name: string;
  readonly version: number;
  readonly closure: string;
  /** For messages, relative to the package. */
  readonly file: string;
}

/** Every node that a module under src/nodes exports, with the digest of the code that it runs now. */
export async function currentNodes(): Promise<CurrentNode[]> {
  const root = path.join(PACKAGE_ROOT, 'src', 'nodes');
  const nodes: CurrentNode[] = [];
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.ts')) continue;
    const file = path.join(root, name);
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    for (const item of Object.values(exported)) {
      if (!isNode(item)) continue;
      const closure = await sourceClosure(file);
      nodes.push({
        name: item.name,
        version: item.version,
        closure,
        file: path.relative(PACKAGE_ROOT, file),
      });
    }
  }
  return nodes;
}

function isNode(item: unknown): item is NodeDefinition {
  return (
    typeof item === 'object' && item !== null && (item as NodeDefinition).kind === 'node' && 'run' in item
  );
}

/**
 * Digest of a source module's closure. Layout, comments and types do not count; the engine, which computes nothing,
 * is left out; the C++ sources count where the addon is used.
 */
export async function sourceClosure(file: string): Promise<string> {
  const closure = await importClosure(file, { content: withoutComments });
  const kept = new Map([...closure].filter(([name]) => !isBelow(file, name, 'engine')));
  if ([...closure.keys()].some((name) => isBelow(file, name, 'native'))) kept.set('native', nativeDigest());
  return closureDigest(kept);
}

function isBelow(file: string, name: string, room: string): boolean {
  return path.resolve(path.dirname(file), name).startsWith(path.join(PACKAGE_ROOT, 'src', room) + path.sep);
}

/** Most files are in the closures of many nodes. */
const stripped = new Map<string, string>();

function withoutComments(source: Buffer, file: string): string {
  const text = source.toString('utf8');
  if (!file.endsWith('.ts')) return text;
  let code = stripped.get(text);
  if (code === undefined) stripped.set(text, (code = transpiled(text, file)));
  return code;
}

function transpiled(text: string, file: string): string {
  const { outputText } = ts.transpileModule(text, {
    fileName: file,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, removeComments: true },
  });
  return outputText;
}

let native: string | undefined;

function nativeDigest(): string {
  const root = path.join(PACKAGE_ROOT, 'native');
  native ??= canonicalDigest(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(cc|h|inl|gyp)$/.test(name) && !name.startsWith('build'))
      .sort()
      .map((name) => [name, readFileSync(path.join(root, name), 'utf8')]),
  );
  return native;
}

/**
 * What the list has to become, and what stands against it.
 *
 * @param reason - why changed code gives the results that it gave before; null when nobody said so
 */
export function nextClosureList(
  list: ClosureList,
  current: readonly CurrentNode[],
  reason: string | null,
): { readonly list: ClosureList; readonly problems: readonly string[] } {
  const next: Record<string, ClosureEntry> = {};
  const problems: string[] = [];
  for (const { name, version, closure, file } of [...current].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (next[name] !== undefined) problems.push(`${file}: two nodes are called ${name}`);
    const entry = list[name];
    if (entry === undefined || version > entry.version)
      next[name] = { version, closure, results_unchanged: [] };
    else if (version < entry.version) {
      problems.push(
        `${file}: version ${version} of ${name} is older than ${entry.version}, which was used before`,
      );
      next[name] = entry;
    } else if (entry.closure === closure) next[name] = entry;
    else if (reason === null) {
      problems.push(`${file}: the code of ${name} changed, and its version is still ${version}`);
      next[name] = entry;
    } else {
      next[name] = { version, closure, results_unchanged: [...entry.results_unchanged, { closure, reason }] };
    }
  }
  return { list: next, problems };
}
