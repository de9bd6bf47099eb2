/** What a machine has, what is taken, and which of the waiting instances fits best. */
import { availableParallelism, totalmem } from 'node:os';
import { RequirementError } from '../errors.js';
import type { Resources } from './node.js';

const BYTES_PER_GB = 2 ** 30;
/** Left for the parent and the system. */
const USABLE_MEMORY_SHARE = 0.9;

export interface ResourceLimits {
  /** Nodes at a time. */
  readonly jobs: number;
  readonly cpus: number;
  readonly memoryGb: number;
  readonly gpus: number;
  /** Counts of named tokens. A token without a count is taken as just enough for its largest single request. */
  readonly tokens: Readonly<Record<string, number>>;
}

/** What a node asks for. */
export interface Request {
  readonly id: string;
  readonly resources: Resources;
}

/** Limits of this machine where the caller did not set them. */
export function machineLimits(given: {
  readonly jobs?: number | undefined;
  readonly cpus?: number | undefined;
  readonly memoryGb?: number | undefined;
  readonly gpus?: number | undefined;
}): ResourceLimits {
  const cpus = given.cpus ?? availableParallelism();
  return {
    jobs: given.jobs ?? cpus,
    cpus,
    memoryGb: given.memoryGb ?? (totalmem() / BYTES_PER_GB) * USABLE_MEMORY_SHARE,
    // Only nodes whose device was found to be there ask for one.
    gpus: given.gpus ?? 1,
    tokens: {},
  };
}

/**
 * Refuses instances that could never start.
 *
 * @throws RequirementError RESOURCES that names the first five such instances
 */
export function checkRequests(requests: readonly Request[], limits: ResourceLimits): void {
  const refused: string[] = [];
  for (const { id, resources } of requests) {
    if (resources.cpus > limits.cpus) {
      refused.push(`${id} needs ${resources.cpus} cpus, ${limits.cpus} are there`);
    } else if (resources.memoryGb > limits.memoryGb) {
      refused.push(
        `${id} needs ${resources.memoryGb} GB of memory, ${limits.memoryGb.toFixed(1)} GB are there`,
      );
    } else if (resources.gpus > limits.gpus) {
      refused.push(`${id} needs ${resources.gpus} gpu(s), ${limits.gpus} are there`);
    } else {
      for (const [name, count] of Object.entries(resources.tokens)) {
        const there = limits.tokens[name];
        if (there !== undefined && count > there)
          refused.push(`${id} needs ${count} x ${name}, ${there} are there`);
      }
    }
  }
  if (refused.length === 0) return;
  const shown = refused.slice(0, 5).join('; ');
  const more = refused.length > 5 ? `; and ${refused.length - 5} more` : '';
  throw new RequirementError('RESOURCES', `${refused.length} node(s) can never start: ${shown}${more}`, {
    cure: "lower the node's resources, raise --cpus or --memory, or use a larger machine",
  });
}

export class ResourcePool {
  readonly limits: ResourceLimits;
  #jobs = 0;
  #cpus = 0;
  #memoryGb = 0;
  #gpus = 0;
  readonly #tokens = new Map<string, number>();
  readonly #tokenLimits = new Map<string, number>();

  constructor(limits: ResourceLimits, requests: readonly Pick<Request, 'resources'>[]) {
    this.limits = limits;
    for (const { resources } of requests) {
      for (const [name, count] of Object.entries(resources.tokens)) {
        const known = limits.tokens[name] ?? Math.max(count, this.#tokenLimits.get(name) ?? 0);
        this.#tokenLimits.set(name, known);
      }
    }
  }

  get running(): number {
    return this.#jobs;
  }

  get isFull(): boolean {
    return this.#jobs >= this.limits.jobs || this.#cpus >= this.limits.cpus;
  }

  fits(resources: Resources): boolean {
    if (this.#jobs + 1 > this.limits.jobs) return false;
    if (this.#cpus + resources.cpus > this.limits.cpus) return false;
    // Sums of fractions: a rounding error must not keep the last node out.
    if (this.#memoryGb + resources.memoryGb > this.limits.memoryGb * (1 + 1e-9)) return false;
    if (this.#gpus + resources.gpus > this.limits.gpus) return false;
    for (const [name, count] of Object.entries(resources.tokens)) {
      if ((this.#tokens.get(name) ?? 0) + count > (this.#tokenLimits.get(name) ?? 0)) return false;
    }
    return true;
  }

  /** Share of what is left that an instance would take; the larger, the better it fits. */
  tightness(resources: Resources): number {
    const cpus = resources.cpus / (this.limits.cpus - this.#cpus);
    const memory = resources.memoryGb / (this.limits.memoryGb - this.#memoryGb);
    return Math.max(cpus, Number.isFinite(memory) ? memory : 0);
  }

  take(resources: Resources): void {
    this.#change(resources, 1);
  }

  release(resources: Resources): void {
    this.#change(resources, -1);
    if (this.#jobs === 0) this.#memoryGb = 0;
  }

  #change(resources: Resources, sign: 1 | -1): void {
    this.#jobs += sign;
    this.#cpus += sign * resources.cpus;
    this.#memoryGb += sign * resources.memoryGb;
    this.#gpus += sign * resources.gpus;
    for (const [name, count] of Object.entries(resources.tokens)) {
      this.#tokens.set(name, (this.#tokens.get(name) ?? 0) + sign * count);
    }
  }
}
