/** Comparison of groups by permutation of their labels. */
import { ProcessingError } from '../../errors.js';
import type { SeededRandom } from '../random.js';

/** Result of one feature. */
export interface FeatureTest {
  /** Subjects with a value. */
  readonly n: number;
  /** Of each group, in the order of the groups. */
  readonly means: readonly number[];
  readonly sds: readonly number[];
  /** Welch's t of two groups (first minus second), F of more; infinite where nothing varies within groups that differ. */
  readonly statistic: number;
  /** Hedges' g of two groups, omega squared of more; NaN where the statistic is not finite. */
  readonly effect: number;
  /** Share of labellings that are at least as extreme, this one counted. */
  readonly p: number;
  /** The same against the largest statistic of all features of the family. */
  readonly pFamily: number;
}

/**
 * Tests features between groups: the labels are permuted, the same way for all features, so that the correlation between
 * features is kept. p = (1 + permutations at least as extreme) / (1 + permutations); no distribution is assumed.
 *
 * @param features - a row per feature with a value per subject; NaN where a subject has none
 * @param groups - (subjects), number of the group from 0
 * @throws ProcessingError INVALID_ARGUMENT with fewer than two groups, or a group of one
 * @see Westfall & Young 1993 (largest statistic); Phipson & Smyth 2010 (p is never 0)
 */
export function groupTests(
  features: readonly Float64Array[],
  groups: ArrayLike<number>,
  random: SeededRandom,
  permutations = 10_000,
): FeatureTest[] {
  const labels = Int32Array.from(groups);
  const count = groupCount(labels);
  const about = features.map(centred);
  const sums = new GroupSums(count);
  const observed = about.map(({ values }) => statisticOf(sums.take(values, labels)));
  // Another order of the same sums must not fall below by its rounding.
  const limits = observed.map((value) => Math.abs(value) * (1 - 1e-9));
  const exceeded = new Int32Array(features.length);
  const exceededFamily = new Int32Array(features.length);
  const shuffled = labels.slice();
  for (let round = 0; round < permutations; round++) {
    shuffle(shuffled, random);
    let largest = 0;
    for (let f = 0; f < features.length; f++) {
      const value = Math.abs(statisticOf(sums.take(about[f]!.values, shuffled)));
      if (value >= limits[f]!) exceeded[f]!++;
      if (value > largest) largest = value;
    }
    for (let f = 0; f < features.length; f++) if (largest >= limits[f]!) exceededFamily[f]!++;
  }
  return about.map(({ mean, values }, f) => {
    const isTested = !Number.isNaN(observed[f]!);
    sums.take(values, labels);
    const counts = [...sums.counts];
    const means = counts.map((n, group) => mean + sums.sums[group]! / n);
    const sds = counts.map((_, group) => sums.deviation(group));
    return {
      n: counts.reduce((sum, n) => sum + n, 0),
      means,
      sds,
      statistic: observed[f]!,
      effect: effectOf(observed[f]!, means, sds, counts),
      p: isTested ? (1 + exceeded[f]!) / (1 + permutations) : NaN,
      pFamily: isTested ? (1 + exceededFamily[f]!) / (1 + permutations) : NaN,
    };
  });
}

/** Result of a test of distances. */
export interface DistanceTest {
  readonly n: number;
  readonly pseudoF: number;
  /** Share of the squared distances that lies between groups. */
  readonly r2: number;
  readonly p: number;
}

/**
 * Whether groups differ in a matrix of distances: permutational analysis of variance. p is NaN where a distance is, and 1 with
 * distances that are all 0.
 *
 * @param distances - (n, n), symmetric
 * @throws ProcessingError as {@link groupTests}
 * @see Anderson 2001
 */
export function permutationalAnova(
  distances: Float64Array,
  groups: ArrayLike<number>,
  random: SeededRandom,
  permutations = 10_000,
): DistanceTest {
  const labels = Int32Array.from(groups);
  const n = labels.length;
  const count = groupCount(labels);
  const squares = distances.map((distance) => distance * distance);
  let total = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) total += squares[i * n + j]! / n;
  const within = (given: Int32Array): number => {
    const sums = new Float64Array(count);
    const sizes = new Int32Array(count);
    for (let i = 0; i < n; i++) {
      sizes[given[i]!]!++;
      for (let j = 0; j < i; j++) if (given[i] === given[j]) sums[given[i]!]! += squares[i * n + j]!;
    }
    return sums.reduce((sum, value, group) => sum + value / sizes[group]!, 0);
  };
  const ratio = (left: number): number => (total - left) / (count - 1) / (left / (n - count));
  const observed = within(labels);
  const shuffled = labels.slice();
  let exceeded = 0;
  for (let round = 0; round < permutations; round++) {
    shuffle(shuffled, random);
    if (within(shuffled) <= observed * (1 + 1e-12)) exceeded++;
  }
  return {
    n,
    pseudoF: ratio(observed),
    r2: total === 0 ? 0 : (total - observed) / total,
    p: Number.isNaN(observed) ? NaN : (1 + exceeded) / (1 + permutations),
  };
}

