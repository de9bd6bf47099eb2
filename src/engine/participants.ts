import { err, ok, type Result } from '../result.js';
import { compareKeys } from './labels.js';

/** A participant label that was checked: safe as part of a path. */
export type ParticipantId = string & { readonly __participantId: unique symbol };

const LABEL = /^(?:[0-9]+|sub-[A-Za-z0-9]+)$/;
const MAX_LENGTH = 100;

/** Checks one label: digits, or `sub-` and letters or digits. */
export function participantId(text: string): Result<ParticipantId, string> {
  if (text.length <= MAX_LENGTH && LABEL.test(text)) return ok(text as ParticipantId);
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  return err(`${shown} is not a participant label (digits, or sub- followed by letters and digits)`);
}

/** Checks a list of labels as `--participants` takes it (`101,102`); doubles count once; in key order. */
export function parseParticipants(text: string): Result<readonly ParticipantId[], readonly string[]> {
  const problems: string[] = [];
  const labels = new Set<ParticipantId>();
  for (const part of text.split(',').map((label) => label.trim())) {
    const checked = participantId(part);
    if (checked.ok) labels.add(checked.value);
    else problems.push(checked.error);
  }
  return problems.length > 0 ? err(problems) : ok([...labels].sort(compareKeys));
}
