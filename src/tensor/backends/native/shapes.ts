import { ProcessingError } from '../../../errors.js';
import { shapeText } from '../../shapes.js';

/** Batch and spatial sizes, as the addon takes them. */
export interface Grid {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Grid and channels of a shape that an op has checked. */
export function gridOf(shape: readonly number[]): { readonly grid: Grid; readonly c: number } {
  const [n, x, y, z, c] = shape;
  if (n === undefined || x === undefined || y === undefined || z === undefined || c === undefined) {
    throw new ProcessingError('INTERNAL', `a kernel got shape ${shapeText(shape)} for a volume`, {
      cure: 'report this bug',
    });
  }
  return { grid: { n, x, y, z }, c };
}

/** The grid with twice as many voxels along each axis. */
export function doubled({ n, x, y, z }: Grid): Grid {
  return { n, x: 2 * x, y: 2 * y, z: 2 * z };
}