/**
 * Number of groups.
 *
 * @throws ProcessingError INVALID_ARGUMENT with fewer than two groups, or a group of fewer than two
 */
export function groupCount(labels: ArrayLike<number>): number {
  const sizes = new Array<number>(1 + Math.max(-1, ...Array.from(labels))).fill(0);
  for (const label of Array.from(labels)) sizes[label]!++;
  if (sizes.length >= 2 && sizes.every((size) => size >= 2)) return sizes.length;
  throw new ProcessingError('INVALID_ARGUMENT', `groups of ${sizes.join(', ')} subjects cannot be compared`, {
    cure: 'give two groups or more, of two subjects or more each',
  });
}

function shuffle(values: Int32Array, random: SeededRandom): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
}

/** A feature about its mean, so that sums of squares keep their digits. */
interface Centred {
  readonly mean: number;
  readonly values: Float64Array;
}

function centred(values: Float64Array): Centred {
  const there = values.filter((value) => !Number.isNaN(value));
  const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
  const deviations = values.map((value) => value - mean);
  // What varies by rounding only does not vary.
  const isConstant = deviations.every((value) => !(Math.abs(value) > 1e-12 * Math.abs(mean)));
  return { mean, values: isConstant ? deviations.map((value) => 0 * value) : deviations };
}

/** Counts, sums and sums of squares of the groups, used again for every labelling. */
class GroupSums {
  readonly counts: Float64Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;

  constructor(groups: number) {
    [this.counts, this.sums, this.squares] = [0, 1, 2].map(() => new Float64Array(groups)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
  }

  take(values: Float64Array, labels: Int32Array): this {
    this.counts.fill(0);
    this.sums.fill(0);
    this.squares.fill(0);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      const group = labels[i]!;
      this.counts[group]!++;
      this.sums[group]! += value;
      this.squares[group]! += value * value;
    }
    return this;
  }

  /** Sum of squares about the mean of a group. */
  within(group: number): number {
    return this.squares[group]! - this.sums[group]! ** 2 / this.counts[group]!;
  }

  /** Sum of the squares of all values. */
  total(): number {
    return this.squares.reduce((sum, value) => sum + value, 0);
  }

  /** Whether values vary within a group, beyond rounding. */
  varies(): boolean {
    let within = 0;
    for (let group = 0; group < this.counts.length; group++) within += this.within(group);
    return within > NOTHING * this.total();
  }

  /** Of the sample: n - 1. */
  deviation(group: number): number {
    return Math.sqrt(Math.max(0, this.within(group)) / (this.counts[group]! - 1));
  }
}

/** Share of a sum of squares below which a part of it is rounding. */
export const NOTHING = 1e-12;

/**
 * Welch's t of two groups, F of more; infinite where groups differ and nothing varies within them, NaN where a group has
 * fewer than two values or nothing varies at all.
 */
function statisticOf(sums: GroupSums): number {
  const { counts } = sums;
  if (counts.some((n) => n < 2)) return NaN;
  if (!sums.varies()) {
    const [first, second] = [0, 1].map((group) => sums.sums[group]! / counts[group]!) as [number, number];
    if (!(sums.total() > 0)) return NaN;
    return counts.length === 2 ? Math.sign(first - second) * Infinity : Infinity;
  }
  if (counts.length === 2) {
    const means = [0, 1].map((group) => sums.sums[group]! / counts[group]!);
    const error = [0, 1].reduce(
      (sum, group) => sum + sums.within(group) / (counts[group]! - 1) / counts[group]!,
      0,
    );
    return (means[0]! - means[1]!) / Math.sqrt(error);
  }
  let [n, total, between, within] = [0, 0, 0, 0];
  for (let group = 0; group < counts.length; group++) {
    n += counts[group]!;
    total += sums.sums[group]!;
    between += sums.sums[group]! ** 2 / counts[group]!;
    within += sums.within(group);
  }
  between -= total ** 2 / n;
  return between / (counts.length - 1) / (within / (n - counts.length));
}

/** NaN where the statistic is not finite: there is no deviation to measure the difference by. */
function effectOf(
  statistic: number,
  means: readonly number[],
  sds: readonly number[],
  counts: readonly number[],
): number {
  if (!Number.isFinite(statistic)) return NaN;
  return counts.length === 2 ? hedgesG(means, sds, counts) : omegaSquared(statistic, counts);
}

/** Difference of the means over the pooled standard deviation, corrected for small samples. */
function hedgesG(means: readonly number[], sds: readonly number[], counts: readonly number[]): number {
  const freedom = counts[0]! + counts[1]! - 2;
  const pooled = Math.sqrt(((counts[0]! - 1) * sds[0]! ** 2 + (counts[1]! - 1) * sds[1]! ** 2) / freedom);
  return ((means[0]! - means[1]!) / pooled) * (1 - 3 / (4 * freedom - 1));
}

function omegaSquared(f: number, counts: readonly number[]): number {
  const n = counts.reduce((sum, one) => sum + one, 0);
  const freedom = counts.length - 1;
  return (freedom * (f - 1)) / (freedom * (f - 1) + n);
}
