/** How well two groups are told apart by a linear classifier on subjects it was not trained on. */
import { cholesky, solveCholesky } from '../linalg/cholesky.js';
import { matrix } from '../linalg/matrix.js';
import type { SeededRandom } from '../random.js';

/** How well left-out subjects were told apart. */
export interface ClassifierResult {
  /** Area under the curve of the scores of left-out subjects, 0.5 by chance. */
  readonly auc: number;
  readonly balancedAccuracy: number;
  /** Difference of the mean scores of the groups over their pooled standard deviation. */
  readonly effect: number;
  /** Share of permuted labellings with an AUC at least as large, this one counted. */
  readonly p: number;
}

/** Options of the cross-validated ridge classifier. */
export interface ClassifierOptions {
  readonly folds?: number;
  readonly permutations?: number;
  /** Penalty per standardised feature. */
  readonly penalty?: number;
}

/**
 * Cross-validated ridge classifier. Features are standardised inside of each fold, from the training subjects alone.
 *
 * @param features - (n, columns), row per subject
 * @param labels - (n), 0 or 1
 */
export function crossValidated(
  features: Float64Array,
  labels: ArrayLike<number>,
  random: SeededRandom,
  { folds = 5, permutations = 500, penalty = 1 }: ClassifierOptions = {},
): ClassifierResult {
  const n = labels.length;
  const truth = Int32Array.from(labels);
  const fold = stratifiedFolds(truth, folds, random);
  // The scores are linear in the labels: one matrix serves all permutations.
  const smoother = scoreMatrix(features, n, fold, folds, penalty);
  const scoresOf = (given: Int32Array): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += smoother[i * n + j]! * (given[j]! === 1 ? 1 : -1);
      return sum;
    });
  const scores = scoresOf(truth);
  const auc = areaUnderCurve(scores, truth);
  const shuffled = truth.slice();
  let exceeded = 0;
  for (let round = 0; round < permutations; round++) {
    for (let i = n - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    if (areaUnderCurve(scoresOf(shuffled), shuffled) >= auc - 1e-12) exceeded++;
  }
  return {
    auc,
    balancedAccuracy: balancedAccuracy(scores, truth),
    effect: standardisedDifference(scores, truth),
    p: (1 + exceeded) / (1 + permutations),
  };
}

function stratifiedFolds(labels: Int32Array, folds: number, random: SeededRandom): Int32Array {
  const out = new Int32Array(labels.length);
  for (const group of [0, 1]) {
    const members = Array.from(labels.keys()).filter((i) => labels[i] === group);
    for (let i = members.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [members[i], members[j]] = [members[j]!, members[i]!];
    }
    members.forEach((i, place) => {
      out[i] = place % folds;
    });
  }
  return out;
}

/** Row i: weights of all labels in the score of subject i, 0 for those of its own fold. */
function scoreMatrix(
  features: Float64Array,
  n: number,
  fold: Int32Array,
  folds: number,
  penalty: number,
): Float64Array {
  const columns = features.length / n;
  const out = new Float64Array(n * n);
  for (let f = 0; f < folds; f++) {
    const train = Array.from(fold.keys()).filter((i) => fold[i] !== f);
    const test = Array.from(fold.keys()).filter((i) => fold[i] === f);
    if (test.length === 0 || train.length === 0) continue;
    const z = standardised(features, columns, train, [...train, ...test]);
    const t = train.length;
    const product = (i: number, j: number): number => {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += z[i * columns + c]! * z[j * columns + c]!;
      return sum / Math.max(1, columns);
    };
    const kernel = matrix(t, t);
    for (let i = 0; i < t; i++) for (let j = 0; j < t; j++) kernel.values[i * t + j] = product(i, j);
    for (let i = 0; i < t; i++) kernel.values[i * t + i]! += penalty;
    const factor = cholesky(kernel)!;
    // Standardised features have mean 0, so that the labels are centred and no constant is needed.
    test.forEach((subject, row) => {
      const right = matrix(t, 1);
      for (let j = 0; j < t; j++) right.values[j] = product(t + row, j);
      const weights = solveCholesky(factor, right).values;
      const mean = weights.reduce((sum, value) => sum + value, 0) / t;
      train.forEach((other, j) => {
        out[subject * n + other] = weights[j]! - mean;
      });
    });
  }
  return out;
}

function standardised(
  features: Float64Array,
  columns: number,
  train: readonly number[],
  rows: readonly number[],
): Float64Array {
  const out = new Float64Array(rows.length * columns);
  for (let c = 0; c < columns; c++) {
    const own = train.map((i) => features[i * columns + c]!);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const sd = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length);
    // What does not vary beyond rounding says nothing.
    const scale = sd > 1e-12 * Math.abs(mean) ? 1 / sd : 0;
    rows.forEach((i, row) => {
      out[row * columns + c] = (features[i * columns + c]! - mean) * scale;
    });
  }
  return out;
}

/** Probability that a subject of group 1 scores higher than one of group 0; ties count half. */
export function areaUnderCurve(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let [wins, pairs] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 1) continue;
    for (let j = 0; j < labels.length; j++) {
      if (labels[j] === 1) continue;
      pairs++;
      const difference = scores[i]! - scores[j]!;
      wins += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

function balancedAccuracy(scores: Float64Array, labels: Int32Array): number {
  const right = [0, 0];
  const counts = [0, 0];
  labels.forEach((label, i) => {
    counts[label]!++;
    if (scores[i]! > 0 === (label === 1)) right[label]!++;
  });
  return (right[0]! / counts[0]! + right[1]! / counts[1]!) / 2;
}

function standardisedDifference(scores: Float64Array, labels: Int32Array): number {
  const of = (group: number): number[] => Array.from(scores).filter((_, i) => labels[i] === group);
  const moments = [0, 1].map((group) => {
    const own = of(group);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    return { mean, squares: own.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
  });
  const sd = Math.sqrt((moments[0]!.squares + moments[1]!.squares) / Math.max(1, labels.length - 2));
  return sd > 0 ? (moments[1]!.mean - moments[0]!.mean) / sd : 0;
}
