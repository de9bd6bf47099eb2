/** The names for arrays are those of what functions take and give. */
import { expectTypeOf, test } from 'vitest';
import type {
  BackendName,
  ConnectomeMatrix,
  DescriptorMatrix,
  DistanceMatrix,
  Eigenvalues,
  Eigenvectors,
  Faces,
  GlobalDescriptor,
  LabelArray,
  MassMatrix,
  NetworkMatrix,
  Normals,
  PathLike,
  Points,
  ScalarMap,
  SparseMatrix,
  SurfaceImage,
  Vertices,
  VolumeImage,
} from '../../src/index.js';
import type { readNifti, Surface } from '../../src/io/index.js';
import type {
  cloudOperator,
  Eigenpairs,
  eigsh,
  getBackend,
  heatKernelSignature,
  NetworkSummary,
  OperatorPair,
  RegionMatrix,
  spectrumDistances,
} from '../../src/numerics.js';

test('geometry and images', () => {
  expectTypeOf<SurfaceImage>().toEqualTypeOf<Surface>();
  expectTypeOf<Surface['vertices']>().toEqualTypeOf<Vertices>();
  expectTypeOf<Surface['faces']>().toExtend<Faces>();
  expectTypeOf<Points>().toExtend<Parameters<typeof cloudOperator>[0]>();
  expectTypeOf<Normals>().toEqualTypeOf<Vertices>();
  expectTypeOf<PathLike>().toExtend<Parameters<typeof readNifti>[0]>();
  expectTypeOf<Awaited<ReturnType<typeof readNifti>>>().toEqualTypeOf<VolumeImage>();
});

test('operators, eigenpairs, descriptors', () => {
  expectTypeOf<OperatorPair['mass']>().toEqualTypeOf<MassMatrix>();
  expectTypeOf<SparseMatrix>().toExtend<Parameters<typeof eigsh>[0]>();
  expectTypeOf<Eigenpairs['eigenvalues']>().toEqualTypeOf<Eigenvalues>();
  expectTypeOf<Eigenpairs['eigenvectors']>().toEqualTypeOf<Eigenvectors>();
  expectTypeOf<ReturnType<typeof heatKernelSignature>>().toEqualTypeOf<DescriptorMatrix>();
  expectTypeOf<ScalarMap>().toEqualTypeOf<NonNullable<ReturnType<NonNullable<Surface['scalars']>['get']>>>();
  expectTypeOf<GlobalDescriptor>().toExtend<Parameters<typeof spectrumDistances>[0][number]>();
  expectTypeOf<ReturnType<typeof spectrumDistances>>().toEqualTypeOf<DistanceMatrix>();
});

test('regions, networks, backends', () => {
  expectTypeOf<RegionMatrix['labels']>().toEqualTypeOf<LabelArray>();
  expectTypeOf<RegionMatrix['values']>().toEqualTypeOf<ConnectomeMatrix>();
  expectTypeOf<NetworkSummary['blockMeans']>().toEqualTypeOf<NetworkMatrix>();
  expectTypeOf<NonNullable<Parameters<typeof getBackend>[0]>>().toEqualTypeOf<BackendName>();
});
