import { pinRun, unpinRun } from '../../engine/cache-gc.js';
import { EXIT } from '../exit-codes.js';
import { count } from '../progress/event-text.js';
import { chooseRun } from '../run-choice.js';
import type { Session } from '../session.js';
import { withCache, type CareOptions } from '../with-cache.js';

/** `pipeline cache pin` and `unpin`: results of a run that `cache gc` leaves alone, or no longer. */
export function cachePinCommand(
  name: string | null,
  isPinned: boolean,
  options: CareOptions,
  session: Session,
): Promise<number> {
  return withCache(options, session, (cache, { outputDir }) => {
    const { run_id: runId } = chooseRun(outputDir, name);
    const results = isPinned ? pinRun(cache, runId) : unpinRun(cache, runId);
    if (options.json === true) session.terminal.result(JSON.stringify({ run_id: runId, results }, null, 2));
    const what = isPinned ? 'are kept from gc' : 'may go again';
    session.terminal.note(`run ${runId}: ${count(results, 'result')} ${what}`);
    return EXIT.done;
  });
}
