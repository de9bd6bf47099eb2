/** Names for arrays that travel between functions, with their shape and unit. Numbers are C order where there are two axes. */
import type { SparseMatrix } from './numerics/spectral/sparse-matrix.js';

/** shape (n, 3), mm (or the unit of the surface). */
export type Vertices = Float64Array;
/** shape (m, 3), indices of vertices from 0. */
export type Faces = Int32Array | Uint32Array;
/** shape (n, 3), mm. */
export type Points = Float64Array;
/** shape (n, 3), unit vectors. */
export type Normals = Float64Array;
/** shape (k), ascending, input unit^-2. */
export type Eigenvalues = Float64Array;
/** shape (n, k), row per vertex, mass-orthonormal. */
export type Eigenvectors = Float64Array;
export type { SparseMatrix };
/** shape (n, n), area per vertex, mm^2; diagonal when lumped. */
export type MassMatrix = SparseMatrix;
/** shape (n), a number per vertex. */
export type ScalarMap = Float64Array;
/** shape (n, d), row per vertex. */
export type DescriptorMatrix = Float64Array;
/** shape (d), one row for a whole shape. */
export type GlobalDescriptor = Float64Array;
/** shape (n, n), symmetric, zeros on the diagonal. */
export type DistanceMatrix = Float64Array;
/** shape (n), a label per vertex; 0: none. */
export type LabelArray = Int32Array;
export type { NiftiVolume as VolumeImage } from './io/nifti-read.js';
export type { Surface as SurfaceImage } from './io/geometry/surface.js';
/** shape (p, p), parcel by parcel. */
export type ConnectomeMatrix = Float64Array;
/** shape (q, q), network by network. */
export type NetworkMatrix = Float64Array;
/** Path of a file. */
export type PathLike = string;
