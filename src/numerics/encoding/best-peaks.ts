/**
 * The places of the highest peaks, best first; of equal ones the first.
 *
 * @param isPeak - asked only of places that would be among the best so far
 */
export function bestPeaks(
  scores: Float64Array,
  count: number,
  isPeak: (place: number) => boolean,
): readonly number[] {
  const best: number[] = [];
  let least = 0;
  for (let place = 0; place < scores.length; place++) {
    const score = scores[place]!;
    if (score <= least || !isPeak(place)) continue;
    let at = best.length;
    while (at > 0 && scores[best[at - 1]!]! < score) at--;
    best.splice(at, 0, place);
    if (best.length > count) best.pop();
    if (best.length === count) least = scores[best[count - 1]!]!;
  }
  return best;
}
