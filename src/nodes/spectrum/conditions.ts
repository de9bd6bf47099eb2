import type { TsvTable } from '../../io/index.js';
import { namesParticipant } from '../bayes/cohort-rows.js';

/**
 * The condition of a recording: the value of an entity of its name (`task` of `sub-01_task-rest_eeg`), or what the table of
 * participants says of its participant.
 *
 * @param name - of an entity or of a column
 * @returns null where it has none
 */
export function conditionOf(recording: string, name: string, people: TsvTable | null): string | null {
  const entity = entityOf(recording, name);
  if (entity !== null || people === null) return entity;
  const [at, id] = [people.columns.indexOf(name), people.columns.indexOf('participant_id')];
  if (at < 0 || id < 0) return null;
  return people.rows.find((row) => row[id] != null && namesParticipant(recording, row[id]))?.[at] ?? null;
}

/** The value of an entity of a name, the last one where it stands several times. */
function entityOf(recording: string, name: string): string | null {
  const parts = recording.split(/[/_]/).filter((part) => part.startsWith(`${name}-`));
  return parts.at(-1)?.slice(name.length + 1) ?? null;
}
