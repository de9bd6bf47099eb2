import { ProcessingError } from '../errors.js';
import { checkCount, checkFloats, checkGrid, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface IntegrateForward {
  readonly grid: Grid;
  /** Squarings; 0 copies the velocity. */
  readonly steps: number;
  /** (n, x, y, z, 3), voxels */
  readonly velocity: Float32Array;
  /** Like velocity, written: the displacement */
  readonly out: Float32Array;
  /** steps times the size of velocity, written: what integrateBackward needs. Null where no gradient is wanted. */
  readonly stages: Float32Array | null;
}

/** More squarings than this leave nothing of a float32 velocity. */
const MOST_STEPS = 64;

function checkSteps(operation: string, steps: number): void {
  checkCount(operation, 'steps', steps, 0);
  if (steps <= MOST_STEPS) return;
  throw new ProcessingError('INVALID_ARGUMENT', `steps is ${steps}`, {
    where: operation,
    cure: `give ${MOST_STEPS} or fewer; 7 is usual`,
  });
}

/**
 * Exponential of a stationary velocity by scaling and squaring: u = velocity / 2^steps, then `steps` times
 * u <- u + u(p + u(p)), sampled with the coordinate clamped to the grid.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function integrateForward({ grid, steps, velocity, out, stages }: IntegrateForward): void {
  const operation = 'integrateForward';
  const size = checkGrid(operation, grid) * 3;
  checkSteps(operation, steps);
  checkFloats(operation, 'velocity', velocity, size);
  checkFloats(operation, 'out', out, size);
  checkOptionalFloats(operation, 'stages', stages, steps * size);
  checkSeparate(operation, 'out', out, { velocity, stages });
  checkSeparate(operation, 'stages', stages, { velocity });
  nativeBinding().integrateForward(grid.n, grid.x, grid.y, grid.z, steps, velocity, out, stages);
}

export interface IntegrateBackward {
  readonly grid: Grid;
  readonly steps: number;
  /** From integrateForward. */
  readonly stages: Float32Array;
  /** (n, x, y, z, 3): gradient to the displacement */
  readonly dout: Float32Array;
  /** Like dout, overwritten */
  readonly dvelocity: Float32Array;
}

/** Gradient of integrateForward to the velocity. Same errors. */
export function integrateBackward({ grid, steps, stages, dout, dvelocity }: IntegrateBackward): void {
  const operation = 'integrateBackward';
  const size = checkGrid(operation, grid) * 3;
  checkSteps(operation, steps);
  checkFloats(operation, 'stages', stages, steps * size);
  checkFloats(operation, 'dout', dout, size);
  checkFloats(operation, 'dvelocity', dvelocity, size);
  checkSeparate(operation, 'dvelocity', dvelocity, { stages, dout });
  nativeBinding().integrateBackward(grid.n, grid.x, grid.y, grid.z, steps, stages, dout, dvelocity);
}
