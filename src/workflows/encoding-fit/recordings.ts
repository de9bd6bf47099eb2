import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import { ConfigError } from '../../errors.js';
import { compareIds } from '../../io/index.js';
import type { StimulusFileKind } from '../../nodes/encoding/stimulus.js';

/** Data of voxels below the input directory, with the files that belong to them. */
export interface Recording {
  /** Relative path up to `_bold`, `/` between folders: its name in tables, messages and output files. */
  readonly name: string;
  /** Label of its node instances: the name with `__` between folders. */
  readonly id: string;
  readonly bold: string;
  readonly mask: string | null;
  readonly stimulus: { readonly path: string; readonly kind: StimulusFileKind } | null;
  readonly coordinates: string | null;
  readonly confounds: string | null;
  /** The mesh that values per vertex are drawn on. */
  readonly surface: string | null;
}

const DATA = /^(.+)_bold(\.npy|\.tsv|\.csv|\.nii|\.nii\.gz|\.func\.gii|\.gii)$/i;
const MASKS = ['.nii.gz', '.nii', '.func.gii', '.shape.gii', '.label.gii', '.gii', '.npy'];
const SURFACES = ['.surf.gii', '.gii', '.ply', '.obj', '.vtk', '.stl'];
const PARADIGMS = ['.npy', '.tsv', '.csv', '.nii.gz', '.nii'];
const LEFT_OUT_FOLDERS = new Set(['logs', 'node_modules']);

/**
 * The files `<stem>_bold.*` below a directory, without hidden folders. What belongs to one is `<stem>_mask.*`,
 * `<stem>_paradigm.*` or `<stem>_events.tsv`, `<stem>_coordinates.*`, `<stem>_confounds.tsv`, `<stem>_surface.*`; without a stem (`paradigm.npy`)
 * a file serves all of its folder and of those below.
 *
 * @param wanted - labels, or participants (`01` or `sub-01`, a part of the name); null: all
 * @throws ConfigError USAGE when a wanted one is not there, or two have one label
 */
export function findRecordings(root: string, wanted: readonly string[] | null): Recording[] {
  const found: Recording[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) {
        if (!LEFT_OUT_FOLDERS.has(entry.name)) visit(join(folder, entry.name));
        continue;
      }
      const stem = DATA.exec(entry.name)?.[1];
      if (stem !== undefined) found.push(recordingOf(root, folder, stem, entry.name));
    }
  };
  visit(root);
  found.sort((a, b) => compareIds(a.id, b.id));
  const twice = found.find(({ id }, i) => found[i + 1]?.id === id);
  if (twice !== undefined) {
    throw new ConfigError('USAGE', `two recordings would have the label ${twice.id}`, {
      cure: 'rename one of them, or leave one format',
    });
  }
  if (wanted === null) return found;
  const missing = wanted.filter((label) => !found.some((recording) => isOf(recording, label)));
  if (missing.length > 0) {
    throw new ConfigError('USAGE', `no such recording in ${root}: ${missing.join(', ')}`, {
      where: '--participants',
      cure: `choose from ${found.map(({ id }) => id).join(', ')}`,
    });
  }
  return found.filter((recording) => wanted.some((label) => isOf(recording, label)));
}

function isOf({ id, name }: Recording, label: string): boolean {
  return id === label || name.split(/[/_]/).some((part) => part === label || part === `sub-${label}`);
}

function recordingOf(root: string, folder: string, stem: string, file: string): Recording {
  const name = relative(root, join(folder, stem)).split(sep).join('/');
  const companion = (suffix: string, endings: readonly string[]): string | null =>
    firstOf(folder, `${stem}_${suffix}`, endings) ?? sharedFile(root, folder, suffix, endings);
  const own = firstOf(folder, `${stem}_paradigm`, PARADIGMS);
  const events = own === null ? firstOf(folder, `${stem}_events`, ['.tsv', '.csv']) : null;
  const shared = sharedFile(root, folder, 'paradigm', PARADIGMS);
  const sharedEvents = shared === null ? sharedFile(root, folder, 'events', ['.tsv', '.csv']) : null;
  const paradigm = own ?? (events === null ? shared : null);
  const chosen = events ?? sharedEvents;
  return {
    name,
    id: name.replaceAll('/', '__'),
    bold: join(folder, file),
    mask: companion('mask', MASKS),
    stimulus:
      paradigm !== null
        ? { path: paradigm, kind: 'paradigm' }
        : chosen === null
          ? null
          : { path: chosen, kind: 'events' },
    coordinates: companion('coordinates', ['.npy', '.tsv', '.csv']),
    confounds: companion('confounds', ['.tsv', '.csv']),
    surface: companion('surface', SURFACES),
  };
}

function firstOf(folder: string, stem: string, endings: readonly string[]): string | null {
  return endings.map((ending) => join(folder, `${stem}${ending}`)).find((path) => existsSync(path)) ?? null;
}

/** The nearest file without a stem, from the folder of the data up to the root. */
function sharedFile(root: string, folder: string, name: string, endings: readonly string[]): string | null {
  for (let place = folder; ; place = dirname(place)) {
    const found = firstOf(place, name, endings);
    if (found !== null || place === root || place === dirname(place)) return found;
  }
}
