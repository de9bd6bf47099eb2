import {
  setNativeThreads,
  spectralColumnDots,
  spectralCombine,
  spectralCopyColumns,
  spectralFactor,
  spectralFixSigns,
  spectralGram,
  spectralJoin,
  spectralMultiplyMass,
  spectralMultiplyStiffness,
  spectralOrder,
  spectralPairFacts,
  spectralPencil,
  spectralPermute,
  spectralSlices,
  spectralSolve,
  spectralSubtractColumns,
  spectralSymbolic,
  spectralToRows,
} from '../../native/index.js';
import { foundEigen, type SmallEigen } from '../linalg/small-eigen.js';
import type { NumericFactor, SolverKernels, SolverPair } from './solver-kernels.js';
import { joinPair } from './solver-pair.js';
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
  // 100 take as long on one thread; 75 share 300 pairs out to two threads evenly.
  slicePairs: 75,
  useThreads: setNativeThreads,
  // The twin in TypeScript says what is wrong with matrices that are refused.
  join: (stiffness, mass) => spectralJoin(stiffness.rows, stiffness, mass) ?? joinPair(stiffness, mass),
  facts: spectralPairFacts,
  permute: spectralPermute,
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
