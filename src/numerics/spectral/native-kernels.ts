import {
  spectralColumnDots,
  spectralCombine,
  spectralCopyColumns,
  spectralFactor,
  spectralFillRandom,
  spectralFixSigns,
  spectralGram,
  spectralMultiplyMass,
  spectralMultiplyStiffness,
  spectralOrder,
  spectralProject,
  spectralScale,
  spectralSmallEigen,
  spectralSolve,
  spectralSubtract,
  spectralSubtractColumns,
  spectralSymbolic,
  spectralToRows,
} from '../../native/index.js';
import { foundEigen } from '../linalg/small-eigen.js';
import type { NumericFactor, SolverKernels, SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';

function factor(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor {
  const panels = new Float64Array(symbolic.panelStarts.at(-1)!);
  const signs = new Int8Array(symbolic.size);
  const growth = spectralFactor(symbolic, pair, shift, panels, signs);
  let inertia = 0;
  if (growth !== Infinity) for (const sign of signs) if (sign < 0) inertia++;
  return { shift, panels, signs, inertia, growth };
}

/** The kernels of the addon. */
export const nativeKernels: SolverKernels = {
  name: 'native',
  analyse: (size, starts, columns) =>
    spectralSymbolic(size, starts, columns, spectralOrder(size, starts, columns)),
  factor,
  solve: (symbolic, { panels, signs }, x, blocks) => spectralSolve(symbolic, panels, signs, x, blocks),
  multiplyMass: spectralMultiplyMass,
  multiplyStiffness: spectralMultiplyStiffness,
  project: spectralProject,
  subtract: spectralSubtract,
  scale: spectralScale,
  subtractColumns: spectralSubtractColumns,
  columnDots: spectralColumnDots,
  gram: spectralGram,
  combine: spectralCombine,
  copyColumns: spectralCopyColumns,
  toRows: spectralToRows,
  fixSigns: spectralFixSigns,
  fillRandom: spectralFillRandom,
  smallEigen: (n, a, lastEntries) => foundEigen(n, spectralSmallEigen(n, a, lastEntries)),
};
