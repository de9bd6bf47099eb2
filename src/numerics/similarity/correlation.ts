import type { MapPair } from './map-pair.js';

/** Correlations of two maps; NaN for fewer than two voxels or a map that is constant there. */
export interface MapCorrelations {
  /** On the union of both supports. */
  readonly pearson_union: number;
  /** On the support of B. */
  readonly pearson_b_support: number;
  /** Of ranks on the union; equal values share their mean rank. */
  readonly spearman_union: number;
}

/** Linear and rank correlation of two maps on their supports. */
export function mapCorrelations({ a, b, threshold }: MapPair): MapCorrelations {
  const union: number[] = [];
  const support: number[] = [];
  for (let v = 0; v < a.length; v++) {
    if (a[v]! > threshold || b[v]! > threshold) union.push(v);
    if (b[v]! > threshold) support.push(v);
  }
  const at = (map: ArrayLike<number>, voxels: readonly number[]) =>
    Float64Array.from(voxels, (voxel) => map[voxel]!);
  const [unionA, unionB] = [at(a, union), at(b, union)];
  return {
    pearson_union: pearson(unionA, unionB),
    pearson_b_support: pearson(at(a, support), at(b, support)),
    spearman_union: pearson(averageRanks(unionA), averageRanks(unionB)),
  };
}

/** Correlation of two lists of equal length; NaN for fewer than two values or a constant list. */
export function pearson(x: Float64Array, y: Float64Array): number {
  if (x.length < 2 || isConstant(x) || isConstant(y)) return NaN;
  const [meanX, meanY] = [mean(x), mean(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xy / (Math.sqrt(xx) * Math.sqrt(yy));
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function averageRanks(values: Float64Array): Float64Array {
  const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

function isConstant(values: Float64Array): boolean {
  return values.every((value) => value === values[0]);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
