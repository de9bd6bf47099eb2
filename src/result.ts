/** An expected outcome: a value, or the problem that stood in its way. Exceptions are for bugs. */
export type Result<T, E> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** The result of something that worked. */
export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

/** The result of something that did not work; `error` says why. */
export function err<E>(error: E): Result<never, E> {
  return { ok: false, error };
}

/** Proves to the compiler that every kind of a union was handled. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
