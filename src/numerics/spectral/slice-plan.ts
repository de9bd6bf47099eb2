/** Where to put the shifts, how many pairs each takes, and where neighbouring slices are cut. */
import { ProcessingError } from '../../errors.js';
import type { NumericFactor, Slice, SolverKernels, SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

// Growth beyond this costs digits that the polish does not bring back; a neighbouring shift is tried.
const LARGEST_GROWTH = 300;
/** Enough for a count: the shift lies in a gap, far from what rounding moves. */
export const COUNTING_GROWTH = 3000;
// Neighbouring shifts, as parts of the distance between slices.
const DETOURS = [0, 0.011, -0.013, 0.027, -0.031, 0.043];
const MOST_PROBES = 40;

/** What a factor can be made of. */
export interface FactorSource {
  readonly kernels: SolverKernels;
  readonly symbolic: SymbolicFactor;
  readonly pair: SolverPair;
}

/** A factor at or near a shift, the best of up to six when pivots grow beyond `mostGrowth`. */
export function steadyFactor(
  { kernels, symbolic, pair }: FactorSource,
  shift: number,
  step: number,
  mostGrowth = LARGEST_GROWTH,
): NumericFactor {
  let best: NumericFactor | undefined;
  for (const detour of DETOURS) {
    const factor = kernels.factor(symbolic, pair, shift + detour * step);
    if (best === undefined || factor.growth < best.growth) best = factor;
    if (best.growth < mostGrowth) break;
  }
  return best!;
}

/**
 * Factors at shifts that share the first `wanted` eigenvalues about evenly. The first guess is Weyl's law for surfaces,
 * lambda_j = 4 pi j / area; where counts say otherwise (other pairs, open sheets) shifts are moved.
 */
export function chooseShifts(source: FactorSource, wanted: number, mass: number): NumericFactor[] {
  const slices = Math.max(1, Math.round(wanted / source.kernels.slicePairs));
  const perSlice = wanted / slices;
  const counts: Counted[] = [];
  const factors: NumericFactor[] = [];
  let slope = (4 * Math.PI) / mass;
  for (let i = 0; i < slices; i++) {
    const target = (i + 0.5) * perSlice;
    const factor = factorAtCount(source, counts, target, perSlice, slope);
    const last = factors.at(-1);
    // Two shifts with one count share nothing: one of them is enough.
    if (last !== undefined && factor.inertia <= last.inertia) continue;
    factors.push(factor);
    if (factor.inertia > 0 && factor.shift > 0) slope = factor.shift / factor.inertia;
    if (factor.inertia >= wanted) break;
  }
  return factors;
}

/**
 * Factors in the widest gaps near the middles of the slices, once eigenvalues are known (ascending, `wanted` or more). A
 * shift close to one eigenvalue costs the digits of those that are far from it. Slices are twice as large as those that
 * cost least: fewer of them meet.
 */
export function shiftsInGaps(source: FactorSource, values: Float64Array, wanted: number): NumericFactor[] {
  const slices = Math.max(1, Math.round(wanted / (2 * source.kernels.slicePairs)));
  const perSlice = wanted / slices;
  return Array.from({ length: slices }, (_, i) => {
    let best = Math.max(1, Math.round((i + 0.25) * perSlice));
    for (let above = best + 1; above <= (i + 0.75) * perSlice; above++) {
      if (values[above]! - values[above - 1]! > values[best]! - values[best - 1]!) best = above;
    }
    const [lower, upper] = [values[best - 1]!, values[best]!];
    return steadyFactor(source, (lower + upper) / 2, 4 * (upper - lower));
  });
}

/** A factor below all eigenvalues, where no pivot can grow. */
export function definiteFactor({ kernels, symbolic, pair }: FactorSource, mass: number): NumericFactor {
  let shift = (-2 * Math.PI) / mass;
  for (let probe = 0; probe < MOST_PROBES; probe++, shift *= 4) {
    const factor = kernels.factor(symbolic, pair, shift);
    if (factor.inertia === 0 && factor.growth < 1.01) return factor;
  }
  throw new ProcessingError('ILL_CONDITIONED', 'no shift gives a factor with digits', {
    where: 'eigsh',
    cure: 'look for entries that are far too large, as triangles without area give them',
  });
}

interface Counted {
  readonly shift: number;
  readonly count: number;
}

function factorAtCount(
  source: FactorSource,
  counts: Counted[],
  target: number,
  perSlice: number,
  slope: number,
): NumericFactor {
  const step = perSlice * slope;
  // Nearly half a slice beside the target only costs balance; with half of one the first shift could stay below all
  // eigenvalues, however far.
  const tolerance = Math.max(2, 0.4 * perSlice);
  let best: NumericFactor | undefined;
  let shift = guess(counts, target, slope);
  for (let probe = 0; probe < MOST_PROBES; probe++) {
    const factor = steadyFactor(source, shift, step);
    counts.push({ shift: factor.shift, count: factor.inertia });
    counts.sort((a, b) => a.shift - b.shift);
    const distance = Math.abs(factor.inertia - target);
    if (best === undefined || distance < Math.abs(best.inertia - target)) best = factor;
    if (distance <= tolerance) break;
    const next = guess(counts, target, slope);
    // A cluster holds more eigenvalues than a slice: no shift inside it would count better.
    if (Math.abs(next - shift) <= 1e-9 * Math.abs(shift)) break;
    shift = next;
  }
  return best!;
}

/** Shift at which `target` eigenvalues are expected below, from the counts known so far (ascending shifts). */
function guess(counts: readonly Counted[], target: number, slope: number): number {
  const lower = counts.findLast(({ count }) => count <= target);
  const upper = counts.find(({ count }) => count > target);
  if (lower !== undefined && upper !== undefined) {
    const share = (target - lower.count) / (upper.count - lower.count);
    // Away from the ends: a bracket must shrink.
    return lower.shift + Math.min(0.9, Math.max(0.1, share)) * (upper.shift - lower.shift);
  }
  if (upper !== undefined) {
    // Nothing below yet: towards 0, and past it for matrices with negative eigenvalues.
    if (upper.shift <= 0) return upper.shift * 4 - slope * target;
    return upper.count > 0 && upper.shift > 1e-12 * slope
      ? upper.shift * Math.max(target / upper.count, 0.01)
      : -slope * target;
  }
  if (lower === undefined) return slope * target;
  if (lower.count === 0 || lower.shift <= 0)
    return Math.max(4 * lower.shift, lower.shift / 4 + slope * target);
  return lower.shift * Math.min(8, Math.max(1.2, target / lower.count));
}

/** Pairs that each slice has to find below and above its shift. */
export interface SliceShare {
  readonly below: number;
  readonly above: number;
}

/**
 * Shares of the slices: the pairs between two shifts go half to each side, with some to spare for the cut.
 *
 * @param last - pairs wanted above the last shift
 */
export function sliceShares(factors: readonly NumericFactor[], spare: number, last: number): SliceShare[] {
  return factors.map((factor, i) => {
    const before = i === 0 ? 0 : factors[i - 1]!.inertia;
    const between = factor.inertia - before;
    const below = i === 0 ? between : Math.min(between, between - Math.floor(between / 2) + spare);
    const next = factors[i + 1];
    if (next === undefined) return { below, above: last };
    const ahead = next.inertia - factor.inertia;
    return { below, above: Math.min(ahead, Math.floor(ahead / 2) + spare) };
  });
}

/** A pair taken into the result. */
export interface Taken {
  readonly eigenvalue: number;
  readonly slice: number;
  readonly index: number;
}

/**
 * One ascending list from all slices, cut between neighbours at the largest relative gap that both see.
 *
 * @returns cutGap: the smallest of those gaps; a cut inside a cluster would give vectors that are not orthogonal
 */
export function joinSlices(
  factors: readonly NumericFactor[],
  shares: readonly SliceShare[],
  slices: readonly Slice[],
): { readonly taken: Taken[]; readonly cutGap: number } {
  const from = slices.map(() => 0);
  const to = slices.map((slice) => slice.eigenvalues.length);
  let cutGap = Infinity;
  for (let i = 0; i + 1 < slices.length; i++) {
    const between = factors[i + 1]!.inertia - factors[i]!.inertia;
    const left = slices[i]!.eigenvalues.subarray(shares[i]!.below);
    const right = slices[i + 1]!.eigenvalues;
    const skipped = between - shares[i + 1]!.below;
    let bestGap = -Infinity;
    let best = 0;
    for (let count = skipped; count <= left.length; count++) {
      const lower = count > 0 ? left[count - 1]! : factors[i]!.shift;
      const upper = count < between ? right[count - skipped]! : factors[i + 1]!.shift;
      const gap = (upper - lower) / Math.max(Math.abs(lower), Math.abs(upper));
      if (gap <= bestGap) continue;
      bestGap = gap;
      best = count;
    }
    cutGap = Math.min(cutGap, bestGap);
    to[i] = shares[i]!.below + best;
    from[i + 1] = best - skipped;
  }
  const taken = slices.flatMap((slice, number) =>
    Array.from(slice.eigenvalues.subarray(from[number], to[number]), (eigenvalue, i) => ({
      eigenvalue,
      slice: number,
      index: from[number]! + i,
    })),
  );
  taken.sort((a, b) => a.eigenvalue - b.eigenvalue);
  return { taken, cutGap };
}
