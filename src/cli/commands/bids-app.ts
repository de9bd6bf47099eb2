import { existsSync } from 'node:fs';
import path from 'node:path';
import { itemNodes } from '../../engine/item-nodes.js';
import { ConfigError } from '../../errors.js';
import type { RunOptions } from '../options.js';
import type { Session } from '../session.js';
import { runCommand } from './run.js';

export interface BidsAppOptions extends RunOptions {
  readonly participantLabel?: readonly string[];
  /** The spelling of the specification of BIDS apps. */
  readonly participant_label?: readonly string[];
}

/** The arguments of a BIDS app. */
interface BidsAppArguments {
  readonly bidsDir: string;
  readonly outputDir: string;
  readonly level: string;
}

/**
 * `pipeline bids-app`: `run` by the command line of a BIDS app. Level `participant` runs the nodes that need one participant
 * only, `group` all of them; what the first left is reused by the second.
 */
export function bidsAppCommand(
  { bidsDir, outputDir, level }: BidsAppArguments,
  options: BidsAppOptions,
  session: Session,
): Promise<number> {
  if (level !== 'participant' && level !== 'group') {
    throw new ConfigError('USAGE', `'${level}' is no analysis level`, { cure: 'give participant or group' });
  }
  const labels = [...(options.participantLabel ?? []), ...(options.participant_label ?? [])];
  const input = path.resolve(session.cwd, bidsDir);
  const participants = labels.map((label) => participantIn(input, label));
  const chosen = {
    ...options,
    input: bidsDir,
    output: outputDir,
    until: [],
    ...(participants.length > 0 && { participants }),
  };
  if (level === 'group') return runCommand(chosen, session);
  return runCommand(chosen, session, (template) => {
    const nodes = itemNodes(template);
    if (nodes.length > 0) return nodes;
    throw new ConfigError('USAGE', `${template.name} has nothing to do for one participant alone`, {
      cure: 'run it at level group',
    });
  });
}

/** BIDS labels come without `sub-`; the folder tells whether the participant's name has it. */
function participantIn(bidsDir: string, label: string): string {
  const bare = label.replace(/^sub-/, '');
  return existsSync(path.join(bidsDir, bare)) ? bare : `sub-${bare}`;
}
