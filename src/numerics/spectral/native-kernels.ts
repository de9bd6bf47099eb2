import {
  spectralColumnDots,
  spectralCombine,
  spectralFactor,
  spectralMultiplyMass,
  spectralMultiplyStiffness,
  spectralProject,
  spectralScale,
  spectralSmallEigen,
  spectralSolve,
  spectralSubtract,
  spectralSubtractColumns,
} from '../../native/index.js';
import { foundEigen } from '../linalg/small-eigen.js';
import type { NumericFactor, SolverKernels, SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

function factor(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor {
  const panels = new Float64Array(symbolic.panelStarts.at(-1)!);
  const signs = new Int8Array(symbolic.size);
  const largest = spectralFactor(symbolic, pair, shift, panels, signs);
  if (largest === 0) return { shift, panels, signs, inertia: 0, growth: Infinity };
  let inertia = 0;
  for (const sign of signs) if (sign < 0) inertia++;
  let diagonal = 0;
  for (let i = 0; i < pair.size; i++) {
    for (let e = pair.starts[i]!; e < pair.starts[i + 1]!; e++) {
      if (pair.columns[e] !== i) continue;
      diagonal = Math.max(diagonal, Math.abs(pair.stiffness[e]! - shift * pair.mass[e]!));
    }
  }
  return { shift, panels, signs, inertia, growth: largest / diagonal };
}

/** The kernels of the addon. */
export const nativeKernels: SolverKernels = {
  name: 'native',
  factor,
  solve: (symbolic, { panels, signs }, x, blocks) => spectralSolve(symbolic, panels, signs, x, blocks),
  multiplyMass: spectralMultiplyMass,
  multiplyStiffness: spectralMultiplyStiffness,
  project: spectralProject,
  subtract: spectralSubtract,
  scale: spectralScale,
  subtractColumns: spectralSubtractColumns,
  columnDots: spectralColumnDots,
  combine: spectralCombine,
  smallEigen: (n, a, lastEntries) => foundEigen(n, spectralSmallEigen(n, a, lastEntries)),
};
