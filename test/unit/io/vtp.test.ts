import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { detectGeometryFormat, GeometryFormat, parseVtp, readSurface } from '../../../src/io/index.js';
import { temporaryDirectory } from '../../support/temporary.js';

const folder = temporaryDirectory();
const POINTS = [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0.5, 2, 2, 2];
const CURV = [0.5, -1, 2, 4, NaN];

type Encoding = 'ascii' | 'binary' | 'compressed' | 'appended raw' | 'appended base64';

/** A square as one quadrilateral, and a strip of two triangles, in the given encoding and byte order. */
function document(encoding: Encoding, isLittle = true, header: 'UInt32' | 'UInt64' = 'UInt32'): Buffer {
  let appended = Buffer.alloc(0);
  const words = (values: readonly number[]): Buffer => {
    const bytes = header === 'UInt64' ? 8 : 4;
    const out = Buffer.alloc(bytes * values.length);
    values.forEach((value, i) => {
      if (bytes === 4 && isLittle) out.writeUInt32LE(value, 4 * i);
      else if (bytes === 4) out.writeUInt32BE(value, 4 * i);
      else if (isLittle) out.writeBigUInt64LE(BigInt(value), 8 * i);
      else out.writeBigUInt64BE(BigInt(value), 8 * i);
    });
    return out;
  };
  const array = (
    type: 'Float32' | 'Int64',
    name: string,
    values: readonly number[],
    components = 1,
  ): string => {
    const start = `<DataArray type="${type}" Name="${name}" NumberOfComponents="${components}"`;
    if (encoding === 'ascii') return `${start} format="ascii">\n${values.join(' ')}\n</DataArray>`;
    const bytes = type === 'Int64' ? 8 : 4;
    const content = Buffer.alloc(bytes * values.length);
    values.forEach((value, i) => {
      if (type === 'Float32' && isLittle) content.writeFloatLE(value, 4 * i);
      else if (type === 'Float32') content.writeFloatBE(value, 4 * i);
      else if (isLittle) content.writeBigInt64LE(BigInt(value), 8 * i);
      else content.writeBigInt64BE(BigInt(value), 8 * i);
    });
    if (encoding === 'compressed') {
      const parts = [content.subarray(0, 16), content.subarray(16)].filter((part) => part.length > 0);
      const blocks = parts.map((part) => deflateSync(part));
      const head = words([blocks.length, 16, content.length % 16, ...blocks.map((block) => block.length)]);
      return `${start} format="binary">${head.toString('base64')}${Buffer.concat(blocks).toString('base64')}</DataArray>`;
    }
    const whole = Buffer.concat([words([content.length]), content]);
    if (encoding === 'binary')
      return `${start} format="binary">\n  ${whole.toString('base64')}\n</DataArray>`;
    const offset = appended.length;
    appended = Buffer.concat([
      appended,
      encoding === 'appended raw' ? whole : Buffer.from(whole.toString('base64')),
    ]);
    return `${start} format="appended" offset="${offset}"/>`;
  };
  const compressor = encoding === 'compressed' ? ' compressor="vtkZLibDataCompressor"' : '';
  const order = isLittle ? 'LittleEndian' : 'BigEndian';
  const body = [
    `<?xml version="1.0"?>\n<VTKFile type="PolyData" version="1.0" byte_order="${order}" header_type="${header}"${compressor}>`,
    '<PolyData><Piece NumberOfPoints="5" NumberOfPolys="1" NumberOfStrips="1">',
    `<PointData>${array('Float32', 'curv', CURV)}</PointData>`,
    `<Points>${array('Float32', 'Points', POINTS, 3)}</Points>`,
    `<Polys>${array('Int64', 'connectivity', [0, 1, 2, 3])}${array('Int64', 'offsets', [4])}</Polys>`,
    `<Strips>${array('Int64', 'connectivity', [1, 2, 4, 3])}${array('Int64', 'offsets', [4])}</Strips>`,
    '</Piece></PolyData>',
  ].join('\n');
  const kind = encoding === 'appended raw' ? 'raw' : 'base64';
  const tail = encoding.startsWith('appended')
    ? [Buffer.from(`<AppendedData encoding="${kind}">_`), appended, Buffer.from('</AppendedData>')]
    : [];
  return Buffer.concat([Buffer.from(body), ...tail, Buffer.from('</VTKFile>\n')]);
}

