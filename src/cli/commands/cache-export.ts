import { resolve } from 'node:path';
import { exportCache } from '../../engine/cache-export.js';
import { EXIT } from '../exit-codes.js';
import { count } from '../progress/event-text.js';
import type { Session } from '../session.js';
import { withCache, type CareOptions } from '../with-cache.js';

/** `pipeline cache export DIR`: results and a snapshot of the index for `--cache-from`. */
export function cacheExportCommand(target: string, options: CareOptions, session: Session): Promise<number> {
  return withCache(options, session, (cache) => {
    const exported = exportCache(cache, resolve(session.cwd, target));
    const { objects, there, damaged } = exported;
    if (options.json === true) session.terminal.result(JSON.stringify(exported, null, 2));
    session.terminal.note(`${count(objects, 'result')} copied to ${target}, ${there} were there`);
    if (damaged.length === 0) return EXIT.done;
    session.terminal.note(
      `${count(damaged.length, 'result')} left out: damaged\n  mend: see \`pipeline cache verify\``,
    );
    return EXIT.storage;
  });
}
