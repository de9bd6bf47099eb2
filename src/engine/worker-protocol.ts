/**
 * What parent and worker say to each other. Arrays never travel in messages: a task names files, and the result of a
 * node is its `result.json`. A task may stand in a file too, so another executor can start the same entry with a path
 * alone.
 */
import { z } from 'zod';
import { ERROR_CODES } from '../errors.js';
import { OutputSchema } from './artifact-store.js';
import type { KeyComponent } from './cache-store.js';
import { FAILURE_CLASSES } from './events.js';
import type { NodeFailure } from './failure.js';

/** Raised when messages or the task file change their meaning. */
export const PROTOCOL = 1;

/** An input as the worker gets it; paths are absolute and live only in the task file. */
export type TaskInput =
  | { readonly kind: 'null' }
  | { readonly kind: 'value'; readonly value: unknown }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly relPath: string;
      readonly digest: string;
      readonly bytes: number;
    }
  | { readonly kind: 'list'; readonly items: readonly TaskInput[] };

export interface Task {
  readonly protocol: number;
  readonly id: string;
  readonly key: string;
  readonly node: string;
  readonly version: number;
  /** Copied into the result, from which the index can be rebuilt. */
  readonly components: readonly KeyComponent[];
  /** URL of the module whose export of that node name is run. */
  readonly module: string;
  readonly inputs: Readonly<Record<string, TaskInput>>;
  /** Receives `out/` and result.json; becomes the object of the cache as it is. */
  readonly attemptDir: string;
  /** Working directory of the node; null: the worker's own, which it empties afterwards. */
  readonly scratchDir: string | null;
  readonly checkpointDir: string | null;
  readonly cpus: number;
  readonly seed: number;
}

/** One task of a message: itself, or the file that holds it. `n` names it in the answers. */
export type TaskOrder =
  { readonly n: number; readonly task: Task } | { readonly n: number; readonly taskFile: string };

export type ParentMessage =
  /** The tasks run one after another. */
  | { readonly type: 'run'; readonly protocol: number; readonly tasks: readonly TaskOrder[] }
  /** What has not begun comes back. */
  | { readonly type: 'recall' }
  | { readonly type: 'cancel'; readonly reason: string }
  | { readonly type: 'ping' }
  | { readonly type: 'bye' };

const usage = {
  /** Peak memory of the worker and the tools it started while the node ran, MB. */
  peakMb: z.number(),
  /** Processor time of the worker process for this node, ms. */
  cpuMs: z.number(),
  /** Memory of the worker after the node, MB; decides whether it is replaced. */
  rssMb: z.number(),
};

/** What `result.json` says beyond the task, so that the parent need not read it. */
const SealedSchema = z.strictObject({
  state: z.enum(['done', 'skipped']),
  skipReason: z.string().nullable(),
  outputs: z.record(z.string(), OutputSchema),
  outDigest: z.string(),
  ms: z.number().min(0),
  peakMb: z.number().min(0),
});

export type SealedResult = z.infer<typeof SealedSchema>;

const FailureSchema: z.ZodType<NodeFailure> = z.strictObject({
  failureClass: z.enum(FAILURE_CLASSES),
  code: z.enum(ERROR_CODES),
  message: z.string(),
  where: z.string().nullable(),
  cure: z.string().nullable(),
  stack: z.string().nullable(),
});

export const WorkerMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready'), protocol: z.number(), node: z.string() }),
  z.strictObject({
    type: z.literal('progress'),
    done: z.number(),
    total: z.number(),
    text: z.string().nullable(),
  }),
  z.strictObject({
    type: z.literal('metric'),
    name: z.string(),
    values: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({
    type: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
  }),
  /** `sealed` null: the result is long and stands in its file only. */
  z.strictObject({ type: z.literal('result'), n: z.int(), sealed: SealedSchema.nullable(), ...usage }),
  z.strictObject({ type: z.literal('error'), n: z.int(), failure: FailureSchema, ...usage }),
  /** Tasks that were not begun. */
  z.strictObject({ type: z.literal('returned'), tasks: z.array(z.int()) }),
  z.strictObject({ type: z.literal('pong') }),
]);

export type WorkerMessage = z.infer<typeof WorkerMessageSchema>;
