import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { PositionRole, RecordingFormat } from '../../io/index.js';

/** A file that says where channels of a recording are. */
export interface PositionFile {
  readonly role: PositionRole;
  readonly path: string;
}

/** Entities that a table of electrodes has and a recording does not. */
const OWN_ENTITY = /^space-/;
const TABLE = '_electrodes.tsv';

/**
 * Files beside a recording that say where its channels are: `<stem>_electrodes.tsv`, the table of BIDS whose entities the recording
 * has, or `electrodes.tsv` of the folder, each with its coordsystem.json; otherwise the header of BrainVision. Recordings from within
 * the head have none: a map of the scalp does not show them.
 *
 * @param main - path of the recording
 * @param list - files of a folder
 */
export function positionFiles(
  format: RecordingFormat,
  main: string,
  list: (folder: string) => readonly string[] = listed,
): PositionFile[] {
  const folder = dirname(main);
  const stem = basename(main).replace(/\.[^.]+$/, '');
  if (stem.endsWith('_ieeg')) return [];
  const table = tableOf(stem, list(folder));
  if (table === null) return format === 'brainvision' ? [{ role: 'brainvision', path: main }] : [];
  const system = join(folder, table.replace(/electrodes\.tsv$/, 'coordsystem.json'));
  return [
    { role: 'electrodes', path: join(folder, table) },
    ...(existsSync(system) ? [{ role: 'coordsystem' as const, path: system }] : []),
  ];
}

/** The table with most entities of the recording, of several spaces the first by name. */
function tableOf(stem: string, files: readonly string[]): string | null {
  const own = new Set([...stem.split('_'), ...stem.replace(/_(eeg|meg)$/, '').split('_')]);
  const fitting = files
    .filter((file) => file.endsWith(TABLE))
    .map((file) => ({ file, entities: file.slice(0, -TABLE.length).split('_') }))
    .filter(({ entities }) => entities.every((entity) => own.has(entity) || OWN_ENTITY.test(entity)))
    .sort((a, b) => b.entities.length - a.entities.length || (a.file < b.file ? -1 : 1));
  return fitting[0]?.file ?? (files.includes('electrodes.tsv') ? 'electrodes.tsv' : null);
}

function listed(folder: string): readonly string[] {
  return readdirSync(folder);
}
