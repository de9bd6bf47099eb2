import type { ZodType } from 'zod';
import { shownPath, type Namespaces } from '../config/index.js';
import { registeredWorkflows, unknownWorkflow, type WorkflowDefinition } from '../engine/registry.js';
import { BUILTIN_WORKFLOWS, type SampleWriter } from '../workflows/index.js';
import { loadModules } from './load-modules.js';
import type { Session } from './session.js';

/** A workflow that can be chosen. Built-in ones are not imported before they are asked for more than their name. */
export interface CatalogEntry {
  readonly name: string;
  readonly summary: string;
  readonly scope: string;
  /** Its block of the configuration. */
  readonly namespace: string;
  /** `built in`, or the module that registered it. */
  readonly source: string;
  readonly configSchema: () => Promise<ZodType>;
  readonly definition: () => Promise<WorkflowDefinition>;
  readonly sample: (() => Promise<SampleWriter>) | null;
}

export interface Catalog {
  readonly entries: readonly CatalogEntry[];
  /** @throws ConfigError UNKNOWN_WORKFLOW with the nearest name */
  find(name: string): CatalogEntry;
  /** Schemas of the blocks of all workflows, and of the cluster. */
  namespaces(): Promise<Namespaces>;
}

/** The built-in workflows and those of the modules given with `--load`. */
export async function openCatalog(session: Pick<Session, 'cwd' | 'options'>): Promise<Catalog> {
  await loadModules(session.options.load, session.cwd);
  const builtin = BUILTIN_WORKFLOWS.map(builtinEntry);
  const builtinNames = new Set(builtin.map((entry) => entry.name));
  const loaded = registeredWorkflows()
    .filter((definition) => !builtinNames.has(definition.name))
    .map((definition) => loadedEntry(definition, session.cwd));
  const entries = [...builtin, ...loaded];
  return {
    entries,
    find: (name) => findEntry(entries, name),
    async namespaces() {
      const blocks = entries.map(async (entry) => [entry.namespace, await entry.configSchema()] as const);
      // The scheduler of a cluster and the images of tools are no workflow's: their blocks stand beside theirs.
      const { SlurmConfig } = await import('../engine/executors/slurm-settings.js');
      const { ContainersConfig } = await import('../engine/containers/settings.js');
      return {
        ...Object.fromEntries(await Promise.all(blocks)),
        slurm: SlurmConfig,
        containers: ContainersConfig,
      };
    },
  };
}

function builtinEntry(entry: (typeof BUILTIN_WORKFLOWS)[number]): CatalogEntry {
  const { name, summary, scope, namespace, loadConfigSchema, load } = entry;
  const sample = 'sample' in entry ? (entry.sample ?? null) : null;
  return {
    name,
    summary,
    scope,
    namespace,
    source: 'built in',
    configSchema: loadConfigSchema,
    definition: load,
    sample,
  };
}

function loadedEntry(definition: WorkflowDefinition, cwd: string): CatalogEntry {
  const { name, summary, scope, configNamespace, configSchema, file } = definition;
  return {
    name,
    summary,
    scope,
    namespace: configNamespace,
    source: shownPath(file, cwd),
    configSchema: () => Promise.resolve(configSchema),
    definition: () => Promise.resolve(definition),
    sample: null,
  };
}

function findEntry(entries: readonly CatalogEntry[], name: string): CatalogEntry {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const names = entries.map((candidate) => candidate.name);
  throw unknownWorkflow(name, names);
}
