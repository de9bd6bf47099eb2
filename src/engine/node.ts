import { fileURLToPath } from 'node:url';
import { ConfigError } from '../errors.js';
import { callerModule } from './caller.js';
import type { BodyIn, BodyOut, OptionalPort, Ports } from './port.js';
import { wrongRetry, type RetryRule } from './retry.js';

/** What an instance occupies while it runs. None of it is part of a key. */
export interface Resources {
  /** Threads that the node may use. */
  readonly cpus: number;
  readonly memoryGb: number;
  readonly gpus: number;
  /** Named, counted things such as `license:matlab`. */
  readonly tokens: Readonly<Record<string, number>>;
}

/** What a node asks for that says nothing: one cpu, 0.5 GB, no graphics card, no tokens. */
export const DEFAULT_RESOURCES: Resources = { cpus: 1, memoryGb: 0.5, gpus: 0, tokens: {} };

/** A node that had nothing to do, and why. Cached like a result. */
export class Skip {
  readonly kind = 'skip';
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Messages of a node, one line each: into the log of the run, warnings also to the terminal and the report. */
export interface NodeLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What the engine offers to a running node. */
export interface NodeContext {
  /**
   * Absolute path for an output file, in the node's own directory.
   *
   * @param name - relative path with `/`, without `..`
   * @throws ProcessingError INVALID_ARGUMENT when the name leaves the directory
   */
  outputFile(name: string): string;
  /** Kept over kills and failures until the result is committed; null unless the node is `resumable`. */
  readonly checkpointDir: string | null;
  progress(done: number, total: number, text?: string): void;
  /** Numbers of interest while the node runs, for progress displays and the log. */
  metric(name: string, values: Readonly<Record<string, unknown>>): void;
  readonly log: NodeLog;
  readonly signal: AbortSignal;
  /** Threads granted to this instance. */
  readonly cpus: number;
  readonly seed: number;
  /** `return ctx.skip(reason)`: nothing to do here. */
  skip(reason: string): Skip;
}

/** What the body of a node receives for its input ports: parsed values, paths of files, lists of them. */
export type InputsOf<I extends Ports> = { readonly [K in keyof I]: BodyIn<I[K]> };

type OptionalNames<O extends Ports> = { [K in keyof O]: O[K] extends OptionalPort ? K : never }[keyof O];

/** What `run` returns. A word of an enumeration needs `as const`: TypeScript widens it to text otherwise. */
export type OutputsOf<O extends Ports> = {
  readonly [K in Exclude<keyof O, OptionalNames<O>>]: BodyOut<O[K]>;
} & { readonly [K in OptionalNames<O>]?: BodyOut<O[K]> };

/** A program whose version is part of the key: the first line that `command` prints. */
export interface ToolProbe {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Codes with which it may end; some programs do not end with 0 after telling their version. Default: 0. */
  readonly exitCodes?: readonly number[];
}

/** A container image that the node runs; its digest is part of the key. */
export interface NodeContainer {
  readonly name: string;
  /** Of the image file, 64 hex digits. */
  readonly sha256: string;
}

/** What `defineNode` takes: name, version, ports, requests and the body of a node. */
export interface NodeDeclaration<I extends Ports, O extends Ports> {
  /** snake_case; names the export that a worker looks for. */
  readonly name: string;
  /** Whole number from 1; a step says that results change. */
  readonly version: number;
  readonly inputs: I;
  readonly outputs: O;
  readonly resources?: Partial<Resources>;
  /** Ends the node after this time; no limit without it. */
  readonly timeoutMs?: number;
  /** How often it is tried again after a failure, for every class of failure or by class. */
  readonly retry?: RetryRule;
  /** Gives the node a checkpoint directory that survives kills. */
  readonly resumable?: boolean;
  /** Inputs that steer checkpoints only: they reach the node and are not part of the key. */
  readonly steering?: readonly (keyof I & string)[];
  /** false: a recomputation gives other bytes, so dependants are keyed by this node's key. */
  readonly deterministic?: boolean;
  /** Environment variables that reach the node; part of the key. */
  readonly env?: readonly string[];
  readonly tools?: readonly ToolProbe[];
  /** Images that the node runs. */
  readonly containers?: readonly NodeContainer[];
  /** A process of its own, which has run nothing else; nodes that ask for a gpu have one anyway. */
  readonly isolate?: boolean;
  /** URL of the module that exports the node; found from the call stack when absent. */
  readonly module?: string;
  run(inputs: InputsOf<I>, ctx: NodeContext): Promise<OutputsOf<O> | Skip> | OutputsOf<O> | Skip;
}

/** A declared node. Its code travels to workers by module and export name, never as a closure. */
export interface NodeDefinition<I extends Ports = Ports, O extends Ports = Ports> {
  readonly kind: 'node';
  readonly name: string;
  readonly version: number;
  readonly inputs: I;
  readonly outputs: O;
  readonly resources: Resources;
  readonly timeoutMs: number | null;
  readonly retry: RetryRule | null;
  readonly resumable: boolean;
  readonly steering: readonly string[];
  readonly deterministic: boolean;
  readonly env: readonly string[];
  readonly tools: readonly ToolProbe[];
  readonly containers: readonly NodeContainer[];
  readonly isolate: boolean;
  /** file: URL of the module that exports this node. */
  readonly module: string;
  // A method, so that a definition with narrower ports is still a NodeDefinition.
  run(inputs: InputsOf<I>, ctx: NodeContext): Promise<OutputsOf<O> | Skip> | OutputsOf<O> | Skip;
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const PORT_NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/;

/**
 * Declares a node: what goes in, what comes out, what it needs, and a short body.
 *
 * @throws ConfigError NODE_DEFINITION when the declaration is wrong
 */
export function defineNode<const I extends Ports, const O extends Ports>(
  declaration: NodeDeclaration<I, O>,
): NodeDefinition<I, O> {
  const module = declaration.module ?? callerModule(defineNode);
  const refuse = (message: string, cure: string): never => {
    const where = module.startsWith('file:') ? fileURLToPath(module) : module;
    throw new ConfigError('NODE_DEFINITION', `node ${declaration.name}: ${message}`, { where, cure });
  };
  if (!NAME.test(declaration.name)) {
    refuse('the name is not snake_case', 'use lower-case letters, digits and _, starting with a letter');
  }
  if (!Number.isSafeInteger(declaration.version) || declaration.version < 1) {
    refuse(`version ${declaration.version} is not a whole number from 1`, 'start with version: 1');
  }
  for (const name of [...Object.keys(declaration.inputs), ...Object.keys(declaration.outputs)]) {
    if (!PORT_NAME.test(name) || name === '__proto__') {
      refuse(`port name '${name}' is not allowed`, 'use letters, digits and _');
    }
  }
  for (const name of declaration.steering ?? []) {
    if (!Object.hasOwn(declaration.inputs, name)) {
      refuse(`steering names '${name}', which is not an input`, 'name inputs only');
    }
  }
  if (!module.startsWith('file:')) {
    refuse('its module is not a file', 'define nodes in a module on disk, or pass module: import.meta.url');
  }
  const resources = { ...DEFAULT_RESOURCES, ...declaration.resources };
  const wrong = wrongResource(resources);
  if (wrong !== null) refuse(wrong, 'use numbers that are not negative, and at least one whole cpu');
  const wrongRule = wrongRetry(declaration.retry ?? null) ?? wrongTimeout(declaration.timeoutMs ?? null);
  if (wrongRule !== null) refuse(wrongRule, 'use whole numbers that are not negative, and a time above 0');
  for (const { name, sha256 } of declaration.containers ?? []) {
    if (/^[0-9a-f]{64}$/.test(sha256)) continue;
    refuse(`container ${name} has no digest`, 'give sha256: 64 hex digits, the digest of the image file');
  }
  const { run } = declaration;
  return Object.freeze({
    kind: 'node' as const,
    name: declaration.name,
    version: declaration.version,
    inputs: declaration.inputs,
    outputs: declaration.outputs,
    resources: Object.freeze(resources),
    timeoutMs: declaration.timeoutMs ?? null,
    retry: declaration.retry ?? null,
    resumable: declaration.resumable ?? false,
    steering: declaration.steering ?? [],
    deterministic: declaration.deterministic ?? true,
    env: declaration.env ?? [],
    tools: declaration.tools ?? [],
    containers: declaration.containers ?? [],
    isolate: declaration.isolate ?? false,
    module,
    run,
  });
}

/** What is wrong with a time limit, or null. */
export function wrongTimeout(timeoutMs: number | null): string | null {
  return timeoutMs === null || timeoutMs > 0 ? null : `timeoutMs ${timeoutMs} is not possible`;
}

/** What is wrong with a request for resources, or null. */
export function wrongResource(resources: Resources): string | null {
  if (!Number.isInteger(resources.cpus) || resources.cpus < 1)
    return `cpus ${resources.cpus} is not possible`;
  if (!(resources.memoryGb >= 0 && Number.isFinite(resources.memoryGb))) {
    return `memoryGb ${resources.memoryGb} is not possible`;
  }
  if (!Number.isInteger(resources.gpus) || resources.gpus < 0)
    return `gpus ${resources.gpus} is not possible`;
  for (const [name, count] of Object.entries(resources.tokens)) {
    if (!Number.isInteger(count) || count < 0) return `token ${name}: ${count} is not possible`;
  }
  return null;
}
