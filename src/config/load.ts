import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import { type ZodType } from 'zod';
import { err, ok, type Result } from '../result.js';
import { readFileLayer } from './file-layer.js';
import { findings, type Finding } from './issues.js';
import { decidingLayer, mergeLayers, valueAt, type ConfigTree, type Layer, type Path } from './layer.js';
import { nearest } from '../nearest.js';
import { resolvePaths } from './path-values.js';
import { pathText, type ConfigProblem, type Place } from './problem.js';
import { allPaths, ROOT_KEYS, type Namespaces } from './schema.js';
import { environmentLayers, parseSetOption } from './set-option.js';

/** Loaded when no file is named and the working directory has it. */
export const DEFAULT_CONFIG_FILE = 'neuroloom.yaml';

/** What `loadConfig` reads: schemas, files, environment and `--set` values. */
export interface LoadConfigOptions<N extends Namespaces> {
  /** Schemas of all blocks: those of the chosen workflow and those of all others that are known. */
  readonly namespaces: N;
  /** Blocks that must be valid even when nothing gives them; others may be absent. Default: all. */
  readonly needed?: readonly (keyof N & string)[];
  /** Configuration files, later ones win; relative to `cwd`. */
  readonly files?: readonly string[];
  readonly cwd?: string;
  /** `NEUROLOOM_SET__a__b` sets `a.b`. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `a.b=1`, later ones win; values are YAML. */
  readonly set?: readonly string[];
}

/** Values of all blocks with defaults filled in; `input_dir` and `output_dir` are absolute or null. */
export type Config<N extends Namespaces = Namespaces> = {
  readonly input_dir: string | null;
  readonly output_dir: string | null;
  readonly executor: 'local' | 'slurm';
  readonly report_time_limit_s: number | null;
} & { readonly [K in keyof N]: z.output<N[K]> };

/** A valid configuration, with the origin of every value. */
export interface LoadedConfig<N extends Namespaces = Namespaces> {
  readonly config: Config<N>;
  /** Absolute paths of the files that were read, in the order of their layers. */
  readonly files: readonly string[];
  /** Where a value comes from, and the line that gives it; `default` when nothing sets it. */
  place(path: Path): Place;
}

/** The configuration file of a directory, or none: what `-c` falls back to. */
export function defaultConfigFiles(cwd: string): string[] {
  const file = join(cwd, DEFAULT_CONFIG_FILE);
  return existsSync(file) ? [file] : [];
}

/**
 * Reads and checks a configuration: defaults < files < environment < `set`. All problems of all layers are reported
 * together; an unreadable layer is reported before values are checked, because they would be judged without it.
 */
export async function loadConfig<N extends Namespaces>(
  options: LoadConfigOptions<N>,
): Promise<Result<LoadedConfig<N>, ConfigProblem[]>> {
  const cwd = resolve(options.cwd ?? '.');
  const files = (options.files ?? []).map((file) => resolve(cwd, file));
  const fileLayers = await Promise.all(files.map((file) => readFileLayer(file, cwd)));
  const rest = [...environmentLayers(options.env ?? {}), ...(options.set ?? []).map(parseSetOption)];
  const read = [...fileLayers, ...rest];
  const unreadable = read.flatMap((layer) => (layer.ok ? [] : layer.error));
  if (unreadable.length > 0) return err(unreadable);

  const layers = read.flatMap((layer) => (layer.ok ? [layer.value] : []));
  const merged = mergeLayers(layers);
  const { values, found } = check(options.namespaces, options.needed, merged);
  const problems = found.map((finding) => toProblem(finding, layers));
  if (problems.length > 0) return err(inOrder(problems));

  const directories = new Map<Layer, string>();
  fileLayers.forEach((layer, i) => layer.ok && directories.set(layer.value, dirname(files[i]!)));
  const baseOf = (path: Path): string => {
    const layer = decidingLayer(layers, path);
    return (layer && directories.get(layer)) ?? cwd;
  };
  for (const key of ['input_dir', 'output_dir'] as const) {
    const given = values[key];
    if (typeof given === 'string') values[key] = isAbsolute(given) ? given : resolve(baseOf([key]), given);
  }
  resolvePaths(options.namespaces, values, baseOf);
  const place = (path: Path): Place =>
    decidingLayer(layers, path) !== null && valueAt(merged, path) !== undefined
      ? locate(layers, path, 'value')
      : { origin: { kind: 'default' }, excerpt: null };
  return ok({ config: values as Config<N>, files, place });
}

