import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/engine/events.js';
import type { InstanceTable } from '../../../src/engine/instance-table.js';
import { settlePublished, type PublishedOptions } from '../../../src/engine/published-files.js';
import { temporaryDirectory } from '../../support/temporary.js';

const outputDir = temporaryDirectory();
writeFileSync(join(outputDir, 'fits.tsv'), 'of yesterday');
writeFileSync(join(outputDir, 'own.tsv'), 'of today');

/** What a run tells that published `own.tsv`, where earlier ones left `fits.tsv` and a file that is gone. */
function told(reach: PublishedOptions['reach'], prune = false): string[] {
  const events: RunEvent[] = [];
  const rows = ['fits.tsv', 'gone.tsv', 'own.tsv'].map((path) => ({
    ...{ path, digest: 'd', key: 'k', sidecar: null },
  }));
  settlePublished({
    ...{ outputDir, inputDir: null, workflow: 'w', reach, prune, sidecars: false },
    table: { result: () => ({ key: 'k' }) } as unknown as InstanceTable,
    store: { publishedRows: () => rows, putPublished: () => undefined },
    published: [{ path: 'own.tsv', digest: 'd', instance: 0, fresh: true }],
    emit: (event) => events.push(event),
  });
  return events.flatMap((event) => (event.type === 'warning' ? [`${event.code} ${event.message}`] : []));
}

test('a file of an earlier run is told after a run that has no such file, and after one that failed to write it', () => {
  expect(told('all')).toEqual(['STALE_OUTPUT a file of earlier runs is not part of this result: fits.tsv']);
  expect(told('failed', true)).toEqual([
    'STALE_OUTPUT a file is of an earlier run, and not written again by this one: fits.tsv',
  ]);
  expect(told('part')).toEqual([]);
});
