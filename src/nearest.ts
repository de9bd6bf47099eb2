/**
 * Number of single edits between two words: insertion, deletion, replacement, or exchange of two neighbours.
 *
 * @see Damerau 1964; this is the restricted form (optimal string alignment)
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforeLast[j - 2]! + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** Letters only, so that `logOffset`, `log-offset` and `LOG_OFFSET` all look like `log_offset`. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Words that share no parts are not worth proposing: at most a third of the letters may differ, at least two. */
function farthest(word: string): number {
  return Math.max(2, Math.floor(word.length / 3));
}

/** The known word that the user most likely meant, or null when none is close. Ties: the first in `known`. */
export function nearest(word: string, known: Iterable<string>): string | null {
  // A long word would cost time and cannot be near to anything.
  if (word.length > 100) return null;
  const wanted = plain(word);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const plainCandidate = plain(candidate);
    let distance = editDistance(wanted, plainCandidate);
    // `max_peaks` is five letters from nothing else, but it is all of `max_n_peaks` except for one part.
    if (distance > 0 && samePartsInOrder(word, candidate)) distance = Math.min(distance, 1);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return bestDistance <= farthest(wanted) && bestDistance < wanted.length ? best : null;
}

/** Whether one word has all parts of the other, in order, and at least two parts in common. */
function samePartsInOrder(a: string, b: string): boolean {
  const [few, many] = [parts(a), parts(b)].sort((p, q) => p.length - q.length) as [string[], string[]];
  if (few.length < 2) return false;
  let from = 0;
  return few.every((part) => {
    const at = many.indexOf(part, from);
    from = at + 1;
    return at >= 0;
  });
}

function parts(word: string): string[] {
  return word.toLowerCase().split(/[_.\s-]+/);
}
