/** Why an instance was skipped, in words. */
const UPSTREAM = 'upstream skipped: ';

/** The reason of an instance whose input comes from a skipped one. */
export function upstreamSkip(id: string, reason: string): string {
  return `${UPSTREAM}${id}: ${reason}`;
}

/** Whether a reason only passes on that of an instance before. */
export function isUpstreamSkip(reason: string): boolean {
  return reason.startsWith(UPSTREAM);
}
