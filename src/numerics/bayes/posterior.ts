import {
  bfmi,
  essBulk,
  essTail,
  mcseMean,
  mcseSd,
  pooledMean,
  pooledVariance,
  rHat,
  sorted,
  sortedQuantile,
  type Chains,
} from './diagnostics.js';
import type { ChainResult } from './chain.js';
import { sizeOfVariable, valueCount, valueNames, type ModelVariable } from './model.js';

/** What was asked of a sampler, as it is recorded. */
export interface SamplingRecord {
  readonly sampler: string;
  readonly model: string;
  readonly draws: number;
  readonly tune: number;
  readonly chains: number;
  readonly target_accept: number;
  readonly max_tree_depth: number;
  readonly mass_matrix: string;
  /** The seed that was used, also where none was given. */
  readonly random_seed: number;
}

/** One number of the model, summed up. */
export interface PosteriorRow {
  readonly parameter: string;
  readonly mean: number;
  readonly sd: number;
  readonly median: number;
  /** Ends of the interval between the 2.5 % and the 97.5 % quantile. */
  readonly q2_5: number;
  readonly q97_5: number;
  /** Ends of the shortest interval that holds 94 % of the draws. */
  readonly hdi_3: number;
  readonly hdi_97: number;
  readonly mcse_mean: number;
  readonly mcse_sd: number;
  readonly ess_bulk: number;
  readonly ess_tail: number;
  readonly r_hat: number;
  /** Share of the draws above 0. */
  readonly positive: number;
}

/** Draws of all chains after the warm-up, and what they say. */
export class Posterior {
  readonly variables: readonly ModelVariable[];
  readonly record: SamplingRecord;
  readonly chains: readonly ChainResult[];

  constructor(variables: readonly ModelVariable[], record: SamplingRecord, chains: readonly ChainResult[]) {
    this.variables = variables;
    this.record = record;
    this.chains = chains;
  }

  /** Names of all numbers of a draw, such as `mu` and `site[2]`. */
  get names(): string[] {
    return valueNames(this.variables);
  }

  /**
   * Draws of one number, chain by chain.
   *
   * @throws RangeError for a name that is not there
   */
  draws(name: string): Float64Array[] {
    const at = this.names.indexOf(name);
    if (at < 0) throw new RangeError(`there is no '${name}'; there are ${this.names.join(', ')}`);
    return this.#column(at);
  }

  /** Draws of a variable with all its numbers: one array per chain, shape (draws, ...shape). */
  variable(name: string): Float64Array[] {
    let from = 0;
    for (const variable of this.variables) {
      const size = sizeOfVariable(variable);
      if (variable.name === name) return this.chains.map(({ values }) => this.#slab(values, from, size));
      from += size;
    }
    throw new RangeError(`there is no variable '${name}'`);
  }

  /** A row for every number of the model. */
  summary(): PosteriorRow[] {
    return this.names.map((name, at) => summarise(name, this.#column(at)));
  }

  /** Draws whose integration left the level set; any of them can mean that a region was not reached. */
  get divergences(): number {
    return this.chains.reduce((sum, { diverging }) => sum + diverging.reduce((a, b) => a + b, 0), 0);
  }

  /**
   * What speaks against these draws, in sentences; empty when nothing does: divergences, R-hat from 1.01 on, fewer than 100
   * effective draws per chain, low information in the energies, trajectories that were cut.
   */
  problems(): string[] {
    const { chains, record } = this;
    const found: string[] = [];
    if (this.divergences > 0) {
      found.push(`${this.divergences} divergent transitions: raise target_accept, or rewrite the model`);
    }
    const rows = this.summary();
    const unmixed = rows.filter(({ r_hat }) => r_hat >= 1.01);
    if (unmixed.length > 0) found.push(`R-hat is 1.01 or more for ${namesOf(unmixed)}: draw longer`);
    const few = rows.filter(({ ess_bulk, ess_tail }) => Math.min(ess_bulk, ess_tail) < 100 * chains.length);
    if (few.length > 0)
      found.push(`fewer than ${100 * chains.length} effective draws for ${namesOf(few)}: draw longer`);
    if (chains.some(({ energy }) => bfmi(energy) < 0.3)) {
      found.push('the energies mix slowly (fraction of missing information below 0.3): rewrite the model');
    }
    const cut = chains.reduce(
      (sum, { depth }) => sum + depth.filter((value) => value >= record.max_tree_depth).length,
      0,
    );
    if (cut > 0) found.push(`${cut} trajectories reached the greatest depth: slow, not wrong`);
    return found;
  }

  #column(at: number): Float64Array[] {
    const width = valueCount(this.variables);
    return this.chains.map(({ values }) =>
      Float64Array.from({ length: values.length / width }, (_, i) => values[i * width + at]!),
    );
  }

  #slab(values: Float64Array, from: number, size: number): Float64Array {
    const width = valueCount(this.variables);
    const rows = values.length / width;
    const out = new Float64Array(rows * size);
    for (let i = 0; i < rows; i++)
      out.set(values.subarray(i * width + from, i * width + from + size), i * size);
    return out;
  }
}

function namesOf(rows: readonly PosteriorRow[]): string {
  const names = rows.map(({ parameter }) => parameter);
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

function summarise(parameter: string, chains: Chains): PosteriorRow {
  const all = sorted(chains);
  const [low, high] = shortestInterval(all, 0.94);
  return {
    parameter,
    mean: pooledMean(chains),
    sd: Math.sqrt(pooledVariance(chains)),
    median: sortedQuantile(all, 0.5),
    q2_5: sortedQuantile(all, 0.025),
    q97_5: sortedQuantile(all, 0.975),
    hdi_3: low,
    hdi_97: high,
    mcse_mean: mcseMean(chains),
    mcse_sd: mcseSd(chains),
    ess_bulk: essBulk(chains),
    ess_tail: essTail(chains),
    r_hat: rHat(chains),
    positive: all.filter((value) => value > 0).length / all.length,
  };
}

/** The shortest interval that holds a share of values that ascend. */
export function shortestInterval(values: Float64Array, share: number): [low: number, high: number] {
  const width = Math.floor(share * values.length);
  let best = 0;
  for (let from = 1; from + width < values.length; from++) {
    if (values[from + width]! - values[from]! < values[best + width]! - values[best]!) best = from;
  }
  return [values[best]!, values[Math.min(best + width, values.length - 1)]!];
}
