/**
 * The folder of one array job, on a file system that all machines share. The parent writes it before it submits;
 * the jobs leave a status file for each node, by rename: that file is the truth, whatever the scheduler says.
 *
 * ```
 * <token>/group.json          what is in it; enough to adopt it after the parent died
 *         job.sh              the script of every element
 *         <i>.log             what element i and the scheduler printed
 *         <i>/pack.json       the nodes of element i
 *         <i>/<s>.json        task file of its node s
 *         <i>/<s>.<n>/        attempt n of that node: out/ and result.json
 *         done/<i>.claim      the job that works on element i
 *         done/<i>.refused    why the script could not start
 *         done/<i>.ended      its job was asked to end and has done so
 *         done/<i>.<s>.begun  node s has started
 *         done/<i>.<s>.json   its status
 * ```
 */
import { existsSync, linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ERROR_CODES } from '../../errors.js';
import { FAILURE_CLASSES } from '../events.js';
import { makeDirectory } from '../make-directory.js';
import { storageError } from '../storage-error.js';

export const DONE_FOLDER = 'done';
/** Exit codes of the job script, told apart from those of programs. */
export const EXIT_NO_FOLDER = 81;
export const EXIT_NO_NODE = 82;
export const EXIT_NO_PACKAGE = 83;

const GroupSchema = z.strictObject({
  format: z.literal(1),
  scheduler: z.string(),
  runId: z.string(),
  token: z.string(),
  name: z.string(),
  elements: z.array(z.array(z.strictObject({ id: z.string(), key: z.string().regex(/^[0-9a-f]{64}$/) }))),
});
export type GroupRecord = z.output<typeof GroupSchema>;

const PackSchema = z.strictObject({
  format: z.literal(1),
  token: z.string(),
  logCapBytes: z.number(),
  graceMs: z.number(),
  /** After this time nodes that have not started go back to the parent; null: never. */
  giveBackMs: z.number().nullable(),
  tasks: z.array(z.strictObject({ id: z.string(), heapMb: z.number(), timeoutMs: z.number().nullable() })),
});
export type Pack = z.output<typeof PackSchema>;

const MessageSchema = z.discriminatedUnion('type', [
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
]);
export type KeptMessage = z.output<typeof MessageSchema>;

const StatusSchema = z.strictObject({
  format: z.literal(1),
  /** `given-back`: it has not started. */
  outcome: z.enum(['result', 'failed', 'given-back']),
  failure: z
    .strictObject({
      failureClass: z.enum(FAILURE_CLASSES),
      code: z.enum(ERROR_CODES),
      message: z.string(),
      where: z.string().nullable(),
      cure: z.string().nullable(),
      stack: z.string().nullable(),
    })
    .nullable(),
  exit: z.number().nullable(),
  signal: z.string().nullable(),
  /** From 1; more after the scheduler started the job again. */
  attempt: z.int().min(1),
  /** What it printed, relative to the folder of the element; empty when nothing. */
  printed: z.boolean(),
  ms: z.number(),
  peakMb: z.number(),
  cpuMs: z.number(),
  pid: z.number(),
  host: z.string(),
  job: z.string(),
  begun: z.string(),
  ended: z.string(),
  messages: z.array(MessageSchema),
});
export type TaskStatus = z.output<typeof StatusSchema>;

export interface ScriptOptions {
  readonly folder: string;
  readonly indexVariable: string;
  readonly node: string;
  readonly command: string;
}

/**
 * The script of every element. It replaces itself by the worker, so that the scheduler's signals reach it, and says
 * in words and by its exit code what is missing on the machine.
 */
export function jobScript({ folder, indexVariable, node, command }: ScriptOptions): string {
  const refuse = (exit: number, text: string): string =>
    `{ printf '%s\\n' "${text}" > "$done.tmp" && mv "$done.tmp" "$done"; exit ${exit}; }`;
  return [
    '#!/bin/sh',
    `folder=${quoted(folder)}`,
    `node=${quoted(node)}`,
    `command=${quoted(command)}`,
    `[ -d "$folder/$${indexVariable}" ] || exit ${EXIT_NO_FOLDER}`,
    `done="$folder/${DONE_FOLDER}/$${indexVariable}.refused"`,
    '[ -x "$node" ] || node=$(command -v node) || ' +
      refuse(EXIT_NO_NODE, 'Node.js is neither $node nor on the PATH of $(uname -n)'),
    `[ -r "$command" ] || ` + refuse(EXIT_NO_PACKAGE, '$command cannot be read on $(uname -n)'),
    `exec "$node" "$command" exec-task "$folder/$${indexVariable}"`,
    '',
  ].join('\n');
}

