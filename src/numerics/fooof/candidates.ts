import { searchFooofPeaks } from '../../native/index.js';
import { usesNative, type FitKernels } from './fit-kernels.js';
import type { FrequencyGrid } from './gaussian-sum.js';

/** A peak as the search guesses it: centre Hz, height log10 power, standard deviation Hz. */
export interface Candidate {
  readonly center: number;
  readonly height: number;
  readonly sd: number;
}

/** What becomes of a candidate; the last two end the search. */
export type CandidateOutcome = 'fitted' | 'edge' | 'overlap' | 'below_threshold' | 'below_min_height';

/** The same in words. */
export const CANDIDATE_TEXT: Readonly<Record<CandidateOutcome, string>> = {
  fitted: 'fitted with the others',
  edge: 'too close to an end of the fitted range for its width',
  overlap: 'overlaps a higher neighbour',
  below_threshold: 'does not exceed peak_threshold standard deviations; the search ended here',
  below_min_height: 'does not exceed min_peak_height; the search ended here',
};

/** A candidate and what became of it; the bandwidth of one that ended the search was not measured, its SD is NaN. */
export interface JudgedCandidate extends Candidate {
  readonly outcome: CandidateOutcome;
}

/** What the search found, and the highest point that was no candidate; null where `max_n_peaks` ended the search. */
export interface CandidateSearch {
  /** In the order of discovery. */
  readonly found: readonly Candidate[];
  readonly rejected: JudgedCandidate | null;
}

export interface CandidateRules {
  /** Narrowest and widest two-sided bandwidth, Hz. */
  readonly peak_width_limits: readonly [number, number];
  readonly max_n_peaks: number | null;
  readonly min_peak_height: number;
  readonly peak_threshold: number;
}

/** Full width at half maximum in standard deviations. */
const FWHM_SD = 2 * Math.sqrt(2 * Math.log(2));
/** Beyond this many standard deviations a Gaussian does not change a double. */
const REACH_SD = 8.6;

/** Candidates that fit into one call of the addon. */
const ROOM = 32;

/**
 * Takes the highest point of the flattened spectrum as a peak, subtracts it, and goes on until it does not stand out.
 *
 * @returns a function of the flattened spectrum, (m), log10 power above the aperiodic part, which the search consumes
 */
export function candidateSearch(
  grid: FrequencyGrid,
  rules: CandidateRules,
  kernels: FitKernels,
): (flat: Float64Array) => CandidateSearch {
  return usesNative(kernels) ? nativeSearch(grid, rules) : (flat) => searchCandidates(flat, grid, rules);
}

function searchCandidates(flat: Float64Array, grid: FrequencyGrid, rules: CandidateRules): CandidateSearch {
  const found: Candidate[] = [];
  const limit = rules.max_n_peaks ?? Infinity;
  while (found.length < limit) {
    const top = highestBin(flat);
    const center = grid.frequencies[top]!;
    const height = flat[top]!;
    const rejected = judged(center, height, rules.peak_threshold * standardDeviation(flat), rules);
    if (rejected !== null) return { found, rejected };
    const candidate = { center, height, sd: guessSd(flat, top, grid, rules.peak_width_limits) };
    found.push(candidate);
    subtract(flat, candidate, grid);
  }
  return { found, rejected: null };
}

function nativeSearch(grid: FrequencyGrid, rules: CandidateRules): (flat: Float64Array) => CandidateSearch {
  const { frequencies } = grid;
  const rows = new Float64Array(3 * (ROOM + 1));
  const fixed = {
    frequencies,
    resolution: grid.isUniform ? grid.resolution : 0,
    widths: rules.peak_width_limits,
    minHeight: rules.min_peak_height,
    threshold: rules.peak_threshold,
  };
  return (flat) => {
    const found: Candidate[] = [];
    const limit = rules.max_n_peaks ?? Infinity;
    while (found.length < limit) {
      const most = Math.min(ROOM, limit - found.length);
      const count = searchFooofPeaks({ ...fixed, flat, found: rows.subarray(0, 3 * (most + 1)) });
      for (let i = 0; i < count; i++) {
        found.push({ center: rows[3 * i]!, height: rows[3 * i + 1]!, sd: rows[3 * i + 2]! });
      }
      if (count === most) continue;
      const at = 3 * count;
      return { found, rejected: judged(rows[at]!, rows[at + 1]!, rows[at + 2]!, rules) };
    }
    return { found, rejected: null };
  };
}

