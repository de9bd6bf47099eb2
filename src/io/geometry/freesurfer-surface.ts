import { writeAtomic } from '../atomic-write.js';
import { ByteReader, malformed } from './byte-reader.js';
import { checkedSurface, type Surface } from './surface.js';

const TRIANGLES = 0xfffffe;
/** Quadrangles with int16 coordinates in 1/100 mm. */
export const OLD_QUADRANGLES = 0xffffff;
const NEW_QUADRANGLES = 0xfffffd;

/**
 * The bytes of a FreeSurfer surface (`lh.pial`, `rh.white`, ...): triangles, and both old quadrangle forms, whose
 * quadrangles are split in two. Coordinates are tkregister RAS, mm; `cRas` comes from the footer where there is one.
 *
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parseFreesurferSurface(bytes: Uint8Array, path: string): Surface {
  const reader = new ByteReader(bytes, path);
  const magic = reader.uint24('its magic number');
  if (magic === OLD_QUADRANGLES || magic === NEW_QUADRANGLES) return quadrangles(reader, magic, path);
  if (magic !== TRIANGLES) {
    throw malformed(path, 'it has no magic number of a FreeSurfer surface', 'give a surface such as lh.pial');
  }
  // The comment ends with two line feeds; some writers leave the second one out.
  reader.line('its comment');
  if (reader.remaining > 0 && bytes[reader.position] === 0x0a) reader.position++;
  const vertexCount = reader.count('vertices', 12);
  const faceCount = reader.count('triangles', 12);
  const vertices = reader.float32s(3 * vertexCount, 'its vertices');
  const faces = reader.int32s(3 * faceCount, 'its triangles');
  const cRas = footer(reader);
  return checkedSurface({ vertices, faces, ...(cRas === undefined ? {} : { cRas }) }, path);
}

function quadrangles(reader: ByteReader, magic: number, path: string): Surface {
  const vertexCount = reader.uint24('the number of vertices');
  const quadCount = reader.uint24('the number of quadrangles');
  const vertices =
    magic === OLD_QUADRANGLES
      ? Float64Array.from(reader.int16s(3 * vertexCount, 'its vertices'), (value) => value / 100)
      : reader.float32s(3 * vertexCount, 'its vertices');
  reader.need(quadCount * 12, 'its quadrangles');
  const faces = new Int32Array(6 * quadCount);
  for (let i = 0; i < quadCount; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map(() => reader.uint24('its quadrangles'));
    // The diagonal alternates with the first index (nibabel does the same), so that there is no preferred direction.
    const corners = (a ?? 0) % 2 === 0 ? [a, b, d, c, d, b] : [a, b, c, a, c, d];
    faces.set(corners as number[], 6 * i);
  }
  return checkedSurface({ vertices, faces }, path);
}

const VOLUME_GEOMETRY = 20;
const OLD_SURF_GEOMETRY = 2;

/** The centre of the volume, from the tagged footer; undefined where there is none or it is marked as not valid. */
function footer(reader: ByteReader): [number, number, number] | undefined {
  if (reader.remaining < 4) return undefined;
  let tag = reader.int32('its footer');
  // Files with this head hold two more words before the geometry.
  if (tag === OLD_SURF_GEOMETRY && reader.remaining >= 8) {
    reader.position += 4;
    tag = reader.int32('its footer');
  }
  if (tag !== VOLUME_GEOMETRY && tag !== 0) return undefined;
  const text = reader.rest();
  if (!/valid\s*=\s*1/.test(text)) return undefined;
  const match = /cras\s*=\s*(\S+)\s+(\S+)\s+(\S+)/.exec(text);
  const [x, y, z] = (match ?? []).slice(1).map(Number);
  if (x === undefined || y === undefined || z === undefined) return undefined;
  return [x, y, z].every(Number.isFinite) ? [x, y, z] : undefined;
}

/**
 * Writes a FreeSurfer triangle surface: float32 coordinates, big-endian, atomically. `cRas`, where given, goes into a
 * footer together with a volume of 256 voxels of 1 mm, FreeSurfer's own conformed space.
 *
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeFreesurferSurface(path: string, surface: Surface): Promise<void> {
  await writeAtomic(path, encodeFreesurferSurface(surface));
}

/** The bytes of `writeFreesurferSurface`. */
export function encodeFreesurferSurface({ vertices, faces, cRas }: Surface): Uint8Array {
  const head = Buffer.concat([Buffer.from([0xff, 0xff, 0xfe]), Buffer.from('created by neuroloom\n\n')]);
  const body = Buffer.alloc(8 + 4 * (vertices.length + faces.length));
  body.writeInt32BE(vertices.length / 3, 0);
  body.writeInt32BE(faces.length / 3, 4);
  vertices.forEach((value, i) => body.writeFloatBE(value, 8 + 4 * i));
  const start = 8 + 4 * vertices.length;
  faces.forEach((value, i) => body.writeInt32BE(value, start + 4 * i));
  if (cRas === undefined) return Buffer.concat([head, body]);
  const tags = Buffer.alloc(12);
  [2, 0, VOLUME_GEOMETRY].forEach((tag, i) => tags.writeInt32BE(tag, 4 * i));
  const lines = [
    'valid = 1  # volume info valid',
    'filename = conformed',
    'volume = 256 256 256',
    'voxelsize = 1 1 1',
    'xras   = -1 0 0',
    'yras   = 0 0 -1',
    'zras   = 0 1 0',
    `cras   = ${cRas.join(' ')}`,
  ];
  return Buffer.concat([head, body, tags, Buffer.from(`${lines.join('\n')}\n`)]);
}
