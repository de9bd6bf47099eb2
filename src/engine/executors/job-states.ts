/** What the lists of a scheduler change in what is known of jobs. */
import { isDone, isFinished, openElements, type Element, type Group } from './batch-group.js';
import type { BatchJobState } from './batch-scheduler.js';

/** Elements by token; where one token has two jobs, what is alive counts. */
export function statesByToken(
  jobs: readonly BatchJobState[],
  groups: Iterable<Group>,
): Map<string, Map<number, BatchJobState>> {
  const tokens = new Map<string, string>();
  for (const { jobId, token } of groups) if (jobId !== null) tokens.set(jobId, token);
  const found = new Map<string, Map<number, BatchJobState>>();
  for (const job of jobs) {
    const token = job.token ?? tokens.get(job.jobId);
    if (token === undefined) continue;
    const states = found.get(token) ?? new Map<number, BatchJobState>();
    found.set(token, states);
    const element = job.element ?? 0;
    const other = states.get(element);
    if (other === undefined || !['waiting', 'running'].includes(other.phase)) states.set(element, job);
  }
  return found;
}

/**
 * @param isList - elements that are not in it are missing
 * @returns whether something is new, or an element is silent
 */
export function applyStates(
  group: Group,
  states: ReadonlyMap<number, BatchJobState>,
  isList: boolean,
): boolean {
  const now = performance.now();
  let hasChanged = false;
  for (const element of openElements(group)) {
    const state = states.get(element.index);
    if (state === undefined) {
      if (isList && element.silentSince === null) {
        element.silentSince = now;
        element.state = null;
        hasChanged = true;
      }
      continue;
    }
    hasChanged ||= state.word !== element.state?.word;
    // The list has no exit codes: what is known of the end stays known.
    const isNews = element.state?.phase !== state.phase || element.state.release !== state.release;
    if (isNews || state.exit !== null) element.state = state;
    const isThere = ['waiting', 'running', 'unknown'].includes(state.phase);
    if (isThere) {
      element.silentSince = null;
      element.isAsked = false;
    } else element.silentSince ??= now;
  }
  return hasChanged || openElements(group).some((element) => element.silentSince !== null);
}

/** A silent element whose end can only be understood with more than the list says. */
export function needsDetails(element: Element): boolean {
  const { silentSince, isAsked, state } = element;
  if (silentSince === null || isAsked || isFinished(element)) return false;
  return state === null || (state.phase === 'failed' && state.exit === null);
}

/** Numbers of the jobs that must be asked for one by one: silent ones whose end is not understood. */
export function jobsToAskFor(groups: Iterable<Group>): string[] {
  const wanted: string[] = [];
  for (const { jobId, state, elements } of groups) {
    if (jobId !== null && state === 'known' && elements.some(needsDetails)) wanted.push(jobId);
  }
  return wanted;
}

/** Groups of which a list of the scheduler may tell something. */
export function unfinished(groups: Iterable<Group>): Group[] {
  return [...groups].filter((group) => !isDone(group));
}
