/** Runs one task inside a worker: find the node, parse its inputs, run its body, seal what it returned. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeError, PipelineError } from '../errors.js';
import { OUTPUT_FOLDER, sealObject } from './artifact-store.js';
import type { OutputRecord } from './cache-store.js';
import { makeDirectory } from './make-directory.js';
import { collectOutputs, outputPath } from './node-outputs.js';
import { Skip, type NodeContext, type NodeDefinition } from './node.js';
import { isBuiltinModule } from './package-root.js';
import type { InputFile, Port, ValuePort } from './port.js';
import { ensureSelfImport } from './self-import.js';
import { ensureTypeScript } from './typescript-modules.js';
import { servicesOfNode } from './services/in-node.js';
import {
  PROTOCOL,
  type SealedResult,
  type Task,
  type TaskInput,
  type WorkerMessage,
} from './worker-protocol.js';

/** Variables by which numerical libraries take their number of threads. */
const THREAD_VARIABLES = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'VECLIB_MAXIMUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS',
];

/** Progress is passed on at most this often; its last step always. */
const PROGRESS_EVERY_MS = 50;

/** An input that nobody connected: its schema may have a default. */
const ABSENT: TaskInput = { kind: 'value', value: undefined };

export interface NodeRun {
  readonly task: Task;
  /** Working directory while the node runs. */
  readonly scratchDir: string;
  readonly signal: AbortSignal;
  readonly send: (message: WorkerMessage) => void;
  /** Peak memory so far, MB. */
  readonly peakMb: () => number;
}

export function readTask(file: string): Task {
  const task = JSON.parse(readFileSync(file, 'utf8')) as Task;
  if (task.protocol !== PROTOCOL) {
    throw new NodeError('CRASHED', `the task file has protocol ${task.protocol}, this worker ${PROTOCOL}`, {
      where: file,
      cure: 'the installation mixes versions: reinstall the package',
    });
  }
  return task;
}

/**
 * Runs the node and leaves a sealed result in the attempt directory.
 *
 * @returns what was sealed, and the length of its file
 * @throws whatever the node throws, and ProcessingError OUTPUT_* when its outputs do not fit
 */
export async function runNode(run: NodeRun): Promise<{ sealed: SealedResult; characters: number }> {
  const { task } = run;
  const outDir = join(task.attemptDir, OUTPUT_FOLDER);
  for (const name of THREAD_VARIABLES) process.env[name] = String(task.cpus);
  process.chdir(run.scratchDir);
  const node = await findNode(task);
  const inputs: Record<string, unknown> = {};
  for (const [name, port] of Object.entries(node.inputs)) {
    inputs[name] = readInput(port, task.inputs[name] ?? ABSENT, `${node.name}.${name}`);
  }
  const started = performance.now();
  const ctx = contextOf(run, outDir);
  const stopServices = servicesOfNode(ctx);
  let returned: unknown;
  try {
    returned = await node.run(inputs, ctx);
  } finally {
    stopServices();
  }
  const ms = performance.now() - started;
  const skipped = returned instanceof Skip ? returned.reason : null;
  const outputs: Record<string, OutputRecord> =
    skipped === null
      ? await collectOutputs(node, returned, task.attemptDir, (message) => {
          run.send({ type: 'log', level: 'warn', message });
        })
      : {};
  const { record, characters } = sealObject(task.attemptDir, {
    key: task.key,
    node: task.node,
    version: task.version,
    components: task.components,
    state: skipped === null ? 'done' : 'skipped',
    skipReason: skipped,
    outputs,
    ms,
    peakMb: run.peakMb(),
  });
  const { state, skipReason, outDigest, peakMb } = record;
  return { sealed: { state, skipReason, outputs: { ...outputs }, outDigest, ms, peakMb }, characters };
}

