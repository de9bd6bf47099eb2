/** How far the draws of several chains can be trusted. */
import { ComplexFft, nextPowerOfTwo, RealFft } from '../signal/fft.js';
import { normalQuantile } from '../special/normal-quantile.js';

/** Draws of one quantity: one array per chain, all of one length. */
export type Chains = readonly Float64Array[];

/**
 * Rank-normalised split R-hat: the larger of that of the ranks and that of the ranks of distances from the median.
 * NaN when a draw is not finite, when all draws are equal, or with fewer than 4 draws in a chain.
 *
 * @see Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, "Rank-normalization, folding, and localization"
 */
export function rHat(chains: Chains): number {
  if (!areUsable(chains)) return Number.NaN;
  const middle = quantileOf(chains, 0.5);
  const folded = chains.map((chain) => chain.map((value) => Math.abs(value - middle)));
  const [bulk, tail] = [chains, folded].map((each) => rawRHat(rankNormalised(split(each)))) as [
    number,
    number,
  ];
  // Folding a quantity with two values can leave a constant.
  return Number.isNaN(tail) ? bulk : Math.max(bulk, tail);
}

/** Effective number of draws for the middle of the distribution (ranks, split chains). */
export function essBulk(chains: Chains): number {
  return areUsable(chains) ? rawEss(rankNormalised(split(chains))) : Number.NaN;
}

/** Effective number of draws for the 5 % and the 95 % quantile, the smaller of the two. */
export function essTail(chains: Chains): number {
  if (!areUsable(chains)) return Number.NaN;
  return Math.min(essQuantile(chains, 0.05), essQuantile(chains, 0.95));
}

/** Effective number of draws for the estimate of a quantile. */
export function essQuantile(chains: Chains, probability: number): number {
  if (!areUsable(chains)) return Number.NaN;
  const limit = quantileOf(chains, probability);
  return rawEss(split(chains.map((chain) => chain.map((value) => (value <= limit ? 1 : 0)))));
}

/** Effective number of draws for the estimate of the mean. */
export function essMean(chains: Chains): number {
  return areUsable(chains) ? rawEss(split(chains)) : Number.NaN;
}

/** Standard error of the estimate of the mean. */
export function mcseMean(chains: Chains): number {
  return Math.sqrt(pooledVariance(chains) / essMean(chains));
}

/** Standard error of the estimate of the variance (1 / n form), from the effective number of squared deviations. */
export function mcseVariance(chains: Chains): number {
  const mean = pooledMean(chains);
  const squares = chains.map((chain) => chain.map((value) => (value - mean) ** 2));
  return mcseMean(squares);
}

/** Standard error of the estimate of the standard deviation. */
export function mcseSd(chains: Chains): number {
  return mcseVariance(chains) / (2 * Math.sqrt(pooledVariance(chains)));
}

/**
 * Bayesian fraction of missing information of one chain: below 0.3, momenta do not carry it through its energies.
 *
 * @param energy - of each draw, in order
 */
export function bfmi(energy: Float64Array): number {
  let steps = 0;
  for (let i = 1; i < energy.length; i++) steps += (energy[i]! - energy[i - 1]!) ** 2;
  return steps / energy.length / pooledVariance([energy], 0);
}

export function pooledMean(chains: Chains): number {
  let sum = 0;
  for (const chain of chains) for (const value of chain) sum += value;
  return sum / countOf(chains);
}

/** Variance of all draws together. @param lost - degrees of freedom taken from the count */
export function pooledVariance(chains: Chains, lost = 1): number {
  const mean = pooledMean(chains);
  let sum = 0;
  for (const chain of chains) for (const value of chain) sum += (value - mean) ** 2;
  return sum / (countOf(chains) - lost);
}

/** Quantile of all draws together, interpolated between neighbours. */
export function quantileOf(chains: Chains, probability: number): number {
  return sortedQuantile(sorted(chains), probability);
}

/** Quantile of values that ascend. */
export function sortedQuantile(values: Float64Array, probability: number): number {
  const at = probability * (values.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, values.length - 1);
  return values[below]! + (at - below) * (values[above]! - values[below]!);
}

/** All draws, ascending. */
export function sorted(chains: Chains): Float64Array {
  const all = new Float64Array(countOf(chains));
  let at = 0;
  for (const chain of chains) {
    all.set(chain, at);
    at += chain.length;
  }
  return all.sort();
}

