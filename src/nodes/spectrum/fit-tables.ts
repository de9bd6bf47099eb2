import type { TsvCell } from '../../io/index.js';
import type { FooofMetadata } from './fooof-spy.js';

const FITS = ['offset', 'knee', 'exponent', 'r_squared', 'error', 'n_peaks', 'status'];
const PEAKS = ['center_frequency', 'power', 'bandwidth'];

/** Columns of the table of fits; `trial` only where trials are kept. */
export function fitsColumns(keepTrials: boolean): string[] {
  return ['channel', ...(keepTrials ? ['trial'] : []), ...FITS];
}

export function peaksColumns(keepTrials: boolean): string[] {
  return ['channel', ...(keepTrials ? ['trial'] : []), ...PEAKS];
}

export function candidatesColumns(keepTrials: boolean): string[] {
  return [...peaksColumns(keepTrials), 'outcome'];
}

/** What one call found out about a block of channels of one trial. */
export interface FittedBlock {
  /** Place of the trial in the recording. */
  readonly trial: number;
  readonly channel: readonly string[];
  readonly metadata: FooofMetadata;
}

/** Rows of the tables, trial by trial, channel by channel. */
export function fitRows(
  blocks: readonly FittedBlock[],
  keepTrials: boolean,
): { fits: TsvCell[][]; peaks: TsvCell[][]; candidates: TsvCell[][] } {
  const fits: TsvCell[][] = [];
  const peaks: TsvCell[][] = [];
  const candidates: TsvCell[][] = [];
  for (const { trial, channel, metadata } of blocks) {
    const { shape, data } = metadata.aperiodic_params;
    const parameter = (row: number, c: number): number => data[row * shape[1]! + c]!;
    for (let c = 0; c < channel.length; c++) {
      const head: TsvCell[] = keepTrials ? [channel[c]!, trial] : [channel[c]!];
      const hasKnee = shape[0] === 3;
      const fit: TsvCell[] = [
        parameter(0, c),
        hasKnee ? parameter(1, c) : null,
        parameter(hasKnee ? 2 : 1, c),
        metadata.r_squared[c]!,
        metadata.error[c]!,
        metadata.n_peaks[c]!,
        metadata.status?.[c] ?? 'ok',
      ];
      fits.push(head.concat(fit));
      for (const peak of metadata.peak_params[c]!) peaks.push(head.concat(peak));
      for (const { center, height, sd, outcome } of metadata.candidates?.[c] ?? []) {
        const candidate: TsvCell[] = [center, height, Number.isNaN(sd) ? null : 2 * sd, outcome];
        candidates.push(head.concat(candidate));
      }
    }
  }
  return { fits, peaks, candidates };
}