function check(
  namespaces: Namespaces,
  needed: readonly string[] | undefined,
  merged: ConfigTree,
): { values: Record<string, unknown>; found: Finding[] } {
  const schemas: Record<string, ZodType> = { ...ROOT_KEYS, ...namespaces };
  const values: Record<string, unknown> = {};
  const found: Finding[] = unknownRootKeys(merged, schemas);
  for (const [key, schema] of Object.entries(schemas)) {
    const given = merged[key];
    const isBlock = !Object.hasOwn(ROOT_KEYS, key);
    // `learned_atlas:` with nothing below it is a block without keys, not a wrong value.
    const input = isBlock ? (given ?? {}) : given;
    const parsed = schema.safeParse(input);
    if (parsed.success) values[key] = parsed.data;
    else if (!isBlock || Object.hasOwn(merged, key) || (needed?.includes(key) ?? true)) {
      found.push(...findings(schema, input, parsed.error.issues, [key]));
    }
  }
  return { values, found: found.map((finding) => pointElsewhere(finding, schemas)) };
}

function unknownRootKeys(merged: ConfigTree, schemas: Readonly<Record<string, ZodType>>): Finding[] {
  return Object.keys(merged)
    .filter((key) => !Object.hasOwn(schemas, key))
    .map((key) => {
      const near = nearest(key, Object.keys(schemas));
      return {
        code: 'CONFIG_UNKNOWN_KEY',
        path: [key],
        part: 'key',
        message: `unknown key ${key}${near === null ? '' : `; did you mean ${near}?`}`,
        cure: near === null ? `use one of ${Object.keys(schemas).join(', ')}` : null,
      };
    });
}

/** A key that exists, but in another block, was not misspelled: say where it belongs. */
function pointElsewhere(finding: Finding, schemas: Readonly<Record<string, ZodType>>): Finding {
  if (finding.code !== 'CONFIG_UNKNOWN_KEY') return finding;
  const key = finding.path.at(-1);
  const elsewhere = Object.entries(schemas)
    .flatMap(([name, schema]) => allPaths(schema, [name]))
    .filter((path) => path.at(-1) === key)
    .map((path) => path.join('.'));
  if (elsewhere.length === 0) return finding;
  const cure = `write it as ${elsewhere.slice(0, 3).join(' or ')}`;
  return { ...finding, message: `unknown key ${String(key)} here`, cure };
}

function locate(layers: readonly Layer[], path: Path, part: 'key' | 'value'): Place {
  const layer = decidingLayer(layers, path);
  return layer === null ? { origin: { kind: 'default' }, excerpt: null } : layer.locate(path, part);
}

function toProblem(finding: Finding, layers: readonly Layer[]): ConfigProblem {
  const place = locate(layers, finding.path, finding.part);
  const { code, message, cure } = finding;
  return { severity: 'error', code, path: pathText(finding.path), message, cure, ...place };
}

/** Problems of one file in the order of its lines; files, variables and options as they first occur. */
function inOrder(problems: ConfigProblem[]): ConfigProblem[] {
  const source = ({ origin }: ConfigProblem): string => (origin?.kind === 'file' ? origin.file : '');
  const sources = [...new Set(problems.map(source))];
  const line = ({ origin }: ConfigProblem): [number, number] =>
    origin?.kind === 'file' ? [origin.line, origin.column] : [0, 0];
  return [...problems].sort((a, b) => {
    const [lineA, columnA] = line(a);
    const [lineB, columnB] = line(b);
    return sources.indexOf(source(a)) - sources.indexOf(source(b)) || lineA - lineB || columnA - columnB;
  });
}
