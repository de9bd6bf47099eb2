import { ProcessingError } from '../errors.js';
import { checkCount, checkFloats, checkGrid, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface ConvForward {
  readonly grid: Grid;
  readonly cin: number;
  readonly cout: number;
  /** (n, x, y, z, cin) */
  readonly x: Float32Array;
  /** Filter (3, 3, 3, cin, cout). */
  readonly w: Float32Array;
  /** (cout) */
  readonly bias: Float32Array | null;
  /** Slope of the leaky ReLU for negative values, 0 or more; 1 leaves the result linear. */
  readonly slope: number;
  /** (n, x, y, z, cout), written */
  readonly y: Float32Array;
}

/**
 * 3x3x3 cross-correlation with zero padding ('same', stride 1), bias and leaky ReLU in one pass:
 * y = leakyRelu(conv(x, w) + bias).
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function convForward({ grid, cin, cout, x, w, bias, slope, y }: ConvForward): void {
  const operation = 'convForward';
  const voxels = checkGrid(operation, grid);
  checkCount(operation, 'cin', cin);
  checkCount(operation, 'cout', cout);
  checkSlope(operation, slope);
  checkFloats(operation, 'x', x, voxels * cin);
  checkFloats(operation, 'w', w, 27 * cin * cout);
  checkOptionalFloats(operation, 'bias', bias, cout);
  checkFloats(operation, 'y', y, voxels * cout);
  checkSeparate(operation, 'y', y, { x, w, bias });
  nativeBinding().convForward(grid.n, grid.x, grid.y, grid.z, cin, cout, x, w, bias, slope, y);
}

export interface ConvBackward {
  readonly grid: Grid;
  readonly cin: number;
  readonly cout: number;
  /** Input of the forward operation, (n, x, y, z, cin). */
  readonly x: Float32Array;
  /** Its filter, (3, 3, 3, cin, cout). */
  readonly w: Float32Array;
  /** Its result, (n, x, y, z, cout); read only where slope is not 1. */
  readonly y: Float32Array;
  readonly slope: number;
  /** Gradient of the loss to y. */
  readonly dy: Float32Array;
  /** Gradient to x, overwritten; null where not wanted, as for data. */
  readonly dx: Float32Array | null;
  /** Gradient to w, overwritten; null where not wanted. */
  readonly dw: Float32Array | null;
  /** Gradient to the bias, overwritten; null where not wanted. */
  readonly db: Float32Array | null;
}

/**
 * Gradients of convForward. The leaky ReLU passes dy where y > 0 and slope dy elsewhere (at 0 too, as in torch).
 * dw and db are summed in float64 over blocks of at most 16 rows, in an order fixed by the sizes and the number of
 * threads.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function convBackward({ grid, cin, cout, x, w, y, slope, dy, dx, dw, db }: ConvBackward): void {
  const operation = 'convBackward';
  const voxels = checkGrid(operation, grid);
  checkCount(operation, 'cin', cin);
  checkCount(operation, 'cout', cout);
  checkSlope(operation, slope);
  checkFloats(operation, 'x', x, voxels * cin);
  checkFloats(operation, 'w', w, 27 * cin * cout);
  checkFloats(operation, 'y', y, voxels * cout);
  checkFloats(operation, 'dy', dy, voxels * cout);
  checkOptionalFloats(operation, 'dx', dx, voxels * cin);
  checkOptionalFloats(operation, 'dw', dw, 27 * cin * cout);
  checkOptionalFloats(operation, 'db', db, cout);
  checkSeparate(operation, 'dx', dx, { x, w, y, dy, dw, db });
  checkSeparate(operation, 'dw', dw, { x, w, y, dy, db });
  checkSeparate(operation, 'db', db, { x, w, y, dy });
  nativeBinding().convBackward(
    grid.n, grid.x, grid.y, grid.z, cin, cout, x, w, y, slope, dy, dx, dw, db,
  );
}

/** @throws ProcessingError INVALID_ARGUMENT unless slope is finite and not negative */
export function checkSlope(operation: string, slope: number): void {
  if (Number.isFinite(slope) && slope >= 0) return;
  throw new ProcessingError('INVALID_ARGUMENT', `slope is ${slope}`, {
    where: operation,
    cure: 'give 0 or more; the gradient needs y to have the sign of its argument',
  });
}
