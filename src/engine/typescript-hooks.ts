/** Module hooks of typescript-modules.ts; Node runs them in a thread of their own. */
import { existsSync, readFileSync } from 'node:fs';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transpile, TYPESCRIPT_MODULE } from './transpile.js';

/** TypeScript names the file that will be: `./nodes.js` is `./nodes.ts` where there is no other. */
export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  const { parentURL } = context;
  const isLocal = /^(?:\.{0,2}\/|file:).*\.m?js$/.test(specifier);
  if (isLocal && parentURL !== undefined && TYPESCRIPT_MODULE.test(parentURL)) {
    const file = fileURLToPath(new URL(specifier, parentURL));
    const source = specifier.replace(/js$/, 'ts');
    if (!existsSync(file) && existsSync(fileURLToPath(new URL(source, parentURL)))) {
      return nextResolve(source, context);
    }
  }
  return nextResolve(specifier, context);
};

export const load: LoadHook = (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !TYPESCRIPT_MODULE.test(url)) return nextLoad(url, context);
  const file = fileURLToPath(url);
  return { format: 'module', shortCircuit: true, source: transpile(readFileSync(file, 'utf8'), file) };
};
