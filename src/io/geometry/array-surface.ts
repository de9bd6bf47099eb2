import { readPrefix } from '../gzip.js';
import { Hdf5File } from '../hdf5.js';
import type { NumericArray } from '../layout.js';
import { readNpy } from '../npy.js';
import { readNpz } from '../npz.js';
import { malformed } from './byte-reader.js';
import { checkedSurface, type Surface } from './surface.js';

/**
 * A surface from the arrays `vertices` (n, 3) and `faces` (m, 3) of a NumPy `.npz` file; points without triangles where
 * there are none (then `points` is as good a name), and where it is a single array (n, 3) of a `.npy` file. Beside `vertices`
 * no other array (m, 3) may stand then: it could be triangles under another name.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED or FILE_CORRUPT
 */
export async function readNumpySurface(path: string): Promise<Surface> {
  const isArray = readPrefix(path, 6).toString('latin1') === '\u0093NUMPY';
  if (isArray || /\.npy(\.gz)?$/i.test(path)) {
    const { data, shape } = await readNpy(path);
    if (shape.length !== 2 || shape[1] !== 3) {
      throw malformed(
        path,
        `it is one array of shape (${shape.join(', ')})`,
        'give points of shape (n, 3), or vertices and faces together as .npz',
      );
    }
    return { vertices: Float64Array.from(data), faces: new Int32Array() };
  }
  const arrays = await readNpz(path);
  return fromArrays(
    path,
    [...arrays.keys()],
    (name) => arrays.get(name),
    (name) => arrays.get(name)!.shape,
  );
}

/**
 * A surface from the datasets `vertices` (n, 3) and `faces` (m, 3) of an HDF5 file; points without triangles where there are
 * none (then `points` is as good a name). Beside `vertices` no other dataset (m, 3) may stand then: it could be triangles under
 * another name.
 *
 * @throws ProcessingError FILE_MISSING or FILE_FORMAT
 */
export async function readHdf5Surface(path: string): Promise<Surface> {
  const file = await Hdf5File.open(path);
  try {
    const names = file.keys();
    return fromArrays(
      path,
      names,
      (name) => (names.includes(name) ? file.read(name) : undefined),
      (name) => file.shape(name),
    );
  } finally {
    file.close();
  }
}

/** Shape (m, 3). */
function isTriples(shape: readonly number[]): boolean {
  return shape.length === 2 && shape[1] === 3;
}

/** Other names of faces. */
const FACES = /^(tris?|triangles?|polys?|polygons?|cells?|simplices)$/i;

interface Table {
  readonly shape: readonly number[];
  readonly data: NumericArray;
}

function fromArrays(
  path: string,
  names: readonly string[],
  get: (name: string) => Table | undefined,
  shapeOf: (name: string) => readonly number[],
): Surface {
  const rows = (name: string): NumericArray => {
    const array = get(name);
    if (array?.shape.length !== 2 || array.shape[1] !== 3) {
      const what =
        array === undefined ? `has no array ${name}` : `has ${name} of shape (${array.shape.join(', ')})`;
      throw malformed(
        path,
        `it ${what}; its arrays are ${names.join(', ') || 'none'}`,
        'store vertices of shape (n, 3) and faces of shape (m, 3)',
      );
    }
    return array.data;
  };
  const cloud = names.includes('faces')
    ? undefined
    : ['vertices', 'points'].find((name) => names.includes(name));
  const mayBeFaces = (name: string): boolean =>
    name !== cloud && (cloud === 'vertices' || FACES.test(name)) && isTriples(shapeOf(name));
  if (cloud !== undefined && !names.some(mayBeFaces)) {
    return { vertices: Float64Array.from(rows(cloud)), faces: new Int32Array() };
  }
  const [vertices, faces] = [rows('vertices'), rows('faces')];
  const broken = faces.findIndex((value) => !Number.isInteger(value));
  if (broken >= 0) {
    throw malformed(path, `its faces hold ${faces[broken]}, which is no index`, 'store faces as integers');
  }
  return checkedSurface({ vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) }, path);
}
