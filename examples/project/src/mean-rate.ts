/**
 * Mean heart rate of a list of beats.
 *
 * @param beatsS - times of the beats, ascending, s
 * @param shortestS - beats closer than this to the one before are left out, s
 * @returns beats per minute; null with fewer than two beats
 */
export function meanRate(beatsS: readonly number[], shortestS: number): number | null {
  const kept: number[] = [];
  for (const beat of beatsS) {
    const last = kept.at(-1);
    if (last === undefined || beat - last >= shortestS) kept.push(beat);
  }
  const first = kept[0];
  const last = kept.at(-1);
  if (first === undefined || last === undefined || kept.length < 2) return null;
  return (60 * (kept.length - 1)) / (last - first);
}