/** A word of a shell script. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Writes a file that is whole whenever it is there. */
export function writeWhole(file: string, content: string): void {
  const part = `${file}.${process.pid}.part`;
  try {
    writeFileSync(part, content);
    renameSync(part, file);
  } catch (cause) {
    throw storageError(cause, file);
  }
}

export interface GroupContent {
  readonly record: GroupRecord;
  readonly script: string;
  readonly packs: readonly { readonly pack: Pack; readonly taskFiles: readonly string[] }[];
}

/** Writes the folder of a job; the group record comes last and says that it is whole. */
export function writeGroup(folder: string, content: GroupContent): void {
  try {
    makeDirectory(join(folder, DONE_FOLDER));
    writeFileSync(join(folder, 'job.sh'), content.script, { mode: 0o755 });
    content.packs.forEach(({ pack, taskFiles }, i) => {
      const element = join(folder, String(i));
      makeDirectory(element);
      writeFileSync(join(element, 'pack.json'), JSON.stringify(pack));
      taskFiles.forEach((text, slot) => {
        writeFileSync(join(element, `${slot}.json`), text);
      });
    });
    writeWhole(join(folder, 'group.json'), JSON.stringify(content.record));
  } catch (cause) {
    throw storageError(cause, folder);
  }
}

/** The record of a folder; null when it is not whole: the parent died while it wrote it, and nothing was submitted. */
export function readGroup(folder: string): GroupRecord | null {
  return readJson(join(folder, 'group.json'), GroupSchema);
}

/** @throws StorageError when the folder is not one of ours */
export function readPack(directory: string): Pack | null {
  return readJson(join(directory, 'pack.json'), PackSchema);
}

/** A status, or null when the file is not one: nothing is believed that does not fit. */
export function readStatus(folder: string, element: number, slot: number): TaskStatus | null {
  return readJson(statusFile(folder, element, slot), StatusSchema);
}

export function statusFile(folder: string, element: number, slot: number): string {
  return join(folder, DONE_FOLDER, `${element}.${slot}.json`);
}

export function attemptFolder(folder: string, element: number, slot: number, attempt: number): string {
  return join(folder, String(element), `${slot}.${attempt}`);
}

/** Where the streams of an attempt are kept. */
export function attemptLogs(
  folder: string,
  element: number,
  slot: number,
  attempt: number,
): { stdout: string; stderr: string } {
  const base = attemptFolder(folder, element, slot, attempt);
  return { stdout: `${base}.stdout.log`, stderr: `${base}.stderr.log` };
}

/** What the element, its script and the scheduler printed. */
export function elementLog(folder: string, element: number): string {
  return join(folder, `${element}.log`);
}

export interface DoneNames {
  /** `<element>.<slot>` */
  readonly begun: ReadonlySet<string>;
  readonly finished: ReadonlySet<string>;
  readonly refused: ReadonlySet<number>;
  readonly ended: ReadonlySet<number>;
}

/** One listing tells of all nodes of a job. */
export function listDone(folder: string): DoneNames {
  const begun = new Set<string>();
  const finished = new Set<string>();
  const refused = new Set<number>();
  const ended = new Set<number>();
  let names: string[];
  try {
    names = readdirSync(join(folder, DONE_FOLDER));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { begun, finished, refused, ended };
    throw storageError(cause, folder);
  }
  for (const name of names) {
    const parts = /^(\d+)(?:\.(\d+))?\.(begun|json|refused|ended)$/.exec(name);
    if (parts === null) continue;
    const [, element = '', slot, what] = parts;
    if (what === 'refused') refused.add(Number(element));
    else if (what === 'ended') ended.add(Number(element));
    else if (slot !== undefined) (what === 'json' ? finished : begun).add(`${element}.${slot}`);
  }
  return { begun, finished, refused, ended };
}

/**
 * Claims an element for a job. A second job for the same element (a submission that was repeated although the first
 * had arrived) finds the claim and does nothing; the same job, put back in the queue, goes on.
 */
export function claimElement(folder: string, element: number, job: string): boolean {
  const claim = join(folder, DONE_FOLDER, `${element}.claim`);
  const own = `${claim}.${process.pid}.part`;
  try {
    writeFileSync(own, job);
    try {
      // A link, unlike an exclusive open, is also atomic on NFS.
      linkSync(own, claim);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      return readFileSync(claim, 'utf8') === job;
    } finally {
      rmSync(own, { force: true });
    }
  } catch (cause) {
    throw storageError(cause, claim);
  }
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | null {
  if (!existsSync(file)) return null;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw storageError(cause, file);
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : null;
}
