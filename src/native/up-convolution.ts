import { checkCount, checkEvenGrid, checkFloats, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { checkSlope } from './convolution.js';
import { nativeBinding } from './loader.js';

/** What both directions of an upsampling convolution read. */
export interface UpConvInputs {
  /** Grid of the result; x, y and z even. */
  readonly grid: Grid;
  readonly cLow: number;
  readonly cSkip: number;
  readonly cout: number;
  /** (n, x/2, y/2, z/2, cLow) */
  readonly low: Float32Array;
  /** (n, x, y, z, cSkip) */
  readonly skip: Float32Array;
  /** Filter (3, 3, 3, cLow + cSkip, cout), channels of `low` first. */
  readonly w: Float32Array;
  /** Slope of the leaky ReLU for negative values, 0 or more; 1 leaves the result linear. */
  readonly slope: number;
}

export interface UpConvForward extends UpConvInputs {
  /** (cout) */
  readonly bias: Float32Array;
  /** (n, x, y, z, cout), written */
  readonly y: Float32Array;
}

function checkInputs(operation: string, options: UpConvInputs): number {
  const { grid, cLow, cSkip, cout, low, skip, w, slope } = options;
  const voxels = checkEvenGrid(operation, grid);
  checkCount(operation, 'cLow', cLow);
  checkCount(operation, 'cSkip', cSkip);
  checkCount(operation, 'cout', cout);
  checkSlope(operation, slope);
  checkFloats(operation, 'low', low, (voxels / 8) * cLow);
  checkFloats(operation, 'skip', skip, voxels * cSkip);
  checkFloats(operation, 'w', w, 27 * (cLow + cSkip) * cout);
  return voxels;
}

/**
 * 3x3x3 convolution of a coarse tensor, doubled by nearest neighbour, joined with a fine one, as convForward of
 * upConcatForward, without the joined tensor: along each axis three taps see two coarse voxels, so that the coarse
 * channels cost eight products for each result instead of 27.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function upConvForward(options: UpConvForward): void {
  const operation = 'upConvForward';
  const { grid, cLow, cSkip, cout, low, skip, w, bias, slope, y } = options;
  const voxels = checkInputs(operation, options);
  checkFloats(operation, 'bias', bias, cout);
  checkFloats(operation, 'y', y, voxels * cout);
  checkSeparate(operation, 'y', y, { low, skip, w, bias });
  nativeBinding().upConvForward(
    grid.n, grid.x, grid.y, grid.z, cLow, cSkip, cout, low, skip, w, bias, slope, y,
  ); // prettier-ignore
}

export interface UpConvBackward extends UpConvInputs {
  /** Result of the forward operation; read only where slope is not 1. */
  readonly y: Float32Array;
  /** Gradient of the loss to y. */
  readonly dy: Float32Array;
  /** Gradients, overwritten; null where not wanted. */
  readonly dLow: Float32Array | null;
  readonly dSkip: Float32Array | null;
  readonly dw: Float32Array | null;
  readonly db: Float32Array | null;
}

/** Gradients of upConvForward; sums and errors as those of convBackward. */
export function upConvBackward(options: UpConvBackward): void {
  const operation = 'upConvBackward';
  const { grid, cLow, cSkip, cout, low, skip, w, slope, y, dy, dLow, dSkip, dw, db } = options;
  const voxels = checkInputs(operation, options);
  checkFloats(operation, 'y', y, voxels * cout);
  checkFloats(operation, 'dy', dy, voxels * cout);
  checkOptionalFloats(operation, 'dLow', dLow, (voxels / 8) * cLow);
  checkOptionalFloats(operation, 'dSkip', dSkip, voxels * cSkip);
  checkOptionalFloats(operation, 'dw', dw, 27 * (cLow + cSkip) * cout);
  checkOptionalFloats(operation, 'db', db, cout);
  const read = { low, skip, w, y, dy };
  checkSeparate(operation, 'dLow', dLow, { ...read, dSkip, dw, db });
  checkSeparate(operation, 'dSkip', dSkip, { ...read, dw, db });
  checkSeparate(operation, 'dw', dw, { ...read, db });
  checkSeparate(operation, 'db', db, read);
  nativeBinding().upConvBackward(
    grid.n, grid.x, grid.y, grid.z, cLow, cSkip, cout, low, skip, w, y, slope, dy, dLow, dSkip, dw, db,
  ); // prettier-ignore
}
