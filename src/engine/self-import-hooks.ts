/** Module hooks of self-import.ts; Node runs them in a thread of their own. */
import type { InitializeHook, ResolveHook } from 'node:module';

let name = '';
let parentURL = '';

export const initialize: InitializeHook<{ name: string; parentURL: string }> = (data) => {
  ({ name, parentURL } = data);
};

/** The package's name, and paths below it, are looked up as if this package itself asked. */
export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  const isOurs = specifier === name || specifier.startsWith(`${name}/`);
  return nextResolve(specifier, isOurs ? { ...context, parentURL } : context);
};
