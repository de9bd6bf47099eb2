import { openCacheStore, type ResultSummary } from '../../engine/cache-store.js';
import { bytesText } from '../bytes-text.js';
import { cachePlace } from '../cache-place.js';
import { EXIT } from '../exit-codes.js';
import { localTime } from '../progress/lines.js';
import { durationText } from '../../engine/duration-text.js';
import type { Session } from '../session.js';
import type { ConfigSources } from '../study.js';
import { reportConfigProblems } from './report-config.js';

/** `pipeline cache list`: every result that is kept, the newest last. */
export async function cacheListCommand(
  options: ConfigSources & { readonly cacheDir?: string; readonly json?: boolean },
  session: Session,
): Promise<number> {
  const place = await cachePlace(options, session);
  if (!place.ok) return reportConfigProblems(place.error, session);
  const store = await openCacheStore({ directory: place.value.cacheDir, writable: false });
  try {
    const results = [...store.results()].sort((a, b) => a.created - b.created);
    if (options.json === true) {
      const listed = results.map((one) => ({
        key: one.key,
        node: one.node,
        instances: one.instances,
        version: one.version,
        state: one.state,
        bytes: one.bytes,
        ms: one.ms,
        peak_mb: one.peakMb,
        created: new Date(one.created).toISOString(),
        last_used: new Date(one.lastUsed).toISOString(),
        run_id: one.runId,
      }));
      session.terminal.result(JSON.stringify(listed, null, 2));
      return EXIT.done;
    }
    const width = Math.max(0, ...results.map((one) => nameText(one).length));
    for (const one of results) {
      const facts = [one.key.slice(0, 12), nameText(one).padEnd(width), localTime(new Date(one.created))];
      session.terminal.result(
        `${facts.join('  ')}  ${bytesText(one.bytes).padStart(8)}  ${durationText(one.ms)}`,
      );
    }
    const bytes = results.reduce((sum, one) => sum + one.bytes, 0);
    session.terminal.note(`${results.length} results, ${bytesText(bytes)}, in ${place.value.cacheDir}`);
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** The instance that it was made for, with its participant; how many more use it; the node where none is known. */
function nameText({ node, instances }: ResultSummary): string {
  const [first = node, ...others] = instances;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
