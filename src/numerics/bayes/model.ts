import { ProcessingError } from '../../errors.js';

/** A quantity of a model as a user reads it. */
export interface ModelVariable {
  readonly name: string;
  /** Empty for a single number. */
  readonly shape: readonly number[];
  /** Names along each axis, for summaries; numbers from 0 where absent. */
  readonly labels?: readonly (readonly string[])[];
}

/** A distribution to sample from, by the logarithm of its density and the gradient of that. */
export interface BayesianModel {
  readonly name: string;
  /** Number of coordinates that the sampler moves; each may take any real value. */
  readonly dimension: number;
  readonly variables: readonly ModelVariable[];
  /**
   * Logarithm of the density up to a constant, with the Jacobian of every change of variables.
   *
   * @param position - shape (dimension)
   * @param gradient - shape (dimension), is overwritten
   * @returns -Infinity or NaN where the density is 0 or cannot be computed
   */
  logDensity(position: Float64Array, gradient: Float64Array): number;
  /** Values of all variables at a position, in their order, C order within each. The position itself when absent. */
  values?(position: Float64Array): ArrayLike<number>;
  /** Where chains start, before a jitter of 1; the origin when absent. */
  readonly start?: Float64Array;
}

/**
 * A model that worker threads can make for themselves: an exported function of a module, and what it is called with.
 *
 * The function runs once in each thread and returns a {@link BayesianModel}, or a promise of one.
 */
export interface ModelSource {
  readonly kind: 'model-source';
  /** file: URL of a JavaScript module. */
  readonly module: string;
  readonly exportName: string;
  /** Argument of the function; anything that can be passed to a thread. */
  readonly argument: unknown;
}

/**
 * Names a model for worker threads: code travels by module and export name, never as a closure.
 *
 * @param module - `import.meta.url` of the module that exports the function
 * @param argument - what the function is called with
 */
export function modelSource(module: string, exportName: string, argument?: unknown): ModelSource {
  return { kind: 'model-source', module, exportName, argument };
}

/** Numbers that one draw holds. */
export function valueCount(variables: readonly ModelVariable[]): number {
  return variables.reduce((sum, variable) => sum + sizeOfVariable(variable), 0);
}

export function sizeOfVariable({ shape }: ModelVariable): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** Names of all numbers of a draw: `mu`, `site[2]` or, with labels, `site[lyon]`. */
export function valueNames(variables: readonly ModelVariable[]): string[] {
  return variables.flatMap(({ name, shape, labels }) => {
    let found = [''];
    for (const [axis, length] of shape.entries()) {
      const words = Array.from({ length }, (_, i) => labels?.[axis]?.[i] ?? String(i));
      found = found.flatMap((before) => words.map((word) => (before === '' ? word : `${before},${word}`)));
    }
    return shape.length === 0 ? [name] : found.map((place) => `${name}[${place}]`);
  });
}

/** @throws ProcessingError INVALID_ARGUMENT when a model contradicts itself */
export function checkModel(model: BayesianModel): void {
  const refuse = (what: string, cure: string): never => {
    throw new ProcessingError('INVALID_ARGUMENT', `model ${model.name}: ${what}`, { cure });
  };
  if (!Number.isSafeInteger(model.dimension) || model.dimension < 1) {
    refuse(`dimension ${model.dimension} is not possible`, 'give a whole number from 1');
  }
  if (model.start !== undefined && model.start.length !== model.dimension) {
    refuse(
      `its start has ${model.start.length} coordinates, its dimension is ${model.dimension}`,
      'give one for each',
    );
  }
  const names = model.variables.map(({ name }) => name);
  const wrong = names.find((name, i) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || names.indexOf(name) !== i);
  if (wrong !== undefined)
    refuse(`variable '${wrong}' is not a name, or stands twice`, 'use letters, digits and _');
  if (names.length === 0) refuse('it has no variables', 'name at least one');
  const count = valueCount(model.variables);
  if (model.values === undefined && count !== model.dimension) {
    refuse(
      `its variables have ${count} values, its dimension is ${model.dimension}`,
      'give values() that computes the variables of a position',
    );
  }
}
