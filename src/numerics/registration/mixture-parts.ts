import { add, assign, parameter, type Parameter, read, scale, type Tensor } from '../../tensor/index.js';
import type { NamedArray } from './array-file.js';
import { LOSS_TERMS, type LossTerms } from './loss-terms.js';
import { thetaName } from './mixture-names.js';
import { floatArray } from './optimiser-state.js';

/** Sum of lists of gradients with a weight for each list; a single list of weight 1 is returned as it is. */
export function weightedSum(lists: readonly (readonly Tensor[])[], weights: readonly number[]): Tensor[] {
  const scaled = lists.map((list, i) =>
    weights[i] === 1 ? list : list.map((gradient) => scale(gradient, weights[i]!)),
  );
  return scaled.reduce<Tensor[]>(
    (sum, list) => (sum.length === 0 ? [...list] : sum.map((part, at) => add(part, list[at]!))),
    [],
  );
}

/** Sum of terms with weights. */
export function weightedTerms(terms: readonly LossTerms[], weights: readonly number[]): LossTerms {
  const names = LOSS_TERMS.filter((name) => terms.some((one) => one[name] !== undefined));
  return Object.fromEntries(
    names.map((name) => [name, terms.reduce((sum, one, i) => sum + weights[i]! * (one[name] ?? 0), 0)]),
  );
}

/** Log templates as parameters of a training. */
export function thetaParameters(starts: readonly Float32Array[], shape: readonly number[]): Parameter[] {
  return starts.map((start) => parameter(start, [1, ...shape, 1]));
}

export function exportThetas(thetas: readonly Parameter[], shape: readonly number[]): Promise<NamedArray[]> {
  return Promise.all(
    thetas.map(async (theta, k) => ({ name: thetaName(k), shape, values: await read(theta) })),
  );
}

export function importThetas(thetas: readonly Parameter[], arrays: ReadonlyMap<string, NamedArray>): void {
  thetas.forEach((theta, k) => assign(theta, floatArray(arrays, thetaName(k))));
}
