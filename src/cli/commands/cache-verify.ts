import { isDamage, verifyCache, type Finding, type FindingKind } from '../../engine/cache-verify.js';
import { bytesText } from '../bytes-text.js';
import { EXIT } from '../exit-codes.js';
import { count } from '../progress/event-text.js';
import type { Session } from '../session.js';
import { withCache, type CareOptions } from '../with-cache.js';

const MEANINGS: Readonly<Record<FindingKind, string>> = {
  missing: 'the file is missing',
  changed: 'the content was changed',
  size: 'the file has another size',
  link: 'a link stands in its place',
  record: 'the record cannot be believed',
  row: 'the index says something else than the object',
  lost: 'the object is missing',
  extra: 'an extra file, which does no harm',
  writable: 'the file can be written to, which does no harm',
  unindexed: 'not in the index yet; taken over when it is needed',
};

/** `pipeline cache verify`: reads every result again; what is damaged is computed again when it is needed. */
export function cacheVerifyCommand(options: CareOptions, session: Session): Promise<number> {
  return withCache(options, session, (cache) => {
    const { objects, bytes, findings, dropped } = verifyCache(cache);
    if (options.json === true) {
      session.terminal.result(JSON.stringify({ objects, bytes, findings, dropped }, null, 2));
    } else for (const finding of findings) session.terminal.result(findingText(finding));
    session.terminal.note(`${count(objects, 'result')}, ${bytesText(bytes)} read in ${cache.directory}`);
    if (!findings.some(isDamage)) return EXIT.done;
    session.terminal.note(
      `${count(dropped.length, 'result')} damaged\n` +
        '  mend: run the workflow again; it computes what it needs of them and says why',
    );
    return EXIT.storage;
  });
}

function findingText(finding: Finding): string {
  const { key, node, kind, path } = finding;
  const level = isDamage(finding) ? 'damaged' : 'note   ';
  const where = path === '' ? '' : `  ${path}`;
  return `${level}  ${key.slice(0, 12)}  ${node ?? 'unknown node'}${where}: ${MEANINGS[kind]}`;
}