describe('VTK XML surfaces', () => {
  test.each([
    ['ascii', true, 'UInt32'],
    ['binary', true, 'UInt32'],
    ['binary', false, 'UInt64'],
    ['compressed', true, 'UInt32'],
    ['compressed', false, 'UInt64'],
    ['appended raw', true, 'UInt64'],
    ['appended base64', false, 'UInt32'],
  ] as const)('%s, little-endian %s, header of %s', async (encoding, isLittle, header) => {
    const path = join(folder, `${encoding}.vtp`);
    writeFileSync(path, document(encoding, isLittle, header));
    expect(await detectGeometryFormat(path)).toBe(GeometryFormat.VTK);
    const { vertices, faces, scalars } = await readSurface(path);
    expect([...vertices]).toEqual(POINTS);
    expect([...faces]).toEqual([0, 1, 2, 0, 2, 3, 1, 2, 4, 4, 2, 3]);
    expect([...scalars!.get('curv')!]).toEqual(CURV);
  });

  test('two pieces are one surface', () => {
    const one = document('ascii').toString();
    const piece = one.slice(one.indexOf('<Piece'), one.indexOf('</PolyData>'));
    const { vertices, faces } = parseVtp(Buffer.from(one.replace(piece, piece + piece)), 'two.vtp');
    expect(vertices).toHaveLength(30);
    expect(faces[12]).toBe(5);
  });

  test('what is broken is said', () => {
    const text = document('binary').toString('latin1');
    const fails = (from: string | RegExp, to: string): (() => unknown) => {
      return () => parseVtp(Buffer.from(text.replace(from, to), 'latin1'), 'a.vtp');
    };
    expect(fails('type="PolyData"', 'type="ImageData"')).toThrow('its type is ImageData, not PolyData');
    expect(fails('NumberOfPoints="5"', 'NumberOfPoints="6"')).toThrow(
      'a piece has 15 coordinates for 6 points',
    );
    expect(fails('byte_order', 'compressor="vtkLZ4DataCompressor" byte_order')).toThrow(
      'compressed by vtkLZ4DataCompressor',
    );
    expect(fails('type="Float32"', 'type="String"')).toThrow('its array curv is of type String');
    expect(fails(/(Name="Points"[^>]*>\s*.{20})[^<]*/, '$1')).toThrow('a.vtp ends within its array Points');
    expect(fails('</Polys>', '')).toThrow();
    const damaged = document('compressed').toString('latin1').replace(/eJ/, 'AA');
    expect(() => parseVtp(Buffer.from(damaged, 'latin1'), 'a.vtp')).toThrow('is damaged');
    const words = document('ascii').toString().replace('0.5 -1', '0.5 one');
    expect(() => parseVtp(Buffer.from(words), 'a.vtp')).toThrow(
      'its array curv has "one" where a number is needed',
    );
  });
});

test('a CIFTI file is refused by name', async () => {
  const header = Buffer.alloc(600);
  header.writeInt32LE(540, 0);
  header.write('n+2\0\r\n\x1a\n', 4, 'latin1');
  header.writeInt32LE(3006, 504);
  const path = join(folder, 'thickness.dscalar.nii');
  writeFileSync(path, header);
  await expect(readSurface(path)).rejects.toThrow(
    `${path} cannot be read: it is a CIFTI file, which holds values and the names of structures but no surface`,
  );
  header.writeInt32LE(0, 504);
  writeFileSync(path, header);
  await expect(readSurface(path)).rejects.toThrow('it is NIFTI_VOLUME, which holds no surface');
});
