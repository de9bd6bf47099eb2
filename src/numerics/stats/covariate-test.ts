/** Comparison of groups with covariates taken out, by permutation of residuals. */
import { ProcessingError } from '../../errors.js';
import type { SeededRandom } from '../random.js';
import { groupCount, NOTHING, type DistanceTest, type FeatureTest } from './group-test.js';

/**
 * Tests features between groups with covariates held fixed: residuals of the model without groups are permuted and added to
 * its fit again (Freedman and Lane), the same way for all features. p = (1 + permutations at least as extreme) / (1 +
 * permutations). `means` are those of the model at the mean of the covariates, `sds` those of the residuals within each
 * group, the statistic is t of the model (two groups) or F, the effect Hedges' g of the adjusted means over the residual
 * standard deviation, or partial omega squared.
 *
 * @param features - a row per feature with a value per subject; NaN where a subject has none
 * @param groups - (subjects), number of the group from 0
 * @param covariates - (c), each (subjects) and finite
 * @throws ProcessingError INVALID_ARGUMENT with fewer than two groups, a group of one, or where covariates leave
 *   nothing of the groups
 * @see Freedman & Lane 1983; Winkler, Ridgway, Webster, Smith & Nichols 2014
 */
export function adjustedGroupTests(
  features: readonly Float64Array[],
  groups: ArrayLike<number>,
  covariates: readonly Float64Array[],
  random: SeededRandom,
  permutations = 10_000,
): FeatureTest[] {
  const n = groups.length;
  const count = groupCount(groups);
  const models = new Map<string, GroupModel | null>();
  const tests = features.map((values) => {
    const rows = Array.from({ length: n }, (_, i) => i).filter((i) => !Number.isNaN(values[i]!));
    const key = rows.join(',');
    if (!models.has(key)) models.set(key, modelOf(rows, groups, covariates, count));
    const model = models.get(key)!;
    return model === null ? null : new ResidualTest(model, values);
  });
  if (!canAdjust(groups, covariates)) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      'the covariates say which group a subject is in, or nearly',
      {
        where: 'adjustedGroupTests',
        cure: 'take covariates out until groups differ at equal values of them, or give more subjects',
      },
    );
  }
  const limits = tests.map((test) => (test === null ? NaN : Math.abs(test.observed) * (1 - 1e-9)));
  const exceeded = new Int32Array(features.length);
  const exceededFamily = new Int32Array(features.length);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const orders = new Map<GroupModel, Int32Array>();
  for (let round = 0; round < permutations; round++) {
    for (let i = n - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    orders.clear();
    let largest = 0;
    tests.forEach((test, f) => {
      if (test === null) return;
      const { model } = test;
      let own = orders.get(model);
      if (own === undefined) {
        // Subjects without a value are passed over: the rest keeps its order.
        own = order.filter((i) => model.place[i]! >= 0).map((i) => model.place[i]!);
        orders.set(model, own);
      }
      const value = Math.abs(test.permuted(own));
      if (value >= limits[f]!) exceeded[f]!++;
      if (value > largest) largest = value;
    });
    for (let f = 0; f < features.length; f++) if (largest >= limits[f]!) exceededFamily[f]!++;
  }
  return tests.map((test, f) => {
    const isTested = test !== null && !Number.isNaN(test.observed);
    return {
      n: test?.model.rows.length ?? features[f]!.filter((value) => !Number.isNaN(value)).length,
      means: test?.means() ?? new Array<number>(count).fill(NaN),
      sds: test?.sds() ?? new Array<number>(count).fill(NaN),
      statistic: test?.observed ?? NaN,
      effect: test?.effect() ?? NaN,
      p: isTested ? (1 + exceeded[f]!) / (1 + permutations) : NaN,
      pFamily: isTested ? (1 + exceededFamily[f]!) / (1 + permutations) : NaN,
    };
  });
}

/**
 * Whether groups differ in a matrix of distances with covariates held fixed: the residuals of the distances' inner products
 * are permuted. F is infinite where groups and covariates leave nothing; p is NaN where F is (a distance is, or covariates leave
 * nothing to groups), and 1 with distances that are all 0.
 *
 * @param distances - (n, n), symmetric
 * @param covariates - (c), each (n) and finite
 * @throws ProcessingError as {@link adjustedGroupTests}
 * @see McArdle & Anderson 2001; Freedman & Lane 1983
 */
