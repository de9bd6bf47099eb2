/** Jobs that an earlier run left behind: what they finished is taken over, what they work on can be waited for. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../artifact-store.js';
import { attemptFolder, listDone, readGroup, readStatus, type GroupRecord } from './batch-files.js';
import { isDone, type Element, type Group } from './batch-group.js';

/** What of the cache concerns jobs. */
export interface BatchStore {
  /** Whether a run is alive, on this machine or on another. */
  isRunLive(runId: string): boolean;
  /** Remembers a job before it is submitted, and its number after. Committed on return. */
  putBatchJob(row: BatchJobRow): void;
  batchJobId(token: string): string | null;
  dropBatchJob(token: string): void;
  /** Takes over a finished attempt directory that no run waits for. */
  adopt(attemptDirectory: string): boolean;
  /** Usual run time of a node, from earlier results; null: never run. */
  typicalMs(node: string): number | null;
}

export interface BatchJobRow {
  readonly runId: string;
  readonly token: string;
  /** null: not submitted, or not known whether. */
  readonly jobId: string | null;
  readonly count: number;
}

const FOLDER = /^(.+)\.(nl[0-9a-f]{12})$/;

/** `<cache>/batch/<run>.<token>`: whose it is can be read from its name. */
export function groupFolder(directory: string, runId: string, token: string): string {
  return join(directory, `${runId}.${token}`);
}

/**
 * Takes over what jobs of dead runs have finished, and removes the folders of those that have nothing left to do.
 *
 * @returns the others: they may still wait or run
 */
export function adoptEarlierJobs(directory: string, store: BatchStore): Group[] {
  if (!existsSync(directory)) return [];
  const open: Group[] = [];
  for (const name of readdirSync(directory)) {
    const [, runId = '', token = ''] = FOLDER.exec(name) ?? [];
    if (token === '' || store.isRunLive(runId)) continue;
    const folder = join(directory, name);
    const record = readGroup(folder);
    const group = record === null ? null : groupOf(record, folder, store.batchJobId(token));
    if (group !== null) takeFinished(group, store);
    if (group !== null && !isDone(group)) open.push(group);
    else forgetGroup(token, folder, store);
  }
  return open;
}

/** The job has come to its end: nothing of it is needed any more. */
export function forgetGroup(token: string, folder: string, store: BatchStore): void {
  removeTree(folder);
  store.dropBatchJob(token);
}

function groupOf(record: GroupRecord, folder: string, jobId: string | null): Group {
  const elements = record.elements.map((slots, index): Element => ({
    index,
    slots: slots.map(({ id, key }, slot) => ({
      index: slot,
      id,
      key,
      entry: null,
      hasBegun: false,
      isConcluded: false,
    })),
    state: null,
    silentSince: null,
    isAsked: false,
  }));
  return {
    token: record.token,
    name: record.name,
    folder,
    elements,
    job: null,
    jobId,
    state: jobId === null ? 'unsure' : 'known',
    absences: 0,
    absencesNeeded: 2,
    retryAt: 0,
    knownAt: 0,
    unreleased: 0,
  };
}

function takeFinished(group: Group, store: BatchStore): void {
  const { finished } = listDone(group.folder);
  for (const element of group.elements) {
    for (const slot of element.slots) {
      if (!finished.has(`${element.index}.${slot.index}`)) continue;
      slot.isConcluded = true;
      const status = readStatus(group.folder, element.index, slot.index);
      if (status?.outcome === 'result') {
        store.adopt(attemptFolder(group.folder, element.index, slot.index, status.attempt));
      }
    }
  }
}
