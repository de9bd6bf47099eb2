import { DependencyError } from '../../errors.js';
import type { SolverKernels } from './solver-kernels.js';
import { typescriptKernels } from './typescript-kernels.js';

/** Who does the arithmetic: the addon, plain TypeScript, or the addon where it is built. */
export type SolverChoice = 'auto' | 'native' | 'typescript';

/** @throws DependencyError BACKEND_MISSING for `native` */
export function chooseKernels(choice: SolverChoice): SolverKernels {
  if (choice !== 'native') return typescriptKernels;
  throw new DependencyError('BACKEND_MISSING', 'the addon has no kernels for eigenpairs', {
    where: 'eigsh',
    cure: 'choose solver auto or typescript',
  });
}
