/** Values summed up over the regions of a surface, pieces of a surface, and regions put into groups. */
import { ProcessingError } from '../../errors.js';
import type { RegionStatistic } from './region-settings.js';

/**
 * A statistic of every column over every region. Means and standard deviations weigh vertices by area, sums are integrals;
 * medians, quartiles and counts are of vertices.
 *
 * @param table - (n, columns), row per vertex
 * @param labels - (n); negative: in no region
 * @param regions - labels that are asked for, in the order of the rows
 * @param weights - (n), area of each vertex
 * @returns (regions, columns); NaN where a region has no finite value (count: 0)
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function regionStatistics(
  table: ArrayLike<number>,
  labels: ArrayLike<number>,
  regions: ArrayLike<number>,
  weights: ArrayLike<number>,
  statistic: RegionStatistic,
): Float64Array {
  const n = labels.length;
  const columns = n === 0 ? 0 : table.length / n;
  if (!Number.isInteger(columns) || weights.length !== n) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${table.length} values, ${n} labels and ${weights.length} weights are no table of vertices`,
      {
        where: 'regionStatistics',
        cure: 'give one label, one weight and one row of values per vertex of the same surface',
      },
    );
  }
  const place = new Map(Array.from({ length: regions.length }, (_, row) => [regions[row]!, row]));
  const members: number[][] = Array.from({ length: regions.length }, () => []);
  for (let x = 0; x < n; x++) {
    const row = place.get(labels[x]!);
    if (row !== undefined) members[row]!.push(x);
  }
  const out = new Float64Array(regions.length * columns);
  members.forEach((own, row) => {
    for (let c = 0; c < columns; c++) {
      const there = own.filter((x) => Number.isFinite(table[x * columns + c]!));
      const values = Float64Array.from(there, (x) => table[x * columns + c]!);
      out[row * columns + c] = statisticOf(
        statistic,
        values,
        Float64Array.from(there, (x) => weights[x]!),
      );
    }
  });
  return out;
}

function statisticOf(statistic: RegionStatistic, values: Float64Array, weights: Float64Array): number {
  if (statistic === 'count') return values.length;
  if (values.length === 0) return NaN;
  switch (statistic) {
    case 'mean':
      return weightedMean(values, weights);
    case 'sd': {
      const mean = weightedMean(values, weights);
      return Math.sqrt(
        weightedMean(
          values.map((value) => (value - mean) ** 2),
          weights,
        ),
      );
    }
    case 'sum':
      return values.reduce((sum, value, i) => sum + value * weights[i]!, 0);
    case 'min':
      return values.reduce((least, value) => Math.min(least, value));
    case 'max':
      return values.reduce((most, value) => Math.max(most, value));
    case 'median':
      return quantile(values.sort(), 0.5);
    case 'iqr': {
      values.sort();
      return quantile(values, 0.75) - quantile(values, 0.25);
    }
  }
}

function weightedMean(values: Float64Array, weights: Float64Array): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]! * values[i]!;
    total += weights[i]!;
  }
  return total > 0 ? sum / total : NaN;
}

/** Linear between the two nearest of the sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}

/** A piece of a surface. */
export interface SurfacePiece {
  /** (p, 3) */
  readonly vertices: Float64Array;
  /** (q, 3), vertices of the piece. */
  readonly faces: Int32Array;
  /** (p): vertex of the surface. */
  readonly from: Int32Array;
}

/**
 * The part of a surface that a region is: triangles with all three vertices in it, and the vertices of those.
 *
 * @returns null for a region without a triangle
 */
export function regionPiece(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  labels: ArrayLike<number>,
  region: number,
): SurfacePiece | null {
  const place = new Map<number, number>();
  const from: number[] = [];
  const own: number[] = [];
  for (let t = 0; t < faces.length; t += 3) {
    const corners = [faces[t]!, faces[t + 1]!, faces[t + 2]!];
    if (corners.some((corner) => labels[corner] !== region)) continue;
    for (const corner of corners) {
      let at = place.get(corner);
      if (at === undefined) {
        at = from.length;
        place.set(corner, at);
        from.push(corner);
      }
      own.push(at);
    }
  }
  if (own.length === 0) return null;
  return {
    vertices: Float64Array.from(from.flatMap((v) => [0, 1, 2].map((d) => vertices[3 * v + d]!))),
    faces: Int32Array.from(own),
    from: Int32Array.from(from),
  };
}

/** Which names a group has: whole names in any case; `*` stands for any letters. */
export type GroupRules = Readonly<Record<string, readonly string[]>>;

/**
 * The group of each name: that of the first rule that fits.
 *
 * @returns null where none does
 */
export function groupNames(names: readonly string[], rules: GroupRules): (string | null)[] {
  const tests = Object.entries(rules).flatMap(([group, patterns]) =>
    patterns.map((pattern) => ({
      group,
      test: new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i'),
    })),
  );
  return names.map((name) => tests.find(({ test }) => test.test(name))?.group ?? null);
}
