import { applyBidsChannels } from './bids.js';
import { readBrainVision } from './brainvision.js';
import { readEdf } from './edf.js';
import { readHdf5Recording } from './hdf5.js';
import { readNpyRecording } from './npy.js';
import { unreadable, type Recording } from './recording.js';
import { readTableRecording } from './table.js';

/** Formats of recordings that can be read. */
export const RECORDING_FORMATS = ['tsv', 'csv', 'npy', 'hdf5', 'edf', 'brainvision'] as const;
/** A format of recordings. */
export type RecordingFormat = (typeof RECORDING_FORMATS)[number];

/** What a file is for a recording: the file itself, or one that goes with it. */
export const RECORDING_ROLES = ['main', 'data', 'marker', 'sidecar', 'frequencies', 'channels'] as const;
/** What a file is for a recording: the data, their frequencies, channels and so on. */
export type RecordingRole = (typeof RECORDING_ROLES)[number];

/**
 * Reads a recording of any format.
 *
 * @param paths - by role; `main` is always there, `data` for BrainVision
 * @param fallbackRate - Hz, for arrays whose sidecar or file has no sampling rate
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED saying what is wrong with which file
 */
export async function readRecording(
  format: RecordingFormat,
  paths: Readonly<Partial<Record<RecordingRole, string>>> & { readonly main: string },
  fallbackRate: number | null = null,
): Promise<Recording> {
  const recording = await readAs(format, paths, fallbackRate);
  if (recording.kind === 'spectra' || paths.channels === undefined) return checked(recording, paths.main);
  return checked(await applyBidsChannels(recording, paths.channels), paths.main);
}

function readAs(
  format: RecordingFormat,
  paths: Parameters<typeof readRecording>[1],
  fallbackRate: number | null,
): Promise<Recording> {
  switch (format) {
    case 'tsv':
      return readTableRecording(paths.main);
    case 'csv':
      return readTableRecording(paths.main, ',');
    case 'npy':
      return readNpyRecording(paths, fallbackRate);
    case 'hdf5':
      return readHdf5Recording(paths.main, fallbackRate);
    case 'edf':
      return readEdf(paths.main);
    case 'brainvision':
      return readBrainVision({ ...paths, data: paths.data ?? paths.main.replace(/\.vhdr$/, '.eeg') });
  }
}

function checked(recording: Recording, path: string): Recording {
  const { channel, trials } = recording;
  if (channel.length > 0 && trials.length > 0) return recording;
  throw unreadable(path, 'no channel or trial is left', 'give a recording with channels of brain signals');
}
