/**
 * JSON beside each published file: what it was made from and by what (BIDS `Sources`, `GeneratedBy`). Nothing in it
 * differs between two equal runs.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { eachSource } from './instance-sources.js';
import type { InstanceTable } from './instance-table.js';
import type { PublishedFile } from './publish.js';
import { sourceName } from './source-name.js';
import { writePieces } from './write-pieces.js';

export interface SidecarOptions {
  /** Absolute. */
  readonly outputDir: string;
  /** Absolute; files below it are told relative to it, so that moved data gives the same sidecars. */
  readonly inputDir: string | null;
  readonly workflow: string;
  /** Of neuroloom. */
  readonly version: string;
  readonly table: InstanceTable;
  /** Every file that the run published. */
  readonly published: readonly PublishedFile[];
  /** Files whose sidecar is known to stand as this run would write it. */
  readonly isKnown: (file: PublishedFile, sidecar: string) => boolean;
}

/** Longer lists of sources are cut, which `SourcesLeftOut` tells. */
const MOST_SOURCES = 5000;
const SOFTWARE = 'neuroloom';

/**
 * Writes what is missing or has changed. Files of a workflow that are JSON speak for themselves, and so does a file whose
 * workflow publishes JSON under the name of the sidecar.
 *
 * @returns per published file, in order: its sidecar, relative to the output directory; null: it has none
 * @throws StorageError when the disk refuses
 */
export function writeSidecars(options: SidecarOptions): (string | null)[] {
  const { published, outputDir, isKnown } = options;
  const names = sidecarNames(published.map(({ path }) => path));
  const origins = new Origins(options);
  return published.map((file, at) => {
    const [short, long] = names[at] ?? [];
    if (short === undefined || long === undefined) return null;
    if (isKnown(file, short) && existsSync(join(outputDir, short))) return short;
    const text = `${JSON.stringify(origins.describe(file), null, 2)}\n`;
    return [short, long].find((name) => writeOwn(join(outputDir, name), text)) ?? null;
  });
}

/** @returns false when a file stands there that is not a sidecar of ours */
function writeOwn(path: string, text: string): boolean {
  if (existsSync(path)) {
    const there = readFileSync(path, 'utf8');
    if (there === text) return true;
    if (!isSidecar(there)) return false;
  }
  writePieces(path, [text]);
  return true;
}

/** Whether a text is a sidecar that this module wrote. */
export function isSidecar(text: string): boolean {
  let json: { GeneratedBy?: { Name?: unknown }[]; NodeKey?: unknown } | null;
  try {
    json = JSON.parse(text) as typeof json;
  } catch {
    return false;
  }
  return typeof json?.NodeKey === 'string' && json.GeneratedBy?.[0]?.Name === SOFTWARE;
}

/**
 * For each file the name of its sidecar and another one for the case that the first is taken; undefined: none.
 * `map.nii.gz` has `map.json`, unless another file would have it too: then `map.nii.gz.json`.
 */
function sidecarNames(paths: readonly string[]): (readonly [string, string] | undefined)[] {
  const all = new Set(paths);
  const shared = new Map<string, number>();
  for (const path of paths) shared.set(stemOf(path), (shared.get(stemOf(path)) ?? 0) + 1);
  return paths.map((path) => {
    if (path.endsWith('.json')) return undefined;
    const stem = stemOf(path);
    const short = `${stem}.json`;
    const long = `${path}.json`;
    if (all.has(short) || all.has(long)) return undefined;
    return [shared.get(stem) === 1 ? short : long, long] as const;
  });
}

/** Without its extension, a double one as a whole: `a/map.nii.gz`, `a/lh.func.gii`. */
function stemOf(path: string): string {
  const folder = posix.dirname(path);
  const name = posix
    .basename(path)
    .replace(/\.gz$/, '')
    .replace(/(?<=.)\.[^.]+$/, '')
    .replace(/\.(?:func|surf|shape|label|time|dscalar|dlabel|dtseries)$/, '');
  return folder === '.' ? name : `${folder}/${name}`;
}

/** Where published files come from: the nearest published files and files outside the graph above them. */
class Origins {
  readonly #options: SidecarOptions;
  /** By instance and digest. */
  readonly #names = new Map<string, string>();

  constructor(options: SidecarOptions) {
    this.#options = options;
    for (const { instance, digest, path } of options.published) {
      const id = `${instance} ${digest}`;
      if (!this.#names.has(id)) this.#names.set(id, path);
    }
  }

  describe({ path, instance }: PublishedFile): object {
    const { table, workflow, version } = this.#options;
    const { node } = table.instance(instance);
    const sources = this.#sourcesOf(instance);
    const leftOut = sources.length - MOST_SOURCES;
    return {
      Description: `${posix.basename(path)} of the workflow ${workflow}`,
      GeneratedBy: [
        { Name: SOFTWARE, Version: version, Workflow: workflow, Node: node.name, NodeVersion: node.version },
      ],
      NodeKey: table.result(instance)?.key ?? '',
      Sources: sources.slice(0, MOST_SOURCES),
      ...(leftOut > 0 && { SourcesLeftOut: leftOut }),
    };
  }

  #sourcesOf(instance: number): string[] {
    const { table } = this.#options;
    const found = new Set<string>();
    const seen = new Set([instance]);
    const open = [instance];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      eachSource(table, index, (_port, source) => {
        if (source.kind === 'external') {
          found.add(sourceName(resolve(source.path), this.#options));
          return;
        }
        const { record } = source;
        const name =
          record.kind === 'file' ? this.#names.get(`${source.instance} ${record.digest}`) : undefined;
        if (name !== undefined) found.add(`bids::${name}`);
        else if (!seen.has(source.instance)) {
          seen.add(source.instance);
          open.push(source.instance);
        }
      });
    }
    return [...found].sort();
  }
}
