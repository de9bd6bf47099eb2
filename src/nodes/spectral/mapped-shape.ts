/** Surfaces at area 1 as functional maps take them, from the files of their nodes. */
import { readFile } from 'node:fs/promises';

import type { InputFile } from '../../engine/port.js';
import { readNpy } from '../../io/index.js';
import {
  areaNormalised,
  commonModes,
  leadingModes,
  type CountedEigenvalues,
} from '../../numerics/descriptors/signatures.js';
import { meshGeometry, mixedVoronoiAreas } from '../../numerics/mesh/geometry.js';
import type { AlignmentShape } from '../../numerics/spectral/align-spectrum.js';
import type { MassKind } from '../../numerics/spectral/settings.js';
import { EigenReport } from './eigen-report.js';
import { asMended, readEigenvalues, readMesh, readVertexMap } from './mesh-files.js';

export interface ShapeFiles {
  readonly vertices: InputFile;
  readonly faces: InputFile;
  readonly vertex_map: InputFile | null;
  readonly eigenvalues: InputFile;
  readonly eigenvectors: InputFile;
  /** An `EigenReport`. */
  readonly eigen: InputFile;
}

export interface SolvedShape {
  /** At area 1; vertices in the unit of the coordinates. */
  readonly shape: AlignmentShape & { readonly vertices: Float64Array };
  /** As the solver counted the eigenvalues. */
  readonly certificate: EigenReport['certificate'];
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
  const { certificate } = EigenReport.parse(JSON.parse(await readFile(files.eigen.path, 'utf8')));
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
    certificate,
    faces,
    area,
    areas,
    vertexMap,
  };
}

/** Eigenvalues of a shape with their count. */
export function countedEigenvalues({ shape, certificate }: SolvedShape): CountedEigenvalues {
  return { eigenvalues: shape.eigenvalues, certificate };
}

/** Two shapes with the modes that both have in whole groups of equal eigenvalues. */
export function withCommonModes(one: SolvedShape, other: SolvedShape): readonly [SolvedShape, SolvedShape] {
  const count = commonModes(countedEigenvalues(one), countedEigenvalues(other));
  const cut = (solved: SolvedShape): SolvedShape => {
    if (count === solved.shape.eigenvalues.length) return solved;
    const { eigenvalues, eigenvectors } = leadingModes(solved.shape, count);
    return {
      ...solved,
      shape: { ...solved.shape, eigenvalues: Float64Array.from(eigenvalues), eigenvectors },
      certificate: { shift: null, count },
    };
  };
  return [cut(one), cut(other)];
}
