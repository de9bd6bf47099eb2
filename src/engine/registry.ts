import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { ConfigError } from '../errors.js';
import { nearest } from '../nearest.js';
import type { Workflow } from './builder.js';
import { callerModule } from './caller.js';
import type { CohortDir } from './cohort-dir.js';
import type { ReportSection } from './report-section.js';
import type { Problem } from './requirements.js';
import type { ResultFiles } from './result-files.js';

/** Where and for whom a workflow is built. */
export interface WorkflowContext {
  /** Absolute; `-i`. */
  readonly inputDir: string;
  /** Absolute; `-o`. */
  readonly outputDir: string;
  /** Labels that `--participants` chose; null for all. */
  readonly participants: readonly string[] | null;
  readonly seed: number;
  /** Threads that the run may use together. */
  readonly cpus: number;
}

export type WorkflowScope = 'cohort' | 'participant';

/** Programs and products of other workflows that must be there. */
export interface WorkflowRequirements {
  /** Names of programs on the search path. */
  readonly tools: readonly string[];
  /** `workflow.product`, for example `atlas.atlasDir`. */
  readonly products: readonly string[];
}

export interface WorkflowFields<S extends z.ZodType, N extends string> {
  /** snake_case; what `-w` takes. */
  readonly name: N;
  /** One sentence for `pipeline list`. */
  readonly summary?: string;
  readonly scope: WorkflowScope;
  /** Its block of the configuration. */
  readonly configNamespace: string;
  readonly configSchema: S;
  /** true: `verifyRequirements` reports a missing input directory itself. Default false: the engine does. */
  readonly checksInput?: boolean;
}

/** Folders by the name of the product. */
export type ProducedDirs = Readonly<Record<string, CohortDir>>;

/** The merged configuration: every namespace, the workflow's own block among them. */
export type MergedConfig = Readonly<Record<string, unknown>>;

/** What `buildWorkflow` receives: next to these two a path per product, under its name. */
export type BuildArguments = { readonly config: MergedConfig; readonly context: WorkflowContext } & Readonly<
  Record<string, unknown>
>;

/**
 * What the class of a workflow provides. A class declares the parts of the configuration that it reads; the merged
 * configuration is validated before, so the parameters are `never` here and stand for whatever the class declares.
 */
export interface WorkflowBody {
  /** Everything that does not hold, at once; called before `buildWorkflow`, writes nothing. */
  verifyRequirements?(
    config: never,
    context: WorkflowContext,
  ): readonly Problem[] | Promise<readonly Problem[]>;
  /** Wires the nodes; never called with unmet requirements. See {@link BuildArguments}. */
  buildWorkflow(given: never): Workflow | Promise<Workflow>;
  /** The dry pass: shapes, types and bytes of what a run would write, item by item; writes nothing. */
  describeItems?(config: never, context: WorkflowContext): AsyncIterable<ItemDescription>;
  /** What the report of a run says of its results; called after a run with the files that are there. */
  describeResults?(results: ResultFiles): ReportSection | null | Promise<ReportSection | null>;
}

/** What a run would make of one item, found out without computing it. */
export interface ItemDescription {
  /** Name of the item, as tables and messages have it. */
  readonly item: string;
  /** Why nothing would be made of it, with how to mend that; null: it would. */
  readonly refused: string | null;
  /** What a person should know beforehand. */
  readonly notes: readonly string[];
  /** Arrays that would be written. */
  readonly arrays: readonly {
    /** Published file, and the dataset in it. */
    readonly file: string;
    readonly dataset: string;
    /** Names and sizes of its axes. */
    readonly axes: readonly (readonly [name: string, size: number])[];
    readonly type: 'float32' | 'float64';
    readonly bytes: number;
  }[];
  /** Calls in which it would be computed, and the bytes of the largest result of one. */
  readonly calls: number;
  readonly chunkBytes: number;
}

