import { parseGifti } from '../gifti.js';
import { readPrefix, readWhole } from '../gzip.js';
import { readHdf5Surface, readNumpySurface } from './array-surface.js';
import { malformed } from './byte-reader.js';
import { parseFreesurferSurface } from './freesurfer-surface.js';
import { detectGeometryFormat, GeometryFormat, geometryFormatName } from './geometry-format.js';
import { parseObj } from './obj.js';
import { parsePly } from './ply.js';
import { parseStl } from './stl.js';
import { checkedSurface, type Surface } from './surface.js';
import { parseVtk } from './vtk.js';
import { isVtkXml, parseVtp } from './vtp.js';

type Parse = (bytes: Uint8Array, path: string) => Surface;

const PARSERS: ReadonlyMap<GeometryFormat, Parse> = new Map<GeometryFormat, Parse>([
  [GeometryFormat.FREESURFER_SURFACE, parseFreesurferSurface],
  [GeometryFormat.GIFTI_SURFACE, parseGiftiSurface],
  [GeometryFormat.PLY, parsePly],
  [GeometryFormat.OBJ, parseObj],
  [GeometryFormat.STL, parseStl],
  [GeometryFormat.VTK, (bytes, path) => (isVtkXml(bytes) ? parseVtp(bytes, path) : parseVtk(bytes, path))],
]);

/**
 * Reads a triangle surface of any format that holds one; the format is found by content. A file with points and no triangles
 * (PLY, OBJ, VTK, NumPy, HDF5) gives empty `faces`: a point cloud.
 *
 * @returns coordinates in the file's unit and frame; FreeSurfer surfaces stay in tkregister RAS, with `cRas` beside
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED or FILE_CORRUPT, naming the file
 */
export async function readSurface(path: string): Promise<Surface> {
  const surface = await readAny(path);
  if (surface.vertices.length > 0) return surface;
  throw malformed(path, 'it has no vertices', 'create or copy the file again');
}

async function readAny(path: string): Promise<Surface> {
  const format = await detectGeometryFormat(path);
  if (format === GeometryFormat.HDF5) return readHdf5Surface(path);
  if (format === GeometryFormat.NUMPY) return readNumpySurface(path);
  const parse = PARSERS.get(format);
  if (parse !== undefined) {
    const bytes = await readWhole(path);
    if (bytes.length === 0) throw malformed(path, 'it is empty', 'create or copy the file again');
    return parse(bytes, path);
  }
  if (format === GeometryFormat.NIFTI_VOLUME && isCifti(path)) {
    throw malformed(
      path,
      'it is a CIFTI file, which holds values and the names of structures but no surface',
      'give the surface that belongs to it (.surf.gii); CIFTI values are not read',
    );
  }
  if (format === GeometryFormat.NIFTI_VOLUME || format === GeometryFormat.MGZ_VOLUME) {
    throw malformed(
      path,
      `it is ${geometryFormatName(format)}, which holds no surface`,
      'draw the surface of a label of it: labelSurface, or spectral_descriptors.segmentation in the workflow',
    );
  }
  throw malformed(
    path,
    `it is ${geometryFormatName(format)}, which holds no surface`,
    'give a triangle surface: FreeSurfer, GIfTI, PLY, OBJ, STL, VTK, HDF5 or .npz',
  );
}

/** CIFTI-2 is a NIfTI-2 file whose intent is one of connectivity: 3000 to 3099. */
function isCifti(path: string): boolean {
  const prefix = readPrefix(path, 540);
  if (prefix.length < 540) return false;
  const isLittle = prefix.readInt32LE(0) === 540;
  if (!isLittle && prefix.readInt32BE(0) !== 540) return false;
  const intent = isLittle ? prefix.readInt32LE(504) : prefix.readInt32BE(504);
  return intent >= 3000 && intent < 3100;
}

/** Points and triangles are found by intent, wherever they stand in the file. The transform is left to the caller. */
function parseGiftiSurface(bytes: Uint8Array, path: string): Surface {
  const { arrays } = parseGifti(Buffer.from(bytes).toString('utf8'), path);
  const [points, triangles] = ['POINTSET', 'TRIANGLE'].map((intent) => {
    const array = arrays.find((candidate) => candidate.intent === intent);
    if (array?.shape.length !== 2 || array.shape[1] !== 3) {
      throw malformed(
        path,
        array === undefined
          ? `it has no array of intent ${intent}`
          : `its ${intent} has shape (${array.shape.join(', ')})`,
        'give a surface file (.surf.gii) with a POINTSET (n, 3) and a TRIANGLE array (m, 3)',
      );
    }
    return array.data;
  });
  return checkedSurface(
    { vertices: Float64Array.from(points ?? []), faces: Int32Array.from(triangles ?? []) },
    path,
  );
}
