import { readTsv } from '../tsv.js';
import type { SeriesRecording } from './recording.js';

/** Channel types of BIDS that hold brain signals; all others (triggers, eyes, heart ...) are left out. */
const SIGNAL_TYPES = new Set([
  'EEG',
  'MEGMAG',
  'MEGGRADAXIAL',
  'MEGGRADPLANAR',
  'MEGOTHER',
  'ECOG',
  'SEEG',
  'DBS',
  'LFP',
]);

/**
 * A recording as its BIDS `channels.tsv` describes it: only channels of brain signals whose status is not `bad`; units from the
 * table. What is left out is said in `notes`. Channels that the table does not name stay.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT
 */
export async function applyBidsChannels(recording: SeriesRecording, path: string): Promise<SeriesRecording> {
  const { columns, rows } = await readTsv(path);
  const cell = (row: ReadonlyArray<string | null> | undefined, name: string): string | null =>
    row === undefined || !columns.includes(name) ? null : (row[columns.indexOf(name)] ?? null);
  const byName = new Map(rows.map((row) => [cell(row, 'name'), row]));
  const notes = [...recording.notes];
  const kept = [...recording.channel.keys()].filter((i) => {
    const name = recording.channel[i]!;
    const type = cell(byName.get(name), 'type')?.toUpperCase();
    if (type !== undefined && !SIGNAL_TYPES.has(type)) {
      notes.push(`${name} is left out: its type is ${type}`);
      return false;
    }
    if (cell(byName.get(name), 'status')?.toLowerCase() !== 'bad') return true;
    notes.push(`${name} is left out: its status is bad`);
    return false;
  });
  return {
    ...recording,
    channel: kept.map((i) => recording.channel[i]!),
    units: kept.map((i) => cell(byName.get(recording.channel[i]!), 'units') ?? recording.units[i]!),
    trials: recording.trials.map((trial) => ({ ...trial, channels: kept.map((i) => trial.channels[i]!) })),
    notes,
  };
}
