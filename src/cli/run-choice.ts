import { listRuns, type ListedRun } from '../engine/run-document.js';
import { ConfigError } from '../errors.js';
import { nearest } from '../nearest.js';

/**
 * The run of an output directory that a name means: its id, the beginning of its id, or null for the newest.
 *
 * @throws ConfigError USAGE when there is none, or more than one
 */
export function chooseRun(outputDir: string, name: string | null): ListedRun {
  const runs = listRuns(outputDir);
  if (name === null) {
    const [newest] = runs;
    if (newest !== undefined) return newest;
    throw new ConfigError('USAGE', `there is no run in ${outputDir}`, {
      cure: 'name the output directory of the run with -o',
    });
  }
  const found = runs.filter(({ run_id }) => run_id === name || run_id.startsWith(name));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const ids = runs.map(({ run_id }) => run_id);
  const near = nearest(name, ids);
  throw new ConfigError(
    'USAGE',
    first === undefined
      ? `there is no run ${name} in ${outputDir}${near === null ? '' : `; did you mean ${near}?`}`
      : `${found.length} runs begin with ${name}`,
    { cure: 'see `pipeline runs`' },
  );
}

/** Whether a word is, or begins, the id of a run. */
export function namesRun(outputDir: string, word: string): boolean {
  return listRuns(outputDir).some(({ run_id }) => run_id.startsWith(word));
}
