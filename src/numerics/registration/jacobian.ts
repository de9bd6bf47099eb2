import { ProcessingError } from '../../errors.js';

/** Displacements of a batch, voxels of their own grid. */
export interface DisplacementField {
  /** (N, X, Y, Z, 3), C order: three components per voxel, components fastest. */
  readonly data: ArrayLike<number>;
  readonly n?: number;
  readonly shape: readonly [number, number, number];
}

/**
 * Determinant of the map x + u(x) by forward differences, cropped at the high end.
 *
 * @returns (N, X-1, Y-1, Z-1), C order, voxel units; 1 means volume is kept, 0 or less means a fold
 * @throws ProcessingError SHAPE_MISMATCH for a wrong length or an axis of length 1
 */
export function jacobianDeterminant(field: DisplacementField): Float64Array {
  checkField(field);
  const { n = 1, shape } = field;
  const [X, Y, Z] = shape;
  const out = new Float64Array(n * (X - 1) * (Y - 1) * (Z - 1));
  let at = 0;
  visitDeterminants(field, (determinant) => {
    out[at++] = determinant;
  });
  return out;
}

/** Every determinant in C order. */
function visitDeterminants(
  { data, n = 1, shape }: DisplacementField,
  visit: (determinant: number) => void,
): void {
  const [X, Y, Z] = shape;
  const strides = [3 * Y * Z, 3 * Z, 3] as const;
  for (let s = 0; s < n; s++) {
    for (let i = 0; i < X - 1; i++) {
      for (let j = 0; j < Y - 1; j++) {
        for (let k = 0; k < Z - 1; k++) {
          visit(determinantAt(data, 3 * (((s * X + i) * Y + j) * Z + k), strides));
        }
      }
    }
  }
}

/** Number of voxels with determinant at or below 0; NaN counts as a fold. Errors as `jacobianDeterminant`. */
export function countNegativeJacobians(field: DisplacementField): number {
  return jacobianMinAndFolds(field).folds;
}

/** Smallest determinant (NaN where any is NaN) and the number of folds. Errors as `jacobianDeterminant`. */
export function jacobianMinAndFolds(field: DisplacementField): { min: number; folds: number } {
  checkField(field);
  let min = Infinity;
  let folds = 0;
  visitDeterminants(field, (determinant) => {
    if (!(determinant > 0)) folds++;
    min = Math.min(min, determinant);
  });
  return { min, folds };
}

function determinantAt(u: ArrayLike<number>, p: number, strides: readonly [number, number, number]): number {
  const entry = (component: number, axis: 0 | 1 | 2): number =>
    (u[p + strides[axis] + component] ?? NaN) - (u[p + component] ?? NaN) + (component === axis ? 1 : 0);
  const [xx, xy, xz] = [entry(0, 0), entry(0, 1), entry(0, 2)];
  const [yx, yy, yz] = [entry(1, 0), entry(1, 1), entry(1, 2)];
  const [zx, zy, zz] = [entry(2, 0), entry(2, 1), entry(2, 2)];
  return xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx);
}

function checkField({ data, n = 1, shape }: DisplacementField): void {
  const wanted = 3 * n * shape[0] * shape[1] * shape[2];
  if (data.length !== wanted) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `a displacement of ${n} x ${shape.join('x')} x 3 needs ${wanted} values, not ${data.length}`,
      { cure: 'give three components per voxel' },
    );
  }
  if (shape.some((length) => length < 2)) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the Jacobian needs two voxels along every axis: ${shape.join('x')}`,
      {
        cure: 'give a volume, not a slice',
      },
    );
  }
}
