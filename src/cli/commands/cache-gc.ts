import { collectGarbage, planGc, type GcCandidate } from '../../engine/cache-gc.js';
import { planHistory, trimHistory, type OldCheckpoint } from '../../engine/cache-history.js';
import { ConfigError } from '../../errors.js';
import { bytesText } from '../bytes-text.js';
import { EXIT } from '../exit-codes.js';
import { count } from '../progress/event-text.js';
import { localTime } from '../progress/lines.js';
import type { Session } from '../session.js';
import { withCache, type CareOptions } from '../with-cache.js';

export interface GcOptions extends CareOptions {
  /** GB of 2^30 bytes. */
  readonly maxSize?: number;
  /** ms */
  readonly olderThan?: number;
  readonly delete?: boolean;
}

const BYTES_PER_GB = 1024 ** 3;

const WHY: Readonly<Record<GcCandidate['why'], string>> = {
  age: 'not used for so long',
  size: 'over the budget',
  broken: 'cannot be used',
};

/** `pipeline cache gc`: says what may go; with `--delete` takes it away. */
export function cacheGcCommand(options: GcOptions, session: Session): Promise<number> {
  const { maxSize, olderThan } = options;
  if (maxSize === undefined && olderThan === undefined) {
    throw new ConfigError('USAGE', 'nothing says what may go', {
      cure: 'give --max-size 100G, --older-than 90d, or both',
    });
  }
  return withCache(options, session, (cache) => {
    const plan = planGc(cache, {
      usedBefore: olderThan === undefined ? null : Date.now() - olderThan,
      maxBytes: maxSize === undefined ? null : maxSize * BYTES_PER_GB,
    });
    const { candidates, pinned, bytes, bytesAfter } = plan;
    const before = olderThan === undefined ? null : Date.now() - olderThan;
    let history = before === null ? null : planHistory(cache, before);
    const gone = options.delete === true ? collectGarbage(cache, candidates) : 0;
    const isTrimmed = options.delete === true && gone === candidates.length;
    if (isTrimmed && before !== null && history !== null) {
      history = trimHistory(cache, before, history.checkpoints);
    }
    if (options.json === true) session.terminal.result(JSON.stringify({ ...plan, gone, history }, null, 2));
    else {
      for (const candidate of candidates) session.terminal.result(candidateText(candidate));
      for (const checkpoint of history?.checkpoints ?? [])
        session.terminal.result(checkpointText(checkpoint));
    }
    const sizes = `${bytesText(bytes)} now, ${bytesText(bytesAfter)} without them`;
    const kept = pinned === 0 ? '' : `; ${pinned} pinned`;
    const what =
      options.delete === true
        ? `${count(gone, 'result')} taken away (${sizes})`
        : `${count(candidates.length, 'result')} would go (${sizes}); --delete takes them away`;
    session.terminal.note(what + kept);
    if (history !== null && history.runs + history.attempts + history.checkpoints.length > 0) {
      const parts = [
        count(history.runs, 'old run'),
        count(history.attempts, 'attempt'),
        count(history.checkpoints.length, 'checkpoint'),
      ];
      session.terminal.note(`${parts.join(', ')} ${isTrimmed ? 'forgotten' : 'would be forgotten'}`);
    }
    if (options.delete === true && gone < candidates.length) {
      session.terminal.note('a run has begun meanwhile: give the same command again when it has ended');
    }
    return EXIT.done;
  });
}

function checkpointText({ key, bytes, changed }: OldCheckpoint): string {
  const when = localTime(new Date(changed));
  return `${key.slice(0, 12)}  checkpoint  ${bytesText(bytes)}  last changed ${when}  nothing went on from it`;
}

function candidateText({ key, node, bytes, lastUsed, why }: GcCandidate): string {
  const used = lastUsed === 0 ? '' : `  last used ${localTime(new Date(lastUsed))}`;
  return `${key.slice(0, 12)}  ${node}  ${bytesText(bytes)}${used}  ${WHY[why]}`;
}