function countOf(chains: Chains): number {
  return chains.reduce((sum, { length }) => sum + length, 0);
}

function areUsable(chains: Chains): boolean {
  const first = chains[0]?.[0];
  if (first === undefined || chains.some((chain) => chain.length < 4 || !chain.every(Number.isFinite)))
    return false;
  return chains.some((chain) => chain.some((value) => value !== first));
}

/** Both halves of each chain; the middle draw of an odd number is left out. */
function split(chains: Chains): Float64Array[] {
  return chains.flatMap((chain) => {
    const half = Math.floor(chain.length / 2);
    return [chain.subarray(0, half), chain.subarray(chain.length - half)];
  });
}

/** Normal quantiles of the ranks among all draws; equal draws share the mean of their ranks. */
function rankNormalised(chains: Chains): Float64Array[] {
  const count = countOf(chains);
  const places = chains.flatMap((chain, c) => Array.from(chain.keys(), (i) => [c, i] as const));
  const order = places.sort(([c, i], [d, j]) => chains[c]![i]! - chains[d]![j]!);
  const result = chains.map((chain) => new Float64Array(chain.length));
  for (let from = 0; from < count;) {
    const [c, i] = order[from]!;
    const value = chains[c]![i]!;
    let to = from + 1;
    while (to < count && chains[order[to]![0]]![order[to]![1]]! === value) to += 1;
    // Blom's offset; ranks count from 1.
    const z = normalQuantile(((from + 1 + to) / 2 - 0.375) / (count + 0.25));
    for (let k = from; k < to; k++) result[order[k]![0]]![order[k]![1]] = z;
    from = to;
  }
  return result;
}

function rawRHat(chains: Chains): number {
  const n = chains[0]!.length;
  const means = Float64Array.from(chains, (chain) => pooledMean([chain]));
  const within = chains.reduce((sum, chain) => sum + pooledVariance([chain]), 0) / chains.length;
  if (within === 0) return Number.NaN;
  return Math.sqrt((n - 1) / n + pooledVariance([means]) / within);
}

/** Geyer's initial monotone sequence over the autocorrelation of all chains. */
function rawEss(chains: Chains): number {
  const n = chains[0]!.length;
  const count = n * chains.length;
  const covariances = chains.map(autocovariance);
  const meanAt = (lag: number): number =>
    covariances.reduce((sum, covariance) => sum + covariance[lag]!, 0) / chains.length;
  const within = (meanAt(0) * n) / (n - 1);
  const means = Float64Array.from(chains, (chain) => pooledMean([chain]));
  const between = chains.length > 1 ? pooledVariance([means]) : 0;
  const total = meanAt(0) + between;
  if (total === 0) return Number.NaN;
  const rho = (lag: number): number => (lag === 0 ? 1 : 1 - (within - meanAt(lag)) / total);
  let sum = 0;
  let pairBefore = Infinity;
  let lag = 0;
  // The last lags rest on a few products.
  for (; lag < n - 5; lag += 2) {
    const pair = rho(lag) + rho(lag + 1);
    if (!(pair > 0)) break;
    pairBefore = Math.min(pairBefore, pair);
    sum += pairBefore;
  }
  // An antithetic chain has a positive term left over, which counts once.
  const last = Math.max(0, rho(lag));
  const time = Math.max(-1 + 2 * sum + last, 1 / Math.log10(count));
  return count / time;
}

/** Biased autocovariance at every lag, by a transform of twice the length. */
function autocovariance(chain: Float64Array): Float64Array {
  const n = chain.length;
  const mean = pooledMean([chain]);
  const length = nextPowerOfTwo(2 * n);
  const fft = new RealFft(length);
  const re = new Float64Array(fft.bins);
  const im = new Float64Array(fft.bins);
  fft.transform(
    chain.map((value) => value - mean),
    re,
    im,
  );
  // The power is symmetric, so that its transform is its inverse transform up to the length.
  const power = new Float64Array(length);
  for (let k = 0; k < fft.bins; k++) {
    power[k] = re[k]! ** 2 + im[k]! ** 2;
    if (k > 0) power[length - k] = power[k]!;
  }
  const back = new Float64Array(length);
  new ComplexFft(length).transform(power, back);
  return power.subarray(0, n).map((value) => value / length / n);
}
