/** Surfaces at area 1 as functional maps take them, from the files of their nodes. */
import type { InputFile } from '../../engine/port.js';
import { readNpy } from '../../io/index.js';
import { areaNormalised } from '../../numerics/descriptors/signatures.js';
import { meshGeometry, mixedVoronoiAreas } from '../../numerics/mesh/geometry.js';
import type { AlignmentShape } from '../../numerics/spectral/align-spectrum.js';
import type { MassKind } from '../../numerics/spectral/settings.js';
import { asMended, readEigenvalues, readMesh, readVertexMap } from './mesh-files.js';

export interface ShapeFiles {
  readonly vertices: InputFile;
  readonly faces: InputFile;
  readonly vertex_map: InputFile | null;
  readonly eigenvalues: InputFile;
  readonly eigenvectors: InputFile;
}

export interface SolvedShape {
  /** At area 1; vertices in the unit of the coordinates. */
  readonly shape: AlignmentShape & { readonly vertices: Float64Array };
  readonly faces: Int32Array;
  /** Unit of the coordinates squared. */
  readonly area: number;
  /** (n), barycentric, unit of the coordinates squared. */
  readonly areas: Float64Array;
  /** Of the file, vertices x k. */
  readonly vertexMap: Int32Array | null;
}

/** Reads a surface with its eigenpairs. Lumped masses weigh vertices, also where the eigenvectors have consistent ones. */
export async function readSolved(files: ShapeFiles, mass: MassKind): Promise<SolvedShape> {
  const { vertices, faces } = await readMesh(files);
  const vertexMap = await readVertexMap(files.vertex_map);
  const eigenvalues = await readEigenvalues(files.eigenvalues);
  const vectors = (await readNpy(files.eigenvectors.path)).data as Float64Array;
  const { area, barycentricAreas: areas } = meshGeometry(vertices, faces);
  const own = mass === 'voronoi' ? mixedVoronoiAreas(vertices, faces) : areas;
  const eigenvectors = asMended(vectors, eigenvalues.length, vertexMap, vertices.length / 3);
  const { eigenvalues: scaled, eigenvectors: scaledVectors } = areaNormalised(
    { eigenvalues, eigenvectors },
    area,
  );
  return {
    shape: {
      eigenvalues: Float64Array.from(scaled),
      eigenvectors: scaledVectors as Float64Array,
      masses: own.map((value) => value / area),
      vertices,
    },
    faces,
    area,
    areas,
    vertexMap,
  };
}
