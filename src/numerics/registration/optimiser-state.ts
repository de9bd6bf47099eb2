import type { Adam } from '../../tensor/index.js';
import { ProcessingError } from '../../errors.js';
import type { NamedArray } from './array-file.js';

/** The moments of an optimiser as named arrays, and its step count. */
export async function exportAdam(name: string, adam: Adam): Promise<{ step: number; arrays: NamedArray[] }> {
  const { step, m, v } = await adam.exportState();
  const named = (kind: string, moments: readonly Float32Array[]) =>
    moments.map((values, index) => ({ name: `${name}/${kind}.${index}`, shape: [values.length], values }));
  return { step, arrays: [...named('m', m), ...named('v', v)] };
}

/**
 * Gives an optimiser the state that {@link exportAdam} took.
 *
 * @throws ProcessingError CHECKPOINT when a moment is missing
 */
export function importAdam(
  name: string,
  adam: Adam,
  step: number,
  parameters: number,
  arrays: ReadonlyMap<string, NamedArray>,
): void {
  // Before its first step an optimiser has no moments.
  const count = step === 0 ? 0 : parameters;
  const moments = (kind: string) =>
    Array.from({ length: count }, (_, index) => floatArray(arrays, `${name}/${kind}.${index}`));
  adam.importState({ step, m: moments('m'), v: moments('v') });
}

/**
 * The values of a float array of a state.
 *
 * @throws ProcessingError CHECKPOINT when it is missing
 */
export function floatArray(arrays: ReadonlyMap<string, NamedArray>, name: string): Float32Array {
  const values = arrays.get(name)?.values;
  if (values instanceof Float32Array) return values;
  throw new ProcessingError('CHECKPOINT', `the checkpoint has no array ${name}`, {
    cure: 'set learned_atlas.optimizer.resume to never to train from the start',
  });
}
