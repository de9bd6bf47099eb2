/** Meshes and eigenpairs as they travel between nodes. */
import type { InputFile } from '../../engine/port.js';
import { readNpy, readTsv } from '../../io/index.js';
import { onOriginalVertices } from '../../numerics/mesh/repair.js';

export interface MeshFiles {
  readonly vertices: InputFile;
  readonly faces: InputFile;
}

export async function readMesh({
  vertices,
  faces,
}: MeshFiles): Promise<{ vertices: Float64Array; faces: Int32Array }> {
  const [points, triangles] = [await readNpy(vertices.path), await readNpy(faces.path)];
  return { vertices: Float64Array.from(points.data), faces: Int32Array.from(triangles.data) };
}

/** Place of each vertex of the file in the mended mesh; null: the same. */
export async function readVertexMap(file: InputFile | null): Promise<Int32Array | null> {
  return file === null ? null : Int32Array.from((await readNpy(file.path)).data);
}

/** Values at the vertices of the mended mesh as values at those of the file. */
export function asInFile(values: Float64Array, columns: number, map: Int32Array | null): Float64Array {
  return map === null ? values : onOriginalVertices(values, columns, map);
}

/** Values at the vertices of the file as values at those of the mended mesh. */
export function asMended(
  values: Float64Array,
  columns: number,
  map: Int32Array | null,
  vertexCount: number,
): Float64Array {
  if (map === null) return values;
  const out = new Float64Array(vertexCount * columns).fill(NaN);
  map.forEach((vertex, i) => {
    if (vertex >= 0) out.set(values.subarray(i * columns, (i + 1) * columns), vertex * columns);
  });
  return out;
}

/** Eigenvalues of a table, ascending, unit^-2. */
export async function readEigenvalues(file: InputFile): Promise<Float64Array> {
  const { columns, rows } = await readTsv(file.path);
  const column = columns.indexOf('eigenvalue');
  return Float64Array.from(rows, (row) => Number(row[column]));
}
