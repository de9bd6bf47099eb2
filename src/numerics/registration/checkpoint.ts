import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessingError } from '../../errors.js';
import { decodeArrayFile, encodeArrayFile, type NamedArray } from './array-file.js';
import type { Shape3 } from './grid.js';
import type { OptimizerSettings, TrainingSettings } from './settings.js';

/** Changes whenever training would go another way from the same state; part of the configuration hash. */
export const TRAINING_VERSION = 2;

const KIND = 'learned_atlas_checkpoint';
const FILE_NAME = 'training.ckpt';

/** State of an interrupted training: JSON-safe numbers and arrays. */
export interface TrainingState {
  readonly scalars: Record<string, unknown>;
  readonly arrays: readonly NamedArray[];
}

/** What a checkpoint must agree with to be continued. */
export interface CheckpointIdentity {
  readonly configHash: string;
  readonly cohortHash: string;
}

/**
 * Writes the state of a training: to a temporary name, synced, then renamed, so that the checkpoint is the old or
 * the new one at every moment.
 */
export async function writeCheckpoint(
  directory: string,
  identity: CheckpointIdentity,
  state: TrainingState,
): Promise<void> {
  const bytes = encodeArrayFile({
    kind: KIND,
    metadata: {
      training_version: TRAINING_VERSION,
      config_hash: identity.configHash,
      cohort_hash: identity.cohortHash,
      scalars: state.scalars,
    },
    arrays: state.arrays,
  });
  const path = join(directory, FILE_NAME);
  // One fixed temporary name: a killed writer leaves at most one such file, and the next write replaces it.
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(directory);
}

/**
 * The state to continue from, or null to start anew.
 *
 * @param resume - `auto`: continue when both hashes match, else warn and start anew; `never`: start anew;
 *   `require`: continue or fail
 * @param onWarning - told why a checkpoint that is there is not continued
 * @throws ProcessingError CHECKPOINT with `require` when there is none that fits
 */
export async function readCheckpoint(
  directory: string,
  identity: CheckpointIdentity,
  resume: OptimizerSettings['resume'],
  onWarning: (message: string) => void,
): Promise<TrainingState | null> {
  if (resume === 'never') return null;
  const path = join(directory, FILE_NAME);
  const found = await loadCheckpoint(path, identity);
  if (found.state !== null) return found.state;
  if (resume === 'require') {
    throw new ProcessingError('CHECKPOINT', `resume is required, but ${found.reason}`, {
      where: path,
      cure: 'set learned_atlas.optimizer.resume to auto to train from the start',
    });
  }
  if (found.exists) onWarning(`training starts anew: ${found.reason} (${path})`);
  return null;
}

interface Found {
  readonly state: TrainingState | null;
  readonly exists: boolean;
  readonly reason: string;
}

async function loadCheckpoint(path: string, identity: CheckpointIdentity): Promise<Found> {
  const refused = (reason: string): Found => ({ state: null, exists: true, reason });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { state: null, exists: false, reason: 'there is no checkpoint' };
  }
  let file;
  try {
    file = decodeArrayFile(bytes, KIND, path);
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    return refused(`the checkpoint cannot be read: ${error.message}`);
  }
  const metadata = file.metadata as {
    training_version: number;
    config_hash: string;
    cohort_hash: string;
    scalars: Record<string, unknown>;
  };
  if (metadata.training_version !== TRAINING_VERSION) return refused('the checkpoint is of another version');
  if (metadata.config_hash !== identity.configHash) {
    return refused('the checkpoint belongs to another configuration');
  }
  if (metadata.cohort_hash !== identity.cohortHash)
    return refused('the checkpoint belongs to another cohort');
  return { state: { scalars: metadata.scalars, arrays: file.arrays }, exists: true, reason: '' };
}

/** SHA-256 of the settings that shape a training; `checkpoint_every` and `resume` do not. */
export function hashTrainingSettings(settings: TrainingSettings): string {
  const { checkpoint_every: _every, resume: _resume, ...optimizer } = settings.optimizer;
  const { model, loss, densityInLog } = settings;
  return settingsDigest({ version: TRAINING_VERSION, model, loss, optimizer, densityInLog });
}

/**
 * SHA-256 of a cohort: ids in order, grid, and the values of every volume.
 *
 * @param volumes - training grid, train units
 */
export function hashTrainingCohort(
  ids: readonly string[],
  shape: Shape3,
  volumes: readonly Float32Array[],
): string {
  const hash = createHash('sha256').update(JSON.stringify({ ids, shape }));
  for (const volume of volumes) {
    hash.update(Buffer.from(volume.buffer, volume.byteOffset, volume.byteLength));
  }
  return hash.digest('hex');
}

/** SHA-256 of settings as JSON, whatever the order of their keys. */
export function settingsDigest(settings: unknown): string {
  const text = JSON.stringify(settings, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return createHash('sha256').update(text).digest('hex');
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory for syncing; the rename itself is what it offers.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
