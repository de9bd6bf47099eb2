import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../errors.js';
import { canonicalDigest } from './canonical.js';
import type { NodeDefinition } from './node.js';
import { isBuiltinModule } from './package-root.js';
import { transpile, TYPESCRIPT_MODULE } from './transpile.js';

/** What a module imports, as written; a dynamic import counts when its argument is a literal. */
export type ImportLister = (source: string, file: string) => Promise<readonly string[]> | readonly string[];

export interface ClosureOptions {
  readonly listImports?: ImportLister;
  /** Content that is digested for a file; by default its bytes. */
  readonly content?: (source: Buffer, file: string) => Buffer | string;
}

/**
 * The code that a module runs: every file it imports, over and over, by path relative to the module and digest of
 * its content; packages by name and version. Node's own modules are left out, and so is this package's main entry,
 * which declares nodes and computes nothing.
 *
 * @param file - absolute path of the module
 * @returns name to digest (files) or version (packages), sorted by name
 * @throws ConfigError NODE_DEFINITION when an imported file is missing or cannot be parsed
 */
export async function importClosure(
  file: string,
  options: ClosureOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const listImports = options.listImports ?? lexImports;
  const content = options.content ?? ((source: Buffer): Buffer => source);
  const found = new Map<string, string>();
  const queue = [file];
  const seen = new Set(queue);
  for (let i = 0; i < queue.length; i += 1) {
    const current = queue[i] as string;
    const source = readFileSync(current);
    const name = path.relative(path.dirname(file), current).split(path.sep).join('/');
    found.set(name, createHash('sha256').update(content(source, current)).digest('hex'));
    if (!/\.[mc]?[jt]s$/.test(current)) continue;
    for (const specifier of await listImports(source.toString('utf8'), current)) {
      const target = resolveImport(specifier, current);
      if (target.kind === 'package') found.set(target.name, target.version);
      if (target.kind === 'file' && !seen.has(target.file)) {
        seen.add(target.file);
        queue.push(target.file);
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One digest of an import closure. */
export function closureDigest(closure: ReadonlyMap<string, string>): string {
  return canonicalDigest(['closure/1', [...closure]]);
}

/**
 * Code digests of nodes, by module: null for built-in nodes, which are keyed by their version (a test of this
 * package keeps versions honest), the digest of the import closure for all others.
 */
export async function codeDigests(
  nodes: Iterable<NodeDefinition>,
): Promise<ReadonlyMap<string, string | null>> {
  const digests = new Map<string, string | null>();
  for (const { module } of nodes) {
    if (digests.has(module)) continue;
    const digest = isBuiltinModule(module) ? null : closureDigest(await importClosure(fileURLToPath(module)));
    digests.set(module, digest);
  }
  return digests;
}

async function lexImports(source: string, file: string): Promise<string[]> {
  const lexer = await import('es-module-lexer');
  await lexer.init;
  const parse = (text: string): ReturnType<typeof lexer.parse>[0] => lexer.parse(text, file)[0];
  try {
    let imports: ReturnType<typeof parse>;
    try {
      imports = parse(source);
    } catch (cause) {
      // The lexer reads most TypeScript as it is.
      if (!TYPESCRIPT_MODULE.test(file)) throw cause;
      imports = parse(transpile(source, file));
    }
    const names: string[] = [];
    for (const item of imports) {
      if (item.type === 'import-meta' || item.specifier === undefined) continue;
      if (item.type === 'dynamic' ? !item.glob : !item.typeOnly) names.push(item.specifier);
    }
    return names;
  } catch (cause) {
    throw new ConfigError(
      'NODE_DEFINITION',
      'this module cannot be parsed, so its code cannot be identified',
      {
        where: file,
        cure: 'correct its syntax; a module is JavaScript (.js, .mjs) or TypeScript (.ts, .mts)',
        cause,
      },
    );
  }
}

type Target =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'package'; readonly name: string; readonly version: string }
  | { readonly kind: 'ignored' };

const OWN_NAME = 'neuroloom';

function resolveImport(specifier: string, from: string): Target {
  if (isBuiltin(specifier) || specifier === OWN_NAME || specifier.startsWith('data:'))
    return { kind: 'ignored' };
  if (/^\.{0,2}\//.test(specifier) || specifier.startsWith('file:')) {
    const url = specifier.startsWith('file:') ? specifier : null;
    const plain = specifier.replace(/[?#].*$/, '');
    const file = url === null ? path.resolve(path.dirname(from), decodeURI(plain)) : fileURLToPath(url);
    const existing = [
      file,
      file.replace(/\.js$/, '.ts'),
      file.replace(/\.mjs$/, '.mts'),
      // Types alone: an import that TypeScript drops.
      file.replace(/\.js$/, '.d.ts'),
    ].find((name) => existsSync(name));
    if (existing === undefined) {
      throw new ConfigError('NODE_DEFINITION', `imports ${specifier}, which does not exist`, {
        where: from,
        cure: 'correct the import',
      });
    }
    return { kind: 'file', file: existing };
  }
  const name = packageName(specifier);
  return { kind: 'package', name: specifier, version: packageVersionOf(name, from) };
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] as string);
}

/** Version of an installed package by walking up, as Node does; `unknown` for imports that Node maps elsewhere. */
function packageVersionOf(name: string, from: string): string {
  for (let directory = path.dirname(from); ; directory = path.dirname(directory)) {
    const installed = readManifest(path.join(directory, 'node_modules', name, 'package.json'));
    if (installed !== null) return installed.version ?? 'unknown';
    // A package may import itself by name.
    const own = readManifest(path.join(directory, 'package.json'));
    if (own?.name === name) return own.version ?? 'unknown';
    if (directory === path.dirname(directory)) return 'unknown';
  }
}

function readManifest(file: string): { name?: string; version?: string } | null {
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
    : null;
}
