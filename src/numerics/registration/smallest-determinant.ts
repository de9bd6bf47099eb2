import { leastDeterminant, readScalars, scoped, type Tensor, viewed } from '../../tensor/index.js';
import type { Shape3 } from './grid.js';
import { jacobianMinAndFolds } from './jacobian.js';

/**
 * Smallest Jacobian determinant of p + u(p); waits for the device.
 *
 * @param displacement - u, (N, X, Y, Z, 3), voxels
 */
export async function smallestDeterminant(displacement: Tensor): Promise<number> {
  const [n, ...axes] = displacement.shape;
  const data = viewed(displacement);
  if (data !== null)
    return jacobianMinAndFolds({ data, n: n!, shape: axes.slice(0, 3) as unknown as Shape3 }).min;
  const [least] = await scoped(() => readScalars([leastDeterminant(displacement)]));
  return least!;
}