export function adjustedPermutationalAnova(
  distances: Float64Array,
  groups: ArrayLike<number>,
  covariates: readonly Float64Array[],
  random: SeededRandom,
  permutations = 10_000,
): DistanceTest {
  const n = groups.length;
  const count = groupCount(groups);
  const model = modelOf(
    Array.from({ length: n }, (_, i) => i),
    groups,
    covariates,
    count,
  );
  if (model === null) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      'the covariates say which group a subject is in, or nearly',
      {
        where: 'adjustedPermutationalAnova',
        cure: 'take covariates out until groups differ at equal values of them, or give more subjects',
      },
    );
  }
  const inner = centredProducts(distances, n);
  let total = 0;
  for (let i = 0; i < n; i++) total += inner[i * n + i]!;
  // Rows and columns without their part in the covariates.
  const left = withoutPart(inner, n, model.reduced);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const partIn = (basis: readonly Float64Array[]): number => {
    let sum = 0;
    for (const vector of basis) {
      for (let i = 0; i < n; i++) {
        const row = order[i]! * n;
        let product = 0;
        for (let j = 0; j < n; j++) product += left[row + order[j]!]! * vector[j]!;
        sum += vector[i]! * product;
      }
    }
    return sum;
  };
  let trace = 0;
  for (let i = 0; i < n; i++) trace += left[i * n + i]!;
  const statistic = (): { between: number; f: number } => {
    const between = partIn(model.group);
    const rest = trace - partIn(model.reduced) - between;
    // What is left by rounding only is nothing.
    const least = 1e-12 * total;
    if (Math.abs(rest) > least) return { between, f: between / model.group.length / (rest / model.freedom) };
    return { between, f: between > least ? Infinity : NaN };
  };
  const observed = statistic();
  const limit = Math.min(observed.f * (1 - 1e-9), observed.f * (1 + 1e-9));
  let exceeded = 0;
  for (let round = 0; round < permutations; round++) {
    for (let i = n - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    // Distances that are all 0 are so in every order.
    if (total === 0 || statistic().f >= limit) exceeded++;
  }
  return {
    n,
    pseudoF: observed.f,
    r2: total > 0 ? observed.between / total : 0,
    p: Number.isNaN(observed.f) && total !== 0 ? NaN : (1 + exceeded) / (1 + permutations),
  };
}

/** A linear model of some subjects: covariates, and groups beside them. */
interface GroupModel {
  readonly rows: readonly number[];
  /** (subjects): place among the rows, -1 for none. */
  readonly place: Int32Array;
  /** (rows): group. */
  readonly groups: Int32Array;
  readonly count: number;
  /** Orthonormal, each (rows): the constant and the covariates. */
  readonly reduced: readonly Float64Array[];
  /** Orthonormal, each (rows): what groups add to them. */
  readonly group: readonly Float64Array[];
  /** (rows), covariates about their means, each. */
  readonly centred: readonly Float64Array[];
  /** Residual degrees of freedom. */
  readonly freedom: number;
}

/** Null for fewer than two groups, where groups cannot be told from the covariates, or no freedom is left. */
function modelOf(
  rows: readonly number[],
  groups: ArrayLike<number>,
  covariates: readonly Float64Array[],
  count: number,
): GroupModel | null {
  const own = Int32Array.from(rows, (i) => groups[i]!);
  const sizes = Array.from({ length: count }, (_, g) => own.filter((group) => group === g).length);
  if (count < 2 || sizes.some((size) => size < 2)) return null;
  const centred = covariates.map((values) => {
    const there = Float64Array.from(rows, (i) => values[i]!);
    const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
    return there.map((value) => value - mean);
  });
  const reduced: Float64Array[] = [];
  for (const column of [new Float64Array(rows.length).fill(1), ...centred]) addTo(reduced, [], column);
  const group: Float64Array[] = [];
  for (let g = 1; g < count; g++) {
    addTo(
      group,
      reduced,
      Float64Array.from(own, (value) => (value === g ? 1 : 0)),
    );
  }
  const freedom = rows.length - reduced.length - group.length;
  if (group.length < count - 1 || freedom < 1) return null;
  const place = new Int32Array(groups.length).fill(-1);
  rows.forEach((i, at) => (place[i] = at));
  return { rows, place, groups: own, count, reduced, group, centred, freedom };
}

/** Whether there are two groups or more that differ beside the covariates, and freedom is left to test it. */
export function canAdjust(groups: ArrayLike<number>, covariates: readonly Float64Array[]): boolean {
  const count = Math.max(...Array.from(groups)) + 1;
  const rows = Array.from({ length: groups.length }, (_, i) => i);
  return modelOf(rows, groups, covariates, count) !== null;
}

/** Adds the part of a column that is orthogonal to what is there, unless rounding is all that is left. */
function addTo(basis: Float64Array[], others: readonly Float64Array[], column: Float64Array): void {
  const vector = column.slice();
  const before = norm(vector);
  for (let pass = 0; pass < 2; pass++) {
    for (const one of [...others, ...basis]) {
      const product = dot(one, vector);
      for (let i = 0; i < vector.length; i++) vector[i]! -= product * one[i]!;
    }
  }
  const length = norm(vector);
  if (length > 1e-8 * before) basis.push(vector.map((value) => value / length));
}

class ResidualTest {
  readonly model: GroupModel;
  readonly observed: number;
  /** (rows), of the model without groups. */
  readonly #residuals: Float64Array;
  readonly #values: Float64Array;
  readonly #coefficients: Float64Array;

