import {
  spectralColumnDots,
  spectralCombine,
  spectralCopyColumns,
  spectralFactor,
  spectralFixSigns,
  spectralGram,
  spectralMultiplyMass,
  spectralMultiplyStiffness,
  spectralOrder,
  spectralPencil,
  spectralSlices,
  spectralSolve,
  spectralSubtractColumns,
  spectralSymbolic,
  spectralToRows,
} from '../../native/index.js';
import { foundEigen, type SmallEigen } from '../linalg/small-eigen.js';
import type { NumericFactor, SolverKernels, SolverPair } from './solver-kernels.js';
import type { SymbolicFactor } from './symbolic-factor.js';
import { notDefinite } from './symmetric-pencil.js';

function factor(symbolic: SymbolicFactor, pair: SolverPair, shift: number): NumericFactor {
  const panels = new Float64Array(symbolic.panelStarts.at(-1)!);
  const signs = new Int8Array(symbolic.size);
  const growth = spectralFactor(symbolic, pair, shift, panels, signs);
  let inertia = 0;
  if (growth !== Infinity) for (const sign of signs) if (sign < 0) inertia++;
  return { shift, panels, signs, inertia, growth };
}

function pencil(n: number, a: Float64Array, b: Float64Array): SmallEigen {
  const solved = spectralPencil(n, a, b);
  if (solved !== null && 'pivot' in solved) throw notDefinite(`pivot ${solved.pivot}`);
  return foundEigen(n, solved);
}

/** The kernels of the addon. */
export const nativeKernels: SolverKernels = {
  name: 'native',
  analyse: (size, starts, columns) =>
    spectralSymbolic(size, starts, columns, spectralOrder(size, starts, columns)),
  factor,
  solve: (symbolic, { panels, signs }, x, blocks) => spectralSolve(symbolic, panels, signs, x, blocks),
  slices: (symbolic, pair, tasks) =>
    spectralSlices(
      symbolic,
      pair,
      tasks.map(({ factor: { shift, panels, signs }, ...task }) => ({ ...task, shift, panels, signs })),
    ),
  multiplyMass: spectralMultiplyMass,
  multiplyStiffness: spectralMultiplyStiffness,
  subtractColumns: spectralSubtractColumns,
  columnDots: spectralColumnDots,
  gram: spectralGram,
  combine: spectralCombine,
  copyColumns: spectralCopyColumns,
  toRows: spectralToRows,
  fixSigns: spectralFixSigns,
  pencil,
};
