import { ProcessingError } from '../../errors.js';
import { readTable } from '../../io/index.js';
import { stimulusFrames, wrongLength } from '../../nodes/encoding/stimulus.js';
import {
  describeVoxels,
  maskedPlaces,
  maskGrid,
  wrongMask,
  type VoxelShape,
} from '../../nodes/encoding/voxel-data.js';
import { hasHrf, stimulusOf, type ModelName } from '../../numerics/encoding/settings.js';
import type { EncodingFitConfig } from './config.js';
import type { Recording } from './recordings.js';

/** What headers say of a recording: how large it is, or why it cannot be used. */
export type Inspected =
  | {
      readonly kind: 'usable';
      readonly shape: VoxelShape;
      readonly tr: number | null;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'unusable'; readonly reason: string; readonly cure: string };

/** A configured repetition time may differ from that of the header by rounding. */
const TR_SLACK = 0.01;

/** Looks at headers only, where the format has one. */
export async function inspectRecording(recording: Recording, config: EncodingFitConfig): Promise<Inspected> {
  const model = config.model as ModelName;
  try {
    const shape = await describeVoxels(recording.bold);
    const tr = config.tr ?? shape.tr;
    if (hasHrf(model) && tr === null) {
      return unusable(
        `the repetition time is not known, and ${model} needs it`,
        'set encoding_fit.tr, in seconds',
      );
    }
    const { stimulus } = recording;
    if (stimulus === null) {
      const wanted = stimulusOf(model) === 'images' ? 'frames x nx x ny' : 'a row per time point';
      return unusable(
        'it has no paradigm',
        `add ${recording.name}_paradigm.npy (${wanted}), or paradigm.npy for all`,
      );
    }
    const frames = await stimulusFrames(stimulus.path, stimulus.kind);
    if (frames !== null && frames !== shape.frames) throw wrongLength(stimulus.path, frames, shape.frames);
    if (recording.mask !== null) {
      const grid = await maskGrid(recording.mask);
      const same =
        grid === null || (grid.length === shape.grid.length && grid.every((n, i) => n === shape.grid[i]));
      if (!same) throw wrongMask(recording.mask, grid, shape);
    }
    await checkConfounds(recording, config);
    return { kind: 'usable', shape, tr, warnings: trWarnings(config.tr, shape.tr) };
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error;
    return unusable(error.message, error.cure ?? 'see the message');
  }
}

/** Number of voxels that will be fitted; reads a mask. Null where it cannot be read: the loading node says why. */
export async function countVoxels(recording: Recording): Promise<number | null> {
  try {
    const shape = await describeVoxels(recording.bold);
    return recording.mask === null ? shape.voxels : (await maskedPlaces(shape, recording.mask)).length;
  } catch (error) {
    if (error instanceof ProcessingError) return null;
    throw error;
  }
}

async function checkConfounds(
  { confounds: path }: Recording,
  { confounds }: EncodingFitConfig,
): Promise<void> {
  if (confounds === 'none') return;
  if (path === null) {
    throw new ProcessingError('FILE_MISSING', 'it has no table of confounds', {
      cure: 'add <stem>_confounds.tsv, or set encoding_fit.confounds to none',
    });
  }
  if (confounds === 'all') return;
  const { columns } = await readTable(path);
  const missing = confounds.filter((name) => !columns.includes(name));
  if (missing.length === 0) return;
  throw new ProcessingError('FILE_FORMAT', `${path} has no column ${missing.join(', ')}`, {
    cure: `choose from ${columns.join(', ')}`,
  });
}

function trWarnings(given: number | null, header: number | null): string[] {
  if (given === null || header === null || Math.abs(given - header) <= TR_SLACK * header) return [];
  return [`encoding_fit.tr is ${given} s, the header says ${header} s; ${given} s is used`];
}

function unusable(reason: string, cure: string): Inspected {
  return { kind: 'unusable', reason, cure };
}