/** A registered workflow. */
export interface WorkflowDefinition {
  readonly name: string;
  readonly summary: string;
  readonly scope: WorkflowScope;
  readonly configNamespace: string;
  readonly configSchema: z.ZodType;
  readonly produces: ProducedDirs;
  readonly requires: WorkflowRequirements;
  readonly checksInput: boolean;
  /** Absolute path of the file that defines it. */
  readonly file: string;
  verifyRequirements(config: MergedConfig, context: WorkflowContext): Promise<readonly Problem[]>;
  buildWorkflow(given: BuildArguments): Promise<Workflow>;
  /** null: the workflow has no dry pass. */
  describeItems(config: MergedConfig, context: WorkflowContext): AsyncIterable<ItemDescription> | null;
  /** null: the workflow says nothing, or not of these files. */
  describeResults(results: ResultFiles): Promise<ReportSection | null>;
}

/** What `defineWorkflow` takes: name, scope, configuration, checks and wiring of a workflow. */
export interface WorkflowDeclaration<S extends z.ZodType = z.ZodType, N extends string = string>
  extends WorkflowFields<S, N>, WorkflowBody {
  readonly produces?: ProducedDirs;
  readonly requires?: Partial<WorkflowRequirements>;
  /** URL of the defining module; found from the call stack when absent. */
  readonly module?: string;
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const registered = new Map<string, { readonly definition: WorkflowDefinition; readonly identity: object }>();

/**
 * Registers a workflow. The decorators do the same for a class.
 *
 * @throws ConfigError WORKFLOW_DEFINITION when the declaration is wrong, or when another module defines the name
 */
export function defineWorkflow<S extends z.ZodType, N extends string>(
  declaration: WorkflowDeclaration<S, N>,
): WorkflowDefinition {
  return register(declaration, declaration, declaration.module ?? callerModule(defineWorkflow));
}

function register(declaration: WorkflowDeclaration, identity: object, module: string): WorkflowDefinition {
  const file = module.startsWith('file:') ? fileURLToPath(module) : module;
  const { name, configNamespace, configSchema } = declaration;
  const known = registered.get(name);
  if (known?.identity === identity) return known.definition;
  const refuse = (message: string, cure: string): never => {
    throw new ConfigError('WORKFLOW_DEFINITION', `workflow ${name}: ${message}`, { where: file, cure });
  };
  if (!NAME.test(name)) refuse('the name is not snake_case', 'use lower-case letters, digits and _');
  if (!NAME.test(configNamespace)) {
    refuse(`configNamespace '${configNamespace}' is not snake_case`, 'use lower-case letters, digits and _');
  }
  if (known !== undefined) {
    refuse(`defined in ${known.definition.file} and in ${file}`, 'rename one of the two');
  }
  for (const { definition } of registered.values()) {
    if (definition.configNamespace === configNamespace && definition.configSchema !== configSchema) {
      refuse(
        `configNamespace '${configNamespace}' belongs to workflow ${definition.name} (${definition.file})`,
        'use another namespace, or the same schema',
      );
    }
  }
  for (const [product, dir] of Object.entries(declaration.produces ?? {})) {
    if (product === 'config' || product === 'context') {
      refuse(`a product cannot be called ${product}`, 'use a name such as atlasDir');
    }
    if (dir.schema !== configSchema) {
      refuse(
        `product ${product} follows another schema than the workflow's own`,
        'use CohortDir.from(configSchema, ...)',
      );
    }
  }
  const definition: WorkflowDefinition = {
    name,
    summary: declaration.summary ?? '',
    checksInput: declaration.checksInput ?? false,
    scope: declaration.scope,
    configNamespace,
    configSchema,
    produces: declaration.produces ?? {},
    requires: { tools: declaration.requires?.tools ?? [], products: declaration.requires?.products ?? [] },
    file,
    verifyRequirements: async (config, context) =>
      (await declaration.verifyRequirements?.(config as never, context)) ?? [],
    buildWorkflow: async (given) => declaration.buildWorkflow(given as never),
    describeItems: (config, context) => declaration.describeItems?.(config as never, context) ?? null,
    describeResults: async (results) => (await declaration.describeResults?.(results)) ?? null,
  };
  registered.set(name, { definition, identity });
  return definition;
}

/** A class that `@workflow` can register. */
export type WorkflowClass = new () => WorkflowBody;

interface ClassFacts {
  produces: ProducedDirs;
  requires: Partial<WorkflowRequirements>;
  isRegistered: boolean;
}

const facts = new WeakMap<object, ClassFacts>();

function factsOf(target: object): ClassFacts {
  let known = facts.get(target);
  if (known === undefined) {
    known = { produces: {}, requires: {}, isRegistered: false };
    facts.set(target, known);
  }
  return known;
}

type DecorateClass = <C extends WorkflowClass>(target: C, context: ClassDecoratorContext<C>) => void;

/** Registers the class below it as a workflow; stands above `@produces` and `@requires`. */
export function workflow<S extends z.ZodType, N extends string>(fields: WorkflowFields<S, N>): DecorateClass {
  const module = callerModule(workflow);
  return (target) => {
    const known = factsOf(target);
    known.isRegistered = true;
    let body: WorkflowBody | undefined;
    const instance = (): WorkflowBody => (body ??= new target());
    register(
      {
        ...fields,
        produces: known.produces,
        requires: known.requires,
        verifyRequirements: (config, context) => instance().verifyRequirements?.(config, context) ?? [],
        buildWorkflow: (given) => instance().buildWorkflow(given),
        ...(target.prototype.describeItems !== undefined && {
          describeItems: (config: never, context: WorkflowContext) =>
            instance().describeItems!(config, context),
        }),
        describeResults: (results) => instance().describeResults?.(results) ?? null,
      },
      target,
      module,
    );
  };
}

/** Names the folders that a workflow writes; each reaches `buildWorkflow` as a path under its name. */
export function produces(dirs: ProducedDirs): DecorateClass {
  return (target) => {
    const known = factsOf(target);
    refuseLate(known, target, 'produces');
    known.produces = { ...known.produces, ...dirs };
  };
}

/** Names the programs and the products of other workflows that must be there before a run. */
export function requires(requirements: Partial<WorkflowRequirements>): DecorateClass {
  return (target) => {
    const known = factsOf(target);
    refuseLate(known, target, 'requires');
    known.requires = {
      tools: [...(known.requires.tools ?? []), ...(requirements.tools ?? [])],
      products: [...(known.requires.products ?? []), ...(requirements.products ?? [])],
    };
  };
}

function refuseLate(known: ClassFacts, target: WorkflowClass, name: string): void {
  if (!known.isRegistered) return;
  throw new ConfigError('WORKFLOW_DEFINITION', `class ${target.name}: @${name} stands above @workflow`, {
    where: target.name,
    cure: 'make @workflow the first decorator of the class',
  });
}

/** Every workflow that was registered so far, by name. */
export function registeredWorkflows(): readonly WorkflowDefinition[] {
  return [...registered.values()].map((entry) => entry.definition).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A registered workflow by its name.
 *
 * @throws ConfigError UNKNOWN_WORKFLOW with the nearest registered name
 */
export function getWorkflow(name: string): WorkflowDefinition {
  const entry = registered.get(name);
  if (entry === undefined) throw unknownWorkflow(name, registered.keys());
  return entry.definition;
}

/** The error for a name that no workflow has. */
export function unknownWorkflow(name: string, known: Iterable<string>): ConfigError {
  const names = [...known].sort();
  const near = nearest(name, names);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return new ConfigError('UNKNOWN_WORKFLOW', `there is no workflow '${name}'${hint}`, {
    cure:
      names.length === 0
        ? 'load one with --load'
        : `use one of ${names.join(', ')}, or load yours with --load`,
  });
}
