import type { FrequencyGrid } from './gaussian-sum.js';

/** A peak as the search guesses it: centre Hz, height log10 power, standard deviation Hz. */
export interface Candidate {
  readonly center: number;
  readonly height: number;
  readonly sd: number;
}

/** Why a candidate is not fitted. */
export type RejectionReason = 'edge' | 'overlap';

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

/**
 * Takes the highest point of the flattened spectrum as a peak, subtracts it, and goes on until it does not stand out.
 *
 * @param flat - (m), log10 power above the aperiodic part; consumed by the search
 * @returns in the order of discovery
 */
export function searchCandidates(
  flat: Float64Array,
  grid: FrequencyGrid,
  rules: CandidateRules,
): Candidate[] {
  const found: Candidate[] = [];
  const limit = rules.max_n_peaks ?? Infinity;
  while (found.length < limit) {
    const top = highestBin(flat);
    const height = flat[top]!;
    if (height <= rules.peak_threshold * standardDeviation(flat)) break;
    if (!(height > rules.min_peak_height)) break;
    const candidate = {
      center: grid.frequencies[top]!,
      height,
      sd: guessSd(flat, top, grid, rules.peak_width_limits),
    };
    found.push(candidate);
    subtract(flat, candidate, grid);
  }
  return found;
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
  const [low, high] = [grid.frequencies[0]!, grid.frequencies.at(-1)!];
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
  const sorted = [...candidates].sort((a, b) => a.center - b.center);
  const isDropped = new Uint8Array(sorted.length);
  for (let i = 0; i + 1 < sorted.length; i++) {
    const [left, right] = [sorted[i]!, sorted[i + 1]!];
    if (!(left.center + factor * left.sd > right.center - factor * right.sd)) continue;
    isDropped[left.height <= right.height ? i : i + 1] = 1;
  }
  return sorted.filter((_, i) => isDropped[i] === 0);
}
