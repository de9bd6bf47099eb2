/** `crash.json` of a failed node: everything that is needed to understand the failure and to run the node alone. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../errors.js';
import type { NodeFailure } from './failure.js';
import type { TaskInput } from './worker-protocol.js';

export const CRASH_FILE = 'crash.json';

/** Field names as in the file. */
export interface CrashRecord {
  readonly format: 1;
  readonly run: string;
  readonly id: string;
  readonly node: string;
  readonly version: number;
  /** Key of the item, usually the participant; null for a node that runs once. */
  readonly item: string | null;
  readonly key: string;
  readonly attempt: number;
  readonly failure: NodeFailure;
  readonly exit: number | null;
  readonly signal: string | null;
  readonly ms: number;
  readonly peak_mb: number;
  readonly memory_gb: number;
  readonly timeout_ms: number | null;
  /** Relative to the output directory; null when the node printed nothing. */
  readonly log: string | null;
  readonly log_tail: readonly string[];
  /** The command that runs the node again in the foreground. */
  readonly rerun: string;
  /** What the node was given. */
  readonly task: {
    readonly module: string;
    readonly inputs: Readonly<Record<string, TaskInput>>;
    readonly cpus: number;
    readonly seed: number;
  };
}

/** `pipeline rerun 'fit[sub-03]' -o out`, safe for a POSIX shell. */
export function rerunCommand(id: string, outputDir: string): string {
  return `pipeline rerun ${quoted(id)} -o ${quoted(outputDir)}`;
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_./,:=@%+-]+$/.test(word) && !word.startsWith('-')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

const TaskInputSchema: z.ZodType<TaskInput> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('null') }),
    z.object({ kind: z.literal('value'), value: z.unknown() }),
    z.object({
      kind: z.literal('file'),
      path: z.string(),
      relPath: z.string(),
      digest: z.string(),
      bytes: z.number(),
    }),
    z.object({ kind: z.literal('list'), items: z.array(TaskInputSchema) }),
  ]),
);

/** What running the node again needs of a record. */
const RerunSchema = z.object({
  format: z.literal(1),
  run: z.string(),
  id: z.string(),
  node: z.string(),
  version: z.number(),
  key: z.string(),
  task: z.object({
    module: z.string(),
    inputs: z.record(z.string(), TaskInputSchema),
    cpus: z.int().min(1),
    seed: z.int(),
  }),
});

export type RerunRecord = z.infer<typeof RerunSchema>;

/** @throws ConfigError USAGE when the file is no such record */
export function readCrashRecord(file: string): RerunRecord {
  const parsed = RerunSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new ConfigError('USAGE', `${file} is no record of a failed node of this release`, {
    where: file,
    cure: 'run the workflow again: the same command',
  });
}
