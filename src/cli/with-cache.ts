import { openCareCache, type CareCache } from '../engine/cache-care.js';
import { cachePlace, type CachePlace } from './cache-place.js';
import { reportConfigProblems } from './commands/report-config.js';
import { renderWarning } from './render-error.js';
import type { Session } from './session.js';
import type { ConfigSources } from './study.js';

export interface CareOptions extends ConfigSources {
  readonly cacheDir?: string;
  readonly json?: boolean;
}

/** Opens the cache that the options name, does something with it, and closes it. */
export async function withCache(
  options: CareOptions,
  session: Session,
  work: (cache: CareCache, place: CachePlace) => number,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const cache = await openCareCache(place.value.cacheDir);
  try {
    for (const warning of cache.warnings) {
      session.terminal.note(renderWarning('the cache', { severity: 'warning', ...warning }));
    }
    return work(cache, place.value);
  } finally {
    cache.close();
  }
}
