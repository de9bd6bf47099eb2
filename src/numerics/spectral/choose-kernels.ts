import { nativeStatus } from '../../native/index.js';
import { nativeKernels } from './native-kernels.js';
import type { SolverKernels } from './solver-kernels.js';
import { typescriptKernels } from './typescript-kernels.js';

/** Who does the arithmetic: the addon, plain TypeScript, or the addon where it is built. */
export type SolverChoice = 'auto' | 'native' | 'typescript';

/** Kernels of the choice; those of the addon throw DependencyError ADDON_MISSING where it is not built. */
export function chooseKernels(choice: SolverChoice): SolverKernels {
  if (choice === 'typescript') return typescriptKernels;
  return choice === 'native' || nativeStatus().available ? nativeKernels : typescriptKernels;
}
