/** How scores over a grid are made of products with the data, and which places are neighbours. */
export interface PeakRule {
  /** Of the grid, the last axis fastest. */
  readonly sizes: Int32Array;
  /** On two axes: neighbours across corners count too. */
  readonly isDiagonal: boolean;
  /** Factor of the square of a product; null for 1. */
  readonly weights: Float64Array | null;
  /** Else products of at most 0 score nothing. */
  readonly allowNegative: boolean;
  /** How many places at most. */
  readonly count: number;
}

/**
 * The places of the highest peaks of the squared products, best first; of equal ones the first. No neighbour of a peak is
 * better, and of equal neighbours the first counts; a product of NaN is no peak.
 *
 * @param scores - the products; overwritten
 */
export function bestPeaks(scores: Float64Array, rule: PeakRule): readonly number[] {
  const { weights, allowNegative, count } = rule;
  if (!allowNegative) for (let at = 0; at < scores.length; at++) if (!(scores[at]! > 0)) scores[at] = 0;
  if (weights === null) for (let at = 0; at < scores.length; at++) scores[at] = scores[at]! * scores[at]!;
  else for (let at = 0; at < scores.length; at++) scores[at] = scores[at]! * scores[at]! * weights[at]!;
  const best: number[] = [];
  let least = 0;
  for (let place = 0; place < scores.length; place++) {
    const score = scores[place]!;
    if (!(score > least) || !isPeak(scores, place, rule)) continue;
    let at = best.length;
    while (at > 0 && scores[best[at - 1]!]! < score) at--;
    best.splice(at, 0, place);
    if (best.length > count) best.pop();
    if (best.length === count) least = scores[best[count - 1]!]!;
  }
  return best;
}

function isPeak(scores: Float64Array, place: number, { sizes, isDiagonal }: PeakRule): boolean {
  return isDiagonal
    ? isPeakAround(scores, place, sizes[0]!, sizes[1]!)
    : isPeakAlongAxes(scores, place, sizes);
}

function isPeakAlongAxes(scores: Float64Array, place: number, sizes: Int32Array): boolean {
  const score = scores[place]!;
  let stride = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const size = sizes[axis]!;
    const at = Math.floor(place / stride) % size;
    if (at > 0 && scores[place - stride]! >= score) return false;
    if (at < size - 1 && scores[place + stride]! > score) return false;
    stride *= size;
  }
  return true;
}

function isPeakAround(scores: Float64Array, place: number, nx: number, ny: number): boolean {
  const score = scores[place]!;
  const i = Math.floor(place / ny);
  const j = place % ny;
  for (let di = -1; di <= 1; di++) {
    for (let dj = -1; dj <= 1; dj++) {
      if (i + di < 0 || i + di >= nx || j + dj < 0 || j + dj >= ny || (di === 0 && dj === 0)) continue;
      const other = scores[place + di * ny + dj]!;
      if (other > score || (other === score && di * ny + dj < 0)) return false;
    }
  }
  return true;
}