/** The highest point where it is no candidate, otherwise null. */
function judged(
  center: number,
  height: number,
  threshold: number,
  rules: CandidateRules,
): JudgedCandidate | null {
  if (height <= threshold) return { center, height, sd: NaN, outcome: 'below_threshold' };
  if (!(height > rules.min_peak_height)) return { center, height, sd: NaN, outcome: 'below_min_height' };
  return null;
}

/** Every candidate in the order of discovery with what became of it, and the point that ended the search. */
export function judgeCandidates(
  { found, rejected }: CandidateSearch,
  inside: readonly Candidate[],
  kept: readonly Candidate[],
): JudgedCandidate[] {
  const outcome = (candidate: Candidate): CandidateOutcome => {
    if (kept.includes(candidate)) return 'fitted';
    return inside.includes(candidate) ? 'overlap' : 'edge';
  };
  const all = found.map((candidate): JudgedCandidate => {
    const { center, height, sd } = candidate;
    return { center, height, sd, outcome: outcome(candidate) };
  });
  if (rejected !== null) all.push(rejected);
  return all;
}

function highestBin(values: Float64Array): number {
  let top = 0;
  let height = values[0]!;
  for (let i = 1; i < values.length; i++) {
    if (values[i]! > height) {
      height = values[i]!;
      top = i;
    }
  }
  return top;
}

/** From the nearer of the two bins at which the value is down to half; the lowest bin is never looked at. */
function guessSd(
  flat: Float64Array,
  top: number,
  grid: FrequencyGrid,
  [narrowest, widest]: readonly [number, number],
): number {
  const half = 0.5 * flat[top]!;
  let left = top - 1;
  while (left > 0 && !(flat[left]! <= half)) left--;
  let right = top + 1;
  while (right < flat.length && !(flat[right]! <= half)) right++;
  const nearest = Math.min(left > 0 ? top - left : Infinity, right < flat.length ? right - top : Infinity);
  const sd = nearest === Infinity ? (narrowest + widest) / 2 : (2 * grid.resolution * nearest) / FWHM_SD;
  return Math.min(Math.max(sd, narrowest / 2), widest / 2);
}

function subtract(flat: Float64Array, { center, height, sd }: Candidate, grid: FrequencyGrid): void {
  const { frequencies } = grid;
  const reach = REACH_SD * sd;
  const factor = -1 / (2 * sd * sd);
  for (let i = 0; i < flat.length; i++) {
    const distance = frequencies[i]! - center;
    if (distance < -reach) continue;
    if (distance > reach) break;
    flat[i]! -= height * Math.exp(distance * distance * factor);
  }
}

/** Population standard deviation. */
export function standardDeviation(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) * (values[i]! - mean);
  return Math.sqrt(squares / values.length);
}

/** Candidates that lie further than `factor` SD from both ends of the grid. */
export function dropAtEdges(
  candidates: readonly Candidate[],
  grid: FrequencyGrid,
  factor: number,
): Candidate[] {
  const low = grid.frequencies[0]!;
  const high = grid.frequencies.at(-1)!;
  return candidates.filter(
    ({ center, sd }) => Math.abs(center - low) > factor * sd && Math.abs(center - high) > factor * sd,
  );
}

/**
 * Of neighbours that overlap the lower one goes (on a tie the left one). Each pair is judged against the neighbours before
 * any were dropped, so three in a row can lose two.
 *
 * @returns in the order of frequency
 */
export function dropOverlaps(candidates: readonly Candidate[], factor: number): Candidate[] {
  const sorted = candidates.toSorted((a, b) => a.center - b.center);
  const isDropped = new Uint8Array(sorted.length);
  for (let i = 0; i + 1 < sorted.length; i++) {
    const left = sorted[i]!;
    const right = sorted[i + 1]!;
    if (!(left.center + factor * left.sd > right.center - factor * right.sd)) continue;
    isDropped[left.height <= right.height ? i : i + 1] = 1;
  }
  return sorted.filter((_, i) => isDropped[i] === 0);
}
