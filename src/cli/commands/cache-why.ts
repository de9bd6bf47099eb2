import { ConfigError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import type { RunEvent } from '../../engine/events.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import { reasonText } from '../../engine/reason-text.js';
import { readLastRun } from '../run-history.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { reportConfigProblems } from './report-config.js';

/** What the last run did with an instance, and why. */
interface Account {
  readonly id: string;
  readonly outcome: string;
  readonly why: string;
}

/** `pipeline cache why NODE`: why a node ran, was reused, failed or was left out in the last run. */
export async function cacheWhyCommand(
  name: string,
  options: ConfigSources & { readonly workflow?: string; readonly json?: boolean },
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const run = await readLastRun(place.value.outputDir, options.workflow ?? null);
  const all = accounts(run.events);
  const found = all.filter(({ id }) => id === name || id.startsWith(`${name}[`));
  if (found.length === 0) throw unknownNode(name, all, run.id);
  if (options.json === true) {
    session.terminal.result(
      JSON.stringify({ run_id: run.id, workflow: run.workflow, nodes: found }, null, 2),
    );
  } else {
    const width = Math.max(...found.map(({ id }) => id.length));
    for (const { id, outcome, why } of found) {
      session.terminal.result(`${id.padEnd(width)}  ${outcome}${why === '' ? '' : `: ${why}`}`);
    }
    session.terminal.note(`run ${run.id} of ${run.workflow}`);
  }
  return EXIT.done;
}

const UNCHANGED = 'nothing that it depends on has changed';

function accounts(events: readonly RunEvent[]): Account[] {
  const byId = new Map<string, Account>();
  for (const event of events) {
    if (event.type === 'nodes-reused') {
      for (const id of event.ids) byId.set(id, { id, outcome: 'reused', why: UNCHANGED });
      continue;
    }
    const account = accountOf(event, byId);
    if (account !== null) byId.set(account.id, account);
  }
  return [...byId.values()];
}

function accountOf(event: RunEvent, earlier: ReadonlyMap<string, Account>): Account | null {
  switch (event.type) {
    case 'node-started':
      return { id: event.id, outcome: 'ran', why: reasonText(event.reason) };
    case 'node-adopted':
      return { id: event.id, outcome: 'reused', why: 'another run had finished it' };
    case 'node-skipped':
      return { id: event.id, outcome: 'skipped', why: event.reason };
    case 'node-failed': {
      const started = earlier.get(event.id)?.why;
      return {
        id: event.id,
        outcome: 'failed',
        why: event.message + (started ? ` (it ran because: ${started})` : ''),
      };
    }
    case 'node-cancelled':
      return { id: event.id, outcome: 'cancelled', why: 'the run was stopped while it ran' };
    case 'node-not-started':
      return { id: event.id, outcome: 'not started', why: event.because };
    default:
      return null;
  }
}

function unknownNode(name: string, all: readonly Account[], runId: string): ConfigError {
  const nodes = [...new Set(all.map(({ id }) => id.replace(/\[.*$/s, '')))];
  const near = nearest(name, [...nodes, ...all.map(({ id }) => id)]);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return new ConfigError('USAGE', `the last run (${runId}) had no node ${name}${hint}`, {
    cure: nodes.length > 0 ? `use one of ${nodes.slice(0, 20).join(', ')}` : 'run the workflow first',
  });
}
