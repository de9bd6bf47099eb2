import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DependencyError } from '../errors.js';
import type { Binding } from './binding.js';

/** Must equal kInterfaceVersion of native/register_core.cc: an addon of other sources is refused. */
const INTERFACE_VERSION = 8;

const ADDON_FILE = fileURLToPath(new URL('../../build/Release/neuroloom_native.node', import.meta.url));

/** Instruction sets with kernels of their own; 'baseline' is SSE2 on x86-64 and NEON on ARM. */
export const ISAS = ['avx512', 'avx2', 'baseline'] as const;
export type Isa = (typeof ISAS)[number];

export type NativeStatus =
  | { readonly available: true; readonly isa: Isa; readonly isas: readonly Isa[] }
  | { readonly available: false; readonly reason: string };

type Loaded = { readonly binding: Binding } | { readonly reason: string };

let loaded: Loaded | undefined;

function load(): Loaded {
  let binding: Binding;
  try {
    binding = namedFunctions(createRequire(import.meta.url)(ADDON_FILE) as Binding);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'MODULE_NOT_FOUND';
    return { reason: missing ? 'it was not built when the package was installed' : message };
  }
  const version = binding.interfaceVersion();
  if (version !== INTERFACE_VERSION) {
    return { reason: `it was built from other sources (interface ${version}, not ${INTERFACE_VERSION})` };
  }
  const wanted = process.env['NEUROLOOM_ISA'];
  if (wanted !== undefined && wanted !== '') chooseIsa(binding, wanted, 'NEUROLOOM_ISA');
  return { binding };
}

const BUILD = 'run `npm run build:addon`; it needs a C++17 compiler, make and Python 3';

/**
 * The functions of an addon, where one that it lacks is told as that: a call would only say that undefined is no function.
 */
export function namedFunctions(functions: Partial<Binding>): Binding {
  const missing = new Proxy(Object.prototype, {
    get(target, name, receiver): unknown {
      // `then` is looked up in whatever a promise is resolved with.
      if (typeof name === 'symbol' || name in target || name === 'then')
        return Reflect.get(target, name, receiver);
      throw new DependencyError(
        'ADDON_MISSING',
        `the native addon has no ${name}: it was built from older sources`,
        { where: ADDON_FILE, cure: BUILD },
      );
    },
  });
  return Object.assign(Object.create(missing) as Binding, functions);
}

function chooseIsa(binding: Binding, isa: string, where: string): void {
  if (binding.chooseIsa(isa)) return;
  throw new DependencyError('BACKEND_MISSING', `this processor has no kernels for instruction set '${isa}'`, {
    where,
    cure: `choose one of ${binding.isas().join(', ')}`,
  });
}

function current(): Loaded {
  return (loaded ??= load());
}

/**
 * The addon's functions. For the files of this folder: they check arguments before they call.
 *
 * @throws DependencyError ADDON_MISSING where the addon is not built or cannot be loaded
 */
export function nativeBinding(): Binding {
  const state = current();
  if ('binding' in state) return state.binding;
  throw new DependencyError('ADDON_MISSING', `the native addon is not available: ${state.reason}`, {
    where: ADDON_FILE,
    cure: BUILD,
  });
}

/**
 * Whether the addon can be used, and with which instruction set.
 *
 * @throws DependencyError BACKEND_MISSING when NEUROLOOM_ISA names a set that this processor lacks
 */
export function nativeStatus(): NativeStatus {
  const state = current();
  if (!('binding' in state)) return { available: false, reason: state.reason };
  const { binding } = state;
  return { available: true, isa: binding.currentIsa() as Isa, isas: binding.isas() as Isa[] };
}

/**
 * Selects the instruction set of all later operations, for tests and measurements. Results of different sets agree
 * to rounding.
 *
 * @throws DependencyError BACKEND_MISSING when this processor lacks it; ADDON_MISSING without the addon
 */
export function selectIsa(isa: Isa): void {
  chooseIsa(nativeBinding(), isa, 'selectIsa');
}
