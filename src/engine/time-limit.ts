/** Node's timers take no more than this, ms (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls back when a time is over.
 *
 * @param ms - undefined: never
 */
export function limitTime(
  ms: number | undefined,
  onOver: () => void,
): { readonly isOver: () => boolean; readonly release: () => void } {
  let over = false;
  if (ms === undefined) return { isOver: () => over, release: () => undefined };
  const end = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const left = end - performance.now();
    if (left > 0) {
      timer = setTimeout(wait, Math.min(left, LONGEST_TIMER_MS));
      return;
    }
    over = true;
    onOver();
  };
  wait();
  return {
    isOver: () => over,
    release: () => {
      clearTimeout(timer);
    },
  };
}
