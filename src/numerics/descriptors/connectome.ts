/** Regions of a surface compared with one another, and what such a matrix says about networks of regions. */
import { ProcessingError } from '../../errors.js';
import { symmetricDistances } from './distance-matrix.js';
import { zeroModes, type Spectrum } from './signatures.js';
import { modeWeight, type PointDistance } from './spectral-distances.js';

/** Means over the regions of a parcellation. */
export interface RegionMeans {
  /** (r): labels of the regions, ascending. */
  readonly labels: Int32Array;
  /** (r, columns), weighted means; NaN where a region has no finite value. */
  readonly means: Float64Array;
  /** (r): vertices of each region. */
  readonly sizes: Int32Array;
}

/** A symmetric matrix of regions. */
export interface RegionMatrix {
  /** (r), ascending: the rows and columns. */
  readonly labels: Int32Array;
  /** (r, r) */
  readonly values: Float64Array;
}

/**
 * Means of a table over regions. Values that are not finite are left out, column by column.
 *
 * @param table - (n, columns), row per vertex
 * @param labels - (n); negative: in no region
 * @param weights - (n), area of each vertex; 1 where absent
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function regionMeans(
  table: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number>,
): RegionMeans {
  const n = labels.length;
  const columns = n === 0 ? 0 : table.length / n;
  if (!Number.isInteger(columns) || (weights !== undefined && weights.length !== n)) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${table.length} values and ${n} labels are no table of vertices`,
      {
        where: 'regionMeans',
        cure: 'give one label, one weight and one row of values per vertex of the same surface',
      },
    );
  }
  const regions = Int32Array.from(new Set(Array.from(labels).filter((label) => label >= 0))).sort();
  const place = new Map(Array.from(regions, (label, row) => [label, row]));
  const means = new Float64Array(regions.length * columns);
  const totals = new Float64Array(means.length);
  const sizes = new Int32Array(regions.length);
  for (let i = 0; i < n; i++) {
    const row = place.get(labels[i]!);
    if (row === undefined) continue;
    sizes[row]!++;
    const weight = weights?.[i] ?? 1;
    for (let c = 0; c < columns; c++) {
      const value = table[i * columns + c]!;
      if (!Number.isFinite(value)) continue;
      means[row * columns + c]! += weight * value;
      totals[row * columns + c]! += weight;
    }
  }
  for (let at = 0; at < means.length; at++) means[at] = totals[at]! > 0 ? means[at]! / totals[at]! : NaN;
  return { labels: regions, means, sizes };
}

/**
 * Spectral connectome: distance between every two regions of one surface.
 *
 * `rms` is the root of the mean squared distance between a vertex of the one and a vertex of the other region, over all
 * pairs, and on the diagonal within a region; `centroid` the distance between the means of the regions in the embedding,
 * 0 on the diagonal. Both follow from sums over the modes and depend neither on signs nor on the basis of an eigenspace.
 *
 * @param labels - (n); negative: in no region
 * @param masses - (n), area of each vertex, weighs the means
 * @returns unit of the distance
 * @see {@link PointDistance}
 */
export function spectralConnectome(
  spectrum: Spectrum,
  labels: ArrayLike<number>,
  masses: ArrayLike<number>,
  distance: PointDistance,
  between: 'rms' | 'centroid' = 'rms',
): RegionMatrix {
  const { eigenvalues, eigenvectors } = spectrum;
  const k = eigenvalues.length;
  const zeros = zeroModes(eigenvalues);
  const weights = Float64Array.from(eigenvalues, (value, i) => (i < zeros ? 0 : modeWeight(distance, value)));
  const { labels: regions, means } = regionMeans(eigenvectors, labels, masses);
  const squares = eigenvectors.map((value) => value * value);
  const moments = regionMeans(squares, labels, masses).means;
  const r = regions.length;
  const values = symmetricDistances(r, (a, b) => {
    let sum = 0;
    for (let i = zeros; i < k; i++) sum += weights[i]! * (means[a * k + i]! - means[b * k + i]!) ** 2;
    return between === 'centroid' ? Math.sqrt(sum) : Math.sqrt(sum + spread(a) + spread(b));
  });
  if (between === 'rms') for (let a = 0; a < r; a++) values[a * r + a] = Math.sqrt(2 * spread(a));
  return { labels: regions, values };

  /** Mean squared distance of a region from its own mean. */
  function spread(region: number): number {
    let sum = 0;
    for (let i = zeros; i < k; i++) {
      sum += weights[i]! * Math.max(0, moments[region * k + i]! - means[region * k + i]! ** 2);
    }
    return sum;
  }
}

