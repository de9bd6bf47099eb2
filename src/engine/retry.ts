/** Whether a node that failed is tried again, and with how much more memory and time. */
import type { FailureClass } from './events.js';
import type { Resources } from './node.js';

/** Failures that may not come again. `error` is tried again only when that is asked for. */
export const RETRY_CLASSES = [
  'out-of-memory',
  'timeout',
  'killed',
  'crashed',
  'node-lost',
  'device-lost',
  'error',
] as const;
export type RetryClass = (typeof RETRY_CLASSES)[number];

/** Attempts after the first one: for every class, or by class. */
export type RetryRule = number | Partial<Readonly<Record<RetryClass, number>>>;

const DEFAULT_RETRIES: Readonly<Record<RetryClass, number>> = {
  'out-of-memory': 2,
  timeout: 1,
  killed: 1,
  crashed: 1,
  'node-lost': 1,
  'device-lost': 1,
  error: 0,
};

/** What is wrong with a rule, or null. */
export function wrongRetry(rule: RetryRule | null): string | null {
  const counts: [string, unknown][] =
    typeof rule === 'number' ? [['retry', rule]] : rule === null ? [] : Object.entries(rule);
  for (const [name, count] of counts) {
    if (!Number.isInteger(count) || (count as number) < 0)
      return `retry: ${name} ${String(count)} is not possible`;
    if (name !== 'retry' && !(RETRY_CLASSES as readonly string[]).includes(name)) {
      return `retry names '${name}', which is none of ${RETRY_CLASSES.join(', ')}`;
    }
  }
  return null;
}

/** What an attempt may use. */
export interface AttemptLimits {
  readonly resources: Resources;
  readonly timeoutMs: number | null;
}

/** Counts the attempts of a run. */
export class Retries {
  readonly #asked: number | null;
  readonly #used = new Map<number, Partial<Record<RetryClass, number>>>();

  /** @param asked - `--retries`; 0 switches all retries off; null: what nodes and classes say */
  constructor(asked: number | null) {
    this.#asked = asked;
  }

  /**
   * What the next attempt may use: twice the memory after `out-of-memory`, twice the time after `timeout`.
   *
   * @param rule - of the node, which comes before what was asked for the run
   * @param most - memory that the run has, GB
   * @returns null when it is not tried again
   */
  next(
    index: number,
    failureClass: FailureClass,
    rule: RetryRule | null,
    limits: AttemptLimits,
    most: number,
  ): AttemptLimits | null {
    const kind = RETRY_CLASSES.find((name) => name === failureClass);
    if (kind === undefined) return null;
    const used = this.#used.get(index) ?? {};
    const count = used[kind] ?? 0;
    if (count >= this.#allowed(kind, rule)) return null;
    const raised = raise(limits, kind, most);
    if (raised === null) return null;
    this.#used.set(index, { ...used, [kind]: count + 1 });
    return raised;
  }

  #allowed(kind: RetryClass, rule: RetryRule | null): number {
    if (this.#asked === 0) return 0;
    const own = typeof rule === 'number' ? rule : rule?.[kind];
    return own ?? this.#asked ?? DEFAULT_RETRIES[kind];
  }
}

/** Null when there is no more to give. */
function raise(
  { resources, timeoutMs }: AttemptLimits,
  kind: RetryClass,
  most: number,
): AttemptLimits | null {
  if (kind === 'timeout') return { resources, timeoutMs: timeoutMs === null ? null : 2 * timeoutMs };
  if (kind !== 'out-of-memory') return { resources, timeoutMs };
  const memoryGb = Math.min(2 * resources.memoryGb, most);
  return memoryGb > resources.memoryGb ? { resources: { ...resources, memoryGb }, timeoutMs } : null;
}
