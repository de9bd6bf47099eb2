import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { ConfigError, ProcessingError } from '../../errors.js';
import { readTable } from '../../io/index.js';
import { nearest } from '../../nearest.js';

/** A table of participants, where there is one. */
export interface Participants {
  /** Absolute. */
  readonly path: string;
  readonly columns: readonly string[];
  /** Cells by column; null: `n/a`. */
  readonly rows: ReadonlyArray<readonly (string | null)[]>;
  /** Ids in the order of the table. */
  readonly ids: readonly string[];
  /** Paths in the column `surface`, absolute, with who and what they are; null: the table names none. */
  readonly surfaces: ReadonlyArray<{
    readonly path: string;
    readonly participant: string;
    readonly structure: string | null;
  }> | null;
}

const GROUP_COLUMNS = ['group', 'diagnosis'];

/** The folder that surfaces are looked for in: the input, or where the table lies that was given as input. */
export function inputRoot(inputDir: string): string {
  return isFile(inputDir) ? dirname(inputDir) : inputDir;
}

/**
 * The table that was given as input, that the configuration names, or `participants.tsv` of the input.
 *
 * @throws ConfigError CONFIG_VALUE when a named one is missing or has no column participant_id
 */
export async function readParticipants(inputDir: string, named: string | null): Promise<Participants | null> {
  const root = inputRoot(inputDir);
  const usual = join(root, 'participants.tsv');
  const path = isFile(inputDir) ? inputDir : named === null ? usual : resolve(root, named);
  if (path === usual && !existsSync(usual)) return null;
  try {
    const { columns, rows } = await readTable(path);
    const at = columns.indexOf('participant_id');
    if (at < 0) {
      throw new ConfigError('CONFIG_VALUE', `${path} has no column participant_id`, {
        cure: 'name the column of the participants so, as BIDS does',
      });
    }
    const [surface, structure] = ['surface', 'structure'].map((name) => columns.indexOf(name)) as [
      number,
      number,
    ];
    return {
      path,
      columns,
      rows,
      ids: rows.map((row) => row[at] ?? ''),
      surfaces:
        surface < 0
          ? null
          : rows.flatMap((row) =>
              row[surface] === null
                ? []
                : [
                    {
                      path: resolve(dirname(path), row[surface]!),
                      participant: row[at] ?? '',
                      structure: structure < 0 ? null : (row[structure] ?? null),
                    },
                  ],
            ),
    };
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    throw new ConfigError('CONFIG_VALUE', error.message, { cure: error.cure ?? '', cause: error });
  }
}

/**
 * The column whose groups are compared; null: nothing is compared.
 *
 * @throws ConfigError CONFIG_VALUE when a named column is not there
 */
export function groupColumn(participants: Participants | null, named: string | null): string | null {
  if (named === null) {
    return GROUP_COLUMNS.find((column) => participants?.columns.includes(column) === true) ?? null;
  }
  if (participants === null) {
    throw new ConfigError('CONFIG_VALUE', `group_column is ${named}, but there is no table of participants`, {
      where: 'spectral_descriptors.group_column',
      cure: 'put participants.tsv into the input, or set spectral_descriptors.participants_table',
    });
  }
  if (participants.columns.includes(named)) return named;
  const near = nearest(named, participants.columns);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  throw new ConfigError('CONFIG_VALUE', `${participants.path} has no column ${named}${hint}`, {
    where: 'spectral_descriptors.group_column',
    cure: `choose from ${participants.columns.join(', ')}`,
  });
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