/** How two profiles of connectivity are compared. */
export type ProfileDistance = 'euclidean' | 'cosine' | 'correlation';

/**
 * Distance between the mean descriptors of every two regions, of one surface or of two with the same labels.
 *
 * @param table - (n, columns), row per vertex
 * @param metric - `cosine` and `correlation`: 1 minus the cosine, or the correlation, of the two rows
 */
export function descriptorConnectome(
  table: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number>,
  metric: ProfileDistance = 'euclidean',
): RegionMatrix {
  const { labels: regions, means } = regionMeans(table, labels, weights);
  const columns = regions.length === 0 ? 0 : means.length / regions.length;
  const rows = Array.from(regions, (_, row) => means.slice(row * columns, (row + 1) * columns));
  if (metric === 'correlation') {
    for (const row of rows) {
      const mean = row.reduce((sum, value) => sum + value, 0) / columns;
      for (let c = 0; c < columns; c++) row[c]! -= mean;
    }
  }
  const values = symmetricDistances(rows.length, (i, j) => {
    let [squares, product, one, two] = [0, 0, 0, 0];
    for (let c = 0; c < columns; c++) {
      const [a, b] = [rows[i]![c]!, rows[j]![c]!];
      squares += (a - b) ** 2;
      product += a * b;
      one += a * a;
      two += b * b;
    }
    return metric === 'euclidean' ? Math.sqrt(squares) : 1 - product / Math.sqrt(one * two);
  });
  return { labels: regions, values };
}

/** What a matrix of regions says about networks. */
export interface NetworkSummary {
  readonly networks: readonly string[];
  /** (networks, networks): mean over the pairs of regions; within a network without the diagonal, NaN for one region. */
  readonly blockMeans: Float64Array;
  /** (networks): mean within over mean to all others; below 1 for a network of regions that are alike. NaN if unknown. */
  readonly segregation: Float64Array;
  /** (r): mean of each region over all others. */
  readonly regionMeans: Float64Array;
}

/**
 * Block means and segregation of networks. Pairs whose value is not finite are left out.
 *
 * @param networks - (r), network of each region in the order of the labels; null: in none
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function networkSummary(
  { labels, values }: RegionMatrix,
  networks: readonly (string | null)[],
): NetworkSummary {
  const r = labels.length;
  if (networks.length !== r) {
    throw new ProcessingError('SHAPE_MISMATCH', `${networks.length} networks for ${r} regions`, {
      where: 'networkSummary',
      cure: 'name one network, or null, per region in the order of the labels',
    });
  }
  const names = [...new Set(networks.filter((name) => name !== null))].sort();
  const count = names.length;
  const place = networks.map((name) => (name === null ? -1 : names.indexOf(name)));
  const sums = new Float64Array(count * count);
  const pairs = new Int32Array(count * count);
  const means = new Float64Array(r);
  for (let i = 0; i < r; i++) {
    let others = 0;
    for (let j = 0; j < r; j++) {
      if (i === j) continue;
      const value = values[i * r + j]!;
      if (!Number.isFinite(value)) continue;
      means[i]! += value;
      others++;
      if (place[i]! < 0 || place[j]! < 0) continue;
      sums[place[i]! * count + place[j]!]! += value;
      pairs[place[i]! * count + place[j]!]!++;
    }
    means[i] = others > 0 ? means[i]! / others : NaN;
  }
  const blockMeans = sums.map((sum, at) => (pairs[at]! > 0 ? sum / pairs[at]! : NaN));
  const segregation = Float64Array.from(names, (_, own) => {
    let [outside, number] = [0, 0];
    for (let other = 0; other < count; other++) {
      if (other === own) continue;
      outside += sums[own * count + other]!;
      number += pairs[own * count + other]!;
    }
    return number > 0 ? blockMeans[own * count + own]! / (outside / number) : NaN;
  });
  return { networks: names, blockMeans, segregation, regionMeans: means };
}
