import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupFolder } from './batch-adoption.js';
import { jobScript, writeGroup } from './batch-files.js';
import type { Element, Entry, Group } from './batch-group.js';
import type { BatchJob, BatchScheduler } from './batch-scheduler.js';

/** A job that takes this many times as long as it should gives back what it has not started. */
const GIVE_BACK_FACTOR = 2;

export interface GroupMakingOptions {
  readonly scheduler: BatchScheduler;
  /** `<cache>/batch`; shared between machines. */
  readonly directory: string;
  readonly runId: string;
  readonly logCapBytes: number;
  /** Between the steps of ending a node, ms. */
  readonly graceMs: number;
  /** The program that a job runs. */
  readonly program: { readonly node: string; readonly command: string };
}

/** Tasks of one array job, element by element. */
export interface PackedTasks {
  readonly packs: readonly Entry[][];
  /** Elements that may run together; null: no limit. */
  readonly throttle: number | null;
  readonly timeFactor: number;
}

/** Writes the folder of an array job and binds its tasks to it. */
export function makeGroup(options: GroupMakingOptions, packed: PackedTasks, packMs: number): Group {
  const { scheduler, directory, runId, program, logCapBytes, graceMs } = options;
  const { packs, throttle, timeFactor } = packed;
  const token = `nl${randomBytes(6).toString('hex')}`;
  const folder = groupFolder(directory, runId, token);
  const { task } = packs[0]?.[0] as Entry;
  const { indexVariable, title } = scheduler;
  const isPacked = packs.some((entries) => entries.length > 1);
  const giveBackMs = isPacked ? GIVE_BACK_FACTOR * packMs : null;
  const elements = packs.map((entries, index): Element => ({
    index,
    slots: entries.map((entry, slot) => ({
      ...{ index: slot, id: entry.task.id, key: entry.task.key, entry },
      ...{ hasBegun: false, isConcluded: false },
    })),
    ...{ state: null, silentSince: null, isAsked: false },
  }));
  writeGroup(folder, {
    record: {
      ...{ format: 1, scheduler: title, runId, token, name: task.node },
      elements: elements.map(({ slots }) => slots.map(({ id, key }) => ({ id, key }))),
    },
    script: jobScript({ folder, indexVariable, ...program }),
    packs: packs.map((entries) => ({
      pack: {
        ...{ format: 1, token, logCapBytes, graceMs, giveBackMs },
        tasks: entries.map(({ task: { id, heapMb, timeoutMs } }) => ({ id, heapMb, timeoutMs })),
      },
      taskFiles: entries.map((entry) => readFileSync(entry.task.taskFile, 'utf8')),
    })),
  });
  const job: BatchJob = {
    ...{ token, name: task.node, folder, script: join(folder, 'job.sh'), elements: elements.length },
    ...{ throttle, resources: task.resources, timeLimitMs: timeLimitMs(packs), timeFactor },
  };
  const group: Group = {
    ...{ token, name: task.node, folder, elements, job, jobId: null, state: 'waiting' },
    ...{ absences: 0, absencesNeeded: 1, retryAt: 0 },
    ...{ knownAt: 0, unreleased: 0 },
  };
  for (const element of elements) {
    for (const slot of element.slots) {
      if (slot.entry !== null) slot.entry.place = { group, element, slot };
    }
  }
  return group;
}

/** Of the longest pack, when each of its nodes has a limit. */
function timeLimitMs(packs: readonly Entry[][]): number | null {
  let longest = 0;
  for (const entries of packs) {
    let sum = 0;
    for (const { task } of entries) {
      if (task.timeoutMs === null) return null;
      sum += task.timeoutMs;
    }
    longest = Math.max(longest, sum);
  }
  return longest;
}
