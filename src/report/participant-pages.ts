/** `participants.json` beside a report: which page shows a participant, so that later runs need not draw it again. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listRuns } from '../engine/run-document.js';
import { writeAtomic } from '../io/index.js';
import type { RunFacts } from './run-facts.js';

const FILE = 'participants.json';

/** @param pages - paths relative to the log folder of the run, by label */
export async function writePages({ directory }: RunFacts, pages: ReadonlyMap<string, string>): Promise<void> {
  if (pages.size === 0) return;
  await writeAtomic(join(directory, FILE), `${JSON.stringify(Object.fromEntries(pages), null, 2)}\n`);
}

/** Pages of the newest earlier run of this workflow, by this version of the software, that are still there. */
export function earlierPages({ outputDir, directory, document }: RunFacts): Map<string, string> {
  const { workflow, version, started, run_id } = document;
  const logs = dirname(directory);
  const earlier = listRuns(outputDir).find(
    (run) =>
      run.run_id !== run_id &&
      run.workflow === workflow &&
      run.version === version &&
      Date.parse(run.started) <= Date.parse(started) &&
      existsSync(join(logs, run.run_id, FILE)),
  );
  if (earlier === undefined) return new Map();
  const stored = JSON.parse(readFileSync(join(logs, earlier.run_id, FILE), 'utf8')) as Record<string, string>;
  const found = Object.entries(stored).map(([label, page]): [string, string] => [
    label,
    page.startsWith('../') ? page : `../${earlier.run_id}/${page}`,
  ]);
  return new Map(found.filter(([, page]) => existsSync(join(directory, page))));
}
