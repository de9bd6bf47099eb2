/** How many short nodes share a job, and which nodes may. */

/** Without history; the job gives nodes back that turn out to be long. */
export const UNKNOWN_PACK = 8;
/** Even nodes of a millisecond: a lost job loses no more than this. */
const LARGEST_PACK = 200;

/**
 * Nodes in one job so that it is expected to last at least `packMs`.
 *
 * @param expectedMs - of one node, from earlier results; null: unknown
 */
export function packSize(expectedMs: number | null, packMs: number): number {
  if (packMs <= 0) return 1;
  if (expectedMs === null) return UNKNOWN_PACK;
  return Math.min(LARGEST_PACK, Math.max(1, Math.ceil(packMs / Math.max(1, expectedMs))));
}

/** `count` things in packs of nearly equal size, none larger than `size`. */
export function evenPacks<T>(things: readonly T[], size: number): T[][] {
  const count = Math.ceil(things.length / size);
  const packs: T[][] = [];
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * things.length) / count);
    packs.push(things.slice(from, Math.floor(((i + 1) * things.length) / count)));
  }
  return packs;
}

/**
 * How many array elements of a new job may run together, so that all jobs stay below a limit.
 *
 * @param limit - of all jobs; null: none
 * @param taken - what the open jobs may take of it
 * @returns null: no limit; 0: wait
 */
export function throttleFor(limit: number | null, taken: number, elements: number): number | null {
  if (limit === null) return null;
  return Math.max(0, Math.min(limit - taken, elements));
}