function contextOf(run: NodeRun, outDir: string): NodeContext {
  const { task, send, signal } = run;
  let lastProgress = -Infinity;
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string) => {
    send({ type: 'log', level, message: String(message) });
  };
  let hasFolder = false;
  return {
    outputFile: (name) => {
      if (!hasFolder) makeDirectory(outDir);
      hasFolder = true;
      return outputPath(outDir, name);
    },
    checkpointDir: task.checkpointDir,
    progress: (done, total, text) => {
      const now = performance.now();
      if (now - lastProgress < PROGRESS_EVERY_MS && done !== total) return;
      lastProgress = now;
      send({ type: 'progress', done, total, text: text ?? null });
    },
    metric: (name, values) => {
      send({ type: 'metric', name, values: { ...values } });
    },
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    signal,
    cpus: task.cpus,
    seed: task.seed,
    skip: (reason) => new Skip(reason),
  };
}

const found = new Map<string, NodeDefinition>();

async function findNode(task: Task): Promise<NodeDefinition> {
  const cached = found.get(`${task.node} ${task.module}`);
  if (cached !== undefined) return cached;
  const url = runnableModule(task.module);
  const where = url.startsWith('file:') ? fileURLToPath(url) : url;
  let exports: Record<string, unknown>;
  try {
    if (!isBuiltinModule(url)) {
      ensureSelfImport(url);
      ensureTypeScript(url);
    }
    exports = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    throw new NodeError('NODE_FAILED', `the module of node ${task.node} cannot be loaded: ${String(error)}`, {
      where,
      cure: 'mend the module; a worker imports it on its own, so it must not need the program that built the graph',
      cause: error,
    });
  }
  const node = Object.values(exports).find((item): item is NodeDefinition => isNode(item, task.node));
  if (node === undefined) {
    throw new NodeError('NODE_DEFINITION', `no export of the module is the node ${task.node}`, {
      where,
      cure: 'export the node from the module that defines it; its code travels by module and export name',
    });
  }
  found.set(`${task.node} ${task.module}`, node);
  return node;
}

function isNode(item: unknown, name: string): item is NodeDefinition {
  const candidate = item as Partial<NodeDefinition> | null;
  return typeof item === 'object' && candidate?.kind === 'node' && candidate.name === name;
}

/** A node of this package that was defined from its TypeScript sources is run from the built file. */
function runnableModule(url: string): string {
  if (!url.endsWith('.ts')) return url;
  const own = new URL('../', import.meta.url).href;
  const sources = own.replace(/\/dist\/$/, '/src/');
  return url.startsWith(sources) ? own + url.slice(sources.length).replace(/\.ts$/, '.js') : url;
}

function readInput(port: Port, input: TaskInput, where: string): unknown {
  if (port.kind === 'optional') return isNull(input) ? null : readInput(port.of, input, where);
  if (port.kind === 'value') return readValue(port, plainValue(input, where), where);
  if (port.kind === 'file' && input.kind === 'file') {
    const { path, relPath, digest, bytes } = input;
    return { path, relPath, digest, bytes } satisfies InputFile;
  }
  if (port.kind === 'list' && input.kind === 'list') {
    return input.items.map((item, at) => readInput(port.of, item, `${where}[${at}]`));
  }
  if (port.kind === 'list' && input.kind === 'value' && Array.isArray(input.value)) {
    return input.value.map((value, at) => readInput(port.of, { kind: 'value', value }, `${where}[${at}]`));
  }
  throw wrongKind(where, input, port.kind);
}

function isNull(input: TaskInput): boolean {
  return input.kind === 'null' || (input.kind === 'value' && (input.value ?? null) === null);
}

function readValue(port: ValuePort, value: unknown, where: string): unknown {
  const parsed = port.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new NodeError(
    'NODE_FAILED',
    `input ${where} does not fit its schema: ${first?.message ?? 'unknown'}`,
    {
      where: [where, ...(first?.path ?? []).map(String)].join('.'),
      cure: 'connect an output with the same schema',
    },
  );
}

/** A list of values may be connected to a value port that takes an array. */
function plainValue(input: TaskInput, where: string): unknown {
  switch (input.kind) {
    case 'null':
      return null;
    case 'value':
      return input.value;
    case 'list':
      return input.items.map((item, at) => plainValue(item, `${where}[${at}]`));
    case 'file':
      throw wrongKind(where, input, 'value');
  }
}

function wrongKind(where: string, input: TaskInput, takes: string): NodeError {
  return new NodeError('NODE_FAILED', `input ${where} is a ${input.kind}, its port takes a ${takes}`, {
    where,
    cure: 'the module of the node and the graph differ: use one version of both',
  });
}