  constructor(model: GroupModel, values: Float64Array) {
    this.model = model;
    this.#values = Float64Array.from(model.rows, (i) => values[i]!);
    const left = this.#values.slice();
    for (const one of model.reduced) {
      const product = dot(one, left);
      for (let i = 0; i < left.length; i++) left[i]! -= product * one[i]!;
    }
    // What varies by rounding only does not vary.
    const scale = norm(this.#values);
    this.#residuals = norm(left) > 1e-12 * scale ? left : left.map(() => 0);
    this.#coefficients = groupCoefficients(model, this.#residuals);
    this.observed = this.permuted(Int32Array.from(model.rows, (_, i) => i));
  }

  /**
   * t of two groups (first minus second), F of more; of residuals in another order. Infinite where groups explain all that
   * covariates leave, NaN where those leave nothing.
   */
  permuted(order: Int32Array): number {
    const { reduced, group, count, freedom } = this.model;
    const residuals = this.#residuals;
    let total = 0;
    for (const value of residuals) total += value * value;
    const part = (basis: readonly Float64Array[]): number => {
      let sum = 0;
      for (const vector of basis) {
        let product = 0;
        for (let i = 0; i < order.length; i++) product += vector[i]! * residuals[order[i]!]!;
        sum += product * product;
      }
      return sum;
    };
    const between = part(group);
    const rest = total - part(reduced) - between;
    if (!(rest > NOTHING * total) && !(between > NOTHING * total)) return NaN;
    const f = rest > NOTHING * total ? between / group.length / (rest / freedom) : Infinity;
    if (count > 2) return f;
    // The only vector of two groups points to the second.
    let product = 0;
    for (let i = 0; i < order.length; i++) product += group[0]![i]! * residuals[order[i]!]!;
    return -Math.sign(product) * Math.sqrt(f);
  }

  /** At the mean of the covariates. */
  means(): number[] {
    const { groups, count, rows } = this.model;
    const mean = this.#values.reduce((sum, value) => sum + value, 0) / rows.length;
    const shares = Array.from(
      { length: count },
      (_, g) => groups.filter((group) => group === g).length / rows.length,
    );
    const middle = shares.reduce((sum, share, g) => sum + share * this.#coefficients[g]!, 0);
    return Array.from(this.#coefficients, (value) => mean + value - middle);
  }

  /** Of what the whole model leaves, within each group. */
  sds(): number[] {
    const left = this.#left();
    const { groups, count } = this.model;
    return Array.from({ length: count }, (_, g) => {
      const own = left.filter((_, i) => groups[i] === g);
      return Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / Math.max(1, own.length - 1));
    });
  }

  effect(): number {
    const { count, freedom, group, rows } = this.model;
    const means = this.means();
    if (!Number.isFinite(this.observed)) return NaN;
    if (count === 2) {
      // With one degree of freedom the correction for small samples leaves nothing.
      if (freedom < 2) return NaN;
      const deviation = norm(this.#left()) / Math.sqrt(freedom);
      return ((means[0]! - means[1]!) / deviation) * (1 - 3 / (4 * freedom - 1));
    }
    const f = this.observed;
    return (group.length * (f - 1)) / (group.length * (f - 1) + rows.length);
  }

  #left(): Float64Array {
    const left = this.#residuals.slice();
    for (const one of this.model.group) {
      const product = dot(one, left);
      for (let i = 0; i < left.length; i++) left[i]! -= product * one[i]!;
    }
    return left;
  }
}

/** Effects of the groups beside the covariates, the first 0: least squares on the indicators without their part in the rest. */
function groupCoefficients(
  { groups, count, reduced, group }: GroupModel,
  residuals: Float64Array,
): Float64Array {
  const columns = Array.from({ length: count - 1 }, (_, g) => {
    const column = Float64Array.from(groups, (value) => (value === g + 1 ? 1 : 0));
    for (const one of reduced) {
      const product = dot(one, column);
      for (let i = 0; i < column.length; i++) column[i]! -= product * one[i]!;
    }
    return column;
  });
  // The basis came from these columns in this order: the system is triangular.
  const right = group.map((vector) => dot(vector, residuals));
  const out = new Float64Array(count);
  for (let g = count - 2; g >= 0; g--) {
    let value = right[g]!;
    for (let later = g + 1; later < count - 1; later++) {
      value -= dot(group[g]!, columns[later]!) * out[later + 1]!;
    }
    out[g + 1] = value / dot(group[g]!, columns[g]!);
  }
  return out;
}

/** Inner products about the mean of points with these distances: -d^2 / 2, centred in rows and columns. */
function centredProducts(distances: Float64Array, n: number): Float64Array {
  const out = distances.map((distance) => -(distance * distance) / 2);
  const means = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += out[i * n + j]!;
    return sum / n;
  });
  const grand = means.reduce((sum, mean) => sum + mean, 0) / n;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + j]! += grand - means[i]! - means[j]!;
  return out;
}

function withoutPart(square: Float64Array, n: number, basis: readonly Float64Array[]): Float64Array {
  const out = square.slice();
  for (const vector of basis) {
    const products = Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += out[i * n + j]! * vector[j]!;
      return sum;
    });
    const both = dot(vector, products);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        out[i * n + j]! +=
          both * vector[i]! * vector[j]! - products[i]! * vector[j]! - vector[i]! * products[j]!;
      }
    }
  }
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
