import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import {
  detectGeometryFormat,
  encodeFreesurferSurface,
  encodeNifti,
  encodeNpy,
  GeometryFormat,
  Hdf5File,
  parseAnnotation,
  parseFreesurferMorph,
  parseFreesurferSurface,
  parseMgh,
  parseNpz,
  parseObj,
  parsePly,
  parseStl,
  parseVertexLabel,
  parseVtk,
  readLabelVolume,
  readSurface,
  writeAnnotation,
  writeFreesurferMorph,
  writeFreesurferSurface,
  writeGifti,
  writeVertexLabel,
  type Surface,
} from '../../../src/io/index.js';
import { temporaryDirectory } from '../../support/temporary.js';

const folder = temporaryDirectory();

const tetrahedron: Surface = {
  vertices: Float64Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1.5),
  faces: Int32Array.of(0, 2, 1, 0, 1, 3, 1, 2, 3, 2, 0, 3),
};
const square = '0 0 0 1 0 0 1 1 0 0 1 0';
const TWO_TRIANGLES = [0, 1, 2, 0, 2, 3];
const text = (content: string): Uint8Array => Buffer.from(content, 'latin1');

/** Big-endian words: numbers as int32, [bytes, value] with 2 or 3 bytes, strings as they are, {f} as float32. */
function words(...parts: (number | readonly [2 | 3, number] | string | { readonly f: number })[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1');
      const bytes = Buffer.alloc(Array.isArray(part) ? (part as [number, number])[0] : 4);
      if (typeof part === 'number') bytes.writeInt32BE(part);
      else if ('f' in part) bytes.writeFloatBE(part.f);
      else if (part[0] === 2) bytes.writeInt16BE(part[1]);
      else bytes.writeUIntBE(part[1], 0, 3);
      return bytes;
    }),
  );
}

describe('FreeSurfer', () => {
  test('a surface survives writing and reading, with and without its footer', async () => {
    const path = join(folder, 'lh.white');
    for (const surface of [tetrahedron, { ...tetrahedron, cRas: [1.5, -2, 30] as const }]) {
      await writeFreesurferSurface(path, surface);
      expect(await readSurface(path)).toEqual(surface);
    }
  });

  test('a footer that is marked as not valid gives no centre', () => {
    const bytes = Buffer.from(encodeFreesurferSurface({ ...tetrahedron, cRas: [1, 2, 3] }));
    const marked = Buffer.from(bytes.toString('latin1').replace('valid = 1', 'valid = 0'), 'latin1');
    expect(parseFreesurferSurface(marked, 'x').cRas).toBeUndefined();
  });

  test('old quadrangle surfaces are split in two triangles, whose diagonal depends on the first vertex', () => {
    const points = [0, 0, 0, 100, 0, 0, 100, 100, 0, 0, 100, 0];
    const quads = [0, 1, 2, 3, 1, 2, 3, 0].map((vertex) => [3, vertex] as const);
    const old = words([3, 0xffffff], [3, 4], [3, 2], ...points.map((value) => [2, value] as const), ...quads);
    const newer = words(
      [3, 0xfffffd],
      [3, 4],
      [3, 2],
      ...points.map((value) => ({ f: value / 100 })),
      ...quads,
    );
    for (const bytes of [old, newer]) {
      const { vertices, faces } = parseFreesurferSurface(bytes, 'lh.orig');
      expect([...vertices]).toEqual(points.map((value) => value / 100));
      expect([...faces]).toEqual([0, 1, 3, 2, 3, 1, 1, 2, 3, 1, 3, 0]);
    }
  });

  test('values per vertex, new and old form; FF FF FF of values is told from that of quadrangles by length', async () => {
    const path = join(folder, 'lh.area.pial');
    await writeFreesurferMorph(path, [0.5, -1.25, 3], 4);
    expect([...parseFreesurferMorph(readFileSync(path), path)]).toEqual([0.5, -1.25, 3]);
    expect(await detectGeometryFormat(path)).toBe(GeometryFormat.FREESURFER_MORPH);
    const old = words([3, 2], [3, 1], [2, 150], [2, -25]);
    expect([...parseFreesurferMorph(old, 'lh.curv')]).toEqual([1.5, -0.25]);
    const quads = words([3, 0xffffff], [3, 1], [3, 0], [2, 0], [2, 0], [2, 0]);
    writeFileSync(path, quads);
    expect(await detectGeometryFormat(path)).toBe(GeometryFormat.FREESURFER_SURFACE);
  });

  test('an annotation survives; a vertex of an unknown colour has no region', async () => {
    const path = join(folder, 'lh.test.annot');
    const annotation = {
      regions: Int32Array.of(0, 1, 1, -1),
      entries: [
        { name: 'a', rgbt: [1, 2, 3, 0] },
        { name: 'b', rgbt: [4, 5, 6, 0] },
      ],
    } as const;
    await writeAnnotation(path, annotation);
    expect(parseAnnotation(readFileSync(path), path)).toEqual(annotation);
    expect(await detectGeometryFormat(path)).toBe(GeometryFormat.FREESURFER_ANNOT);
    const same = { ...annotation, entries: [annotation.entries[0], annotation.entries[0]] };
    await expect(writeAnnotation(path, same)).rejects.toThrow(/regions a and a have the same colour/);
  });

  test('the old colour table, without positions', () => {
    const bytes = words(2, 0, 197121, 1, 0, 1, 1, 3, 'ct\0', 2, 'a\0', 1, 2, 3, 0);
    expect(parseAnnotation(bytes, 'x')).toEqual({
      regions: Int32Array.of(0, -1),
      entries: [{ name: 'a', rgbt: [1, 2, 3, 0] }],
    });
  });

  test('an annotation without names is refused', () => {
    expect(() => parseAnnotation(words(1, 0, 5), 'lh.x.annot')).toThrow(
      'lh.x.annot cannot be read: it has no colour table, so its regions have no names',
    );
  });

  test('a label survives; a line that is no row names itself', async () => {
    const path = join(folder, 'lh.roi.label');
    const label = {
      indices: Int32Array.of(3, -1),
      coordinates: Float64Array.of(1, 2, 3, -4.5, 5, 6),
      values: Float64Array.of(0.25, 1),
    };
    await writeVertexLabel(path, label);
    expect(parseVertexLabel(readFileSync(path), path)).toEqual(label);
    expect(await detectGeometryFormat(path)).toBe(GeometryFormat.FREESURFER_LABEL);
    expect(() => parseVertexLabel(text('#\n2\n1 0 0 0 0\n1 0 0\n'), 'l')).toThrow(
      'l cannot be read: line 4 is not "vertex x y z value": "1 0 0"',
    );
    expect(() => parseVertexLabel(text('#\n3\n1 0 0 0 0\n'), 'l')).toThrow('l ends within its 3 vertices');
  });

  test('an MGH volume of two frames; without valid directions it lies around the origin', () => {
    const header = (goodRas: number): Buffer =>
      words(
        1,
        1,
        1,
        2,
        2,
        4,
        0,
        [2, goodRas],
        ...[2, 2, 2].map((f) => ({ f })),
        Buffer.alloc(48).toString('latin1'),
      );
    const bytes = Buffer.concat([header(0), Buffer.alloc(284 - 90), words([2, 1], [2, -2], [2, 3], [2, 4])]);
    const volume = parseMgh(bytes, 'x.mgz');
    expect([volume.shape, [...volume.data], volume.voxelSizeMm]).toEqual([
      [1, 1, 2, 2],
      [1, -2, 3, 4],
      [1, 1, 1],
    ]);
    expect(volume.affine.map((value) => value + 0)).toEqual([
      -1, 0, 0, 0.5, 0, 0, 1, -1, 0, -1, 0, 0.5, 0, 0, 0, 1,
    ]);
    expect(() => parseMgh(bytes.subarray(0, 286), 'x.mgz')).toThrow(
      'x.mgz ends within its voxels (1x1x2x2 of 2 bytes)',
    );
  });
});

describe('PLY', () => {
  const head = (format: string): string =>
    `ply\nformat ${format} 1.0\ncomment made by hand\nelement vertex 4\nproperty float x\nproperty float y\n` +
    'property uchar quality\nproperty float z\nelement face 1\nproperty uchar flags\n' +
    'property list uchar int vertex_indices\nelement edge 1\nproperty int a\nend_header\n';

  test('extra elements and properties, a polygon, both byte orders and ASCII', () => {
    const points = square.split(' ').map(Number);
    const ascii = [0, 1, 2, 3].map((i) => `${points[3 * i]} ${points[3 * i + 1]} ${i} ${points[3 * i + 2]}`);
    const asciiBytes = text(`${head('ascii')}${ascii.join('\n')}\n7 4 0 1 2 3\n9\n`);
    const binary = (little: boolean): Buffer => {
      const body = Buffer.alloc(4 * 13 + 1 + 1 + 16 + 4);
      const float = (value: number, at: number): number =>
        little ? body.writeFloatLE(value, at) : body.writeFloatBE(value, at);
      const int = (value: number, at: number): number =>
        little ? body.writeInt32LE(value, at) : body.writeInt32BE(value, at);
      for (let i = 0; i < 4; i++) {
        float(points[3 * i] ?? 0, 13 * i);
        float(points[3 * i + 1] ?? 0, 13 * i + 4);
        body[13 * i + 8] = i;
        float(points[3 * i + 2] ?? 0, 13 * i + 9);
        int(i, 52 + 2 + 4 * i);
      }
      body[53] = 4;
      return Buffer.concat([text(head(little ? 'binary_little_endian' : 'binary_big_endian')), body]);
    };
    for (const bytes of [asciiBytes, binary(true), binary(false)]) {
      const surface = parsePly(bytes, 'x.ply');
      expect([...surface.vertices]).toEqual(points);
      expect([...surface.faces]).toEqual(TWO_TRIANGLES);
      expect([...(surface.scalars?.get('quality') ?? [])]).toEqual([0, 1, 2, 3]);
    }
    expect(() => parsePly(binary(true).subarray(0, -8), 'x.ply')).toThrow(
      'x.ply ends within its element face',
    );
    expect(() => parsePly(text(`${head('ascii')}0 0 0`), 'x.ply')).toThrow('x.ply ends within its vertices');
  });

  test('a triangle of a vertex that is not there', () => {
    const bytes = text(
      'ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n' +
        'element face 1\nproperty list uchar int vertex_index\nend_header\n0 0 0\n3 0 0 1\n',
    );
    expect(() => parsePly(bytes, 'x.ply')).toThrow(
      'x.ply cannot be read: triangle 0 names vertex 1, but there are 1 vertices',
    );
  });
});

describe('OBJ and STL', () => {
  test('texture and normal indices, negative indices, a continued line, a polygon', () => {
    const lines = [
      '# c',
      'v 0 0 0',
      'v 1 0 0 # c',
      'vt 0 0',
      'vn 0 0 1',
      'v 1 1 0',
      'v 0 1 0',
      'f 1/1 2//1 \\',
      '3/1/1 -1',
    ];
    const surface = parseObj(text(lines.join('\r\n')), 'x.obj');
    expect([...surface.vertices]).toEqual(square.split(' ').map(Number));
    expect([...surface.faces]).toEqual(TWO_TRIANGLES);
    expect(() => parseObj(text('v 0 0 0\nf 1 1 0\n'), 'x.obj')).toThrow(
      'x.obj cannot be read: line 2 has "0" where a vertex index is needed',
    );
  });

  test('ASCII STL: equal corners merge, -0 is 0; a file without its end is cut', () => {
    const facet = (...corners: string[]): string =>
      `facet normal 0 0 1\nouter loop\n${corners.map((corner) => `vertex ${corner}\n`).join('')}endloop\nendfacet\n`;
    const whole = `solid x\n${facet('0 0 0', '1 0 0', '1 1 0')}${facet('-0 0 0', '1 1 0', '0 1 0')}endsolid x\n`;
    const surface = parseStl(text(whole), 'x.stl');
    expect([...surface.vertices]).toEqual(square.split(' ').map(Number));
    expect([...surface.faces]).toEqual(TWO_TRIANGLES);
    expect(() => parseStl(text(whole.slice(0, -12)), 'x.stl')).toThrow(
      'x.stl ends within its triangles (endsolid is missing)',
    );
  });

  test('a cut binary STL says how many triangles it wanted', () => {
    const bytes = Buffer.alloc(84 + 50);
    bytes.writeUInt32LE(2, 80);
    expect(() => parseStl(bytes, 'x.stl')).toThrow('x.stl ends within its 2 triangles');
  });
});

describe('legacy VTK', () => {
  const head = '# vtk DataFile Version 5.1\nmade by hand\n';

  test('ASCII: polygons, scalars and fields per point', () => {
    const bytes = text(
      `${head}ASCII\nDATASET POLYDATA\nPOINTS 4 double\n${square}\nMETADATA\nINFORMATION 0\n\nLINES 1 3\n2 0 1\n` +
        'POLYGONS 1 5\n4 0 1 2 3\nCELL_DATA 1\nSCALARS area float 1\nLOOKUP_TABLE default\n1\n' +
        'POINT_DATA 4\nSCALARS depth float\nLOOKUP_TABLE default\n1 2 nan 4\nNORMALS n float\n' +
        `${square}\nFIELD data 2\nmy%20sulc 1 4 float\n5 6 7 8\npair 2 4 int\n1 2 3 4 5 6 7 8\n`,
    );
    const surface = parseVtk(bytes, 'x.vtk');
    expect([...surface.faces]).toEqual(TWO_TRIANGLES);
    expect(surface.scalars).toEqual(
      new Map([
        ['depth', Float64Array.of(1, 2, NaN, 4)],
        ['my sulc', Float64Array.of(5, 6, 7, 8)],
      ]),
    );
  });

  test('binary with offsets of 64 bits; strips turn every other triangle', () => {
    const big = (values: number[]): Buffer => {
      const bytes = Buffer.alloc(8 * values.length);
      values.forEach((value, i) => bytes.writeBigInt64BE(BigInt(value), 8 * i));
      return bytes;
    };
    const points = words(...square.split(' ').map((value) => ({ f: Number(value) })));
    const bytes = Buffer.concat([
      text(`${head}BINARY\nDATASET POLYDATA\nPOINTS 4 float\n`),
      points,
      text('\nPOLYGONS 2 3\nOFFSETS vtktypeint64\n'),
      big([0, 3]),
      text('\nCONNECTIVITY vtktypeint64\n'),
      big([0, 1, 2]),
      text('\nTRIANGLE_STRIPS 2 4\nOFFSETS vtktypeint64\n'),
      big([0, 4]),
      text('\nCONNECTIVITY vtktypeint64\n'),
      big([0, 1, 3, 2]),
      text('\n'),
    ]);
    expect([...parseVtk(bytes, 'x.vtk').faces]).toEqual([0, 1, 2, 0, 1, 3, 3, 1, 2]);
    expect(() => parseVtk(bytes.subarray(0, 100), 'x.vtk')).toThrow('x.vtk ends within its points');
  });

  test('another data set, an unknown section and a word among numbers are named', () => {
    expect(() => parseVtk(text(`${head}ASCII\nDATASET UNSTRUCTURED_GRID\n`), 'x.vtk')).toThrow(
      'x.vtk cannot be read: its data set is UNSTRUCTURED_GRID',
    );
    expect(() =>
      parseVtk(text(`${head}ASCII\nDATASET POLYDATA\nPOINTS 1 float\n0 zero 0\n`), 'x.vtk'),
    ).toThrow('x.vtk cannot be read: its points have "zero" where a number is needed');
  });
});

describe('arrays', () => {
  /** A zip file of stored entries without checksums, as far as a reader looks. */
  function zip(entries: Readonly<Record<string, Uint8Array>>): Buffer {
    const locals: Buffer[] = [];
    const directory: Buffer[] = [];
    let offset = 0;
    for (const [name, content] of Object.entries(entries)) {
      const local = Buffer.alloc(30);
      local.writeUInt32LE(0x04034b50, 0);
      local.writeUInt16LE(name.length, 26);
      locals.push(local, text(name) as Buffer, Buffer.from(content));
      const entry = Buffer.alloc(46);
      entry.writeUInt32LE(0x02014b50, 0);
      entry.writeUInt32LE(content.length, 20);
      entry.writeUInt32LE(content.length, 24);
      entry.writeUInt16LE(name.length, 28);
      entry.writeUInt32LE(offset, 42);
      directory.push(entry, text(name) as Buffer);
      offset += 30 + name.length + content.length;
    }
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(Object.keys(entries).length, 10);
    end.writeUInt32LE(offset, 16);
    return Buffer.concat([...locals, ...directory, end]);
  }

  test('a surface of .npz: index types other than int32; what is missing is named with what is there', async () => {
    const path = join(folder, 'surface.npz');
    const vertices = encodeNpy({ shape: [4, 3], data: tetrahedron.vertices });
    const faces = encodeNpy({ shape: [4, 3], data: Uint16Array.from(tetrahedron.faces) });
    writeFileSync(path, zip({ 'vertices.npy': vertices, 'faces.npy': faces }));
    expect(await readSurface(path)).toEqual(tetrahedron);
    writeFileSync(path, zip({ 'nodes.npy': vertices }));
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it has no array vertices; its arrays are nodes`,
    );
    const tris = encodeNpy({ shape: [4, 3], data: tetrahedron.faces });
    writeFileSync(path, zip({ 'vertices.npy': vertices, 'tris.npy': tris }));
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it has no array faces; its arrays are vertices, tris`,
    );
    writeFileSync(path, zip({ 'nodes.npy': vertices }));
    expect(() => parseNpz(readFileSync(path).subarray(0, 100), path)).toThrow(
      `${path} ends before the directory of its arrays`,
    );
  });

  test('a surface of HDF5', async () => {
    const path = join(folder, 'surface.h5');
    const file = await Hdf5File.create(path);
    file.createDataset('vertices', { shape: [4, 3], data: tetrahedron.vertices });
    file.createDataset('faces', { shape: [4, 3], data: tetrahedron.faces });
    file.close();
    expect(await readSurface(path)).toEqual(tetrahedron);
  });
});

describe('points without triangles', () => {
  const { vertices } = tetrahedron;
  const cloud = { vertices, faces: new Int32Array() };

  test('PLY, OBJ, VTK, npy and HDF5 with points alone have no faces', async () => {
    const rows = [0, 3, 6, 9].map((at) => [...vertices.subarray(at, at + 3)].join(' '));
    const files: Readonly<Record<string, string | Uint8Array>> = {
      'cloud.ply': `ply\nformat ascii 1.0\nelement vertex 4\nproperty double x\nproperty double y\nproperty double z\nend_header\n${rows.join('\n')}\n`,
      'cloud.obj': rows.map((row) => `v ${row}\n`).join(''),
      'cloud.vtk': `# vtk DataFile Version 3.0\ncloud\nASCII\nDATASET POLYDATA\nPOINTS 4 double\n${rows.join('\n')}\n`,
      'cloud.npy': encodeNpy({ shape: [4, 3], data: vertices }),
    };
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content);
      expect(await readSurface(join(folder, name)), name).toEqual(cloud);
    }
    const path = join(folder, 'cloud.h5');
    const file = await Hdf5File.create(path);
    file.createDataset('points', { shape: [4, 3], data: vertices });
    file.close();
    expect(await readSurface(path)).toEqual(cloud);
  });

  test('VTK, VTP, OBJ and PLY files with lines and no faces are refused; lines beside faces are passed over', async () => {
    const points = '0 0 0\n1 0 0\n0 1 0\n0 0 1';
    const vtk = `# vtk DataFile Version 3.0\ntracts\nASCII\nDATASET POLYDATA\nPOINTS 4 double\n${points}\n`;
    const cells = (name: string, connectivity: string, offsets: string): string =>
      `<${name}><DataArray type="Int32" Name="connectivity" format="ascii">${connectivity}</DataArray><DataArray type="Int32" Name="offsets" format="ascii">${offsets}</DataArray></${name}>`;
    const vtp = (inside: string): string =>
      `<VTKFile type="PolyData"><PolyData><Piece NumberOfPoints="4"><Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">${points}</DataArray></Points>${inside}</Piece></PolyData></VTKFile>`;
    const obj = 'v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n';
    const ply = (elements: string, content: string): string =>
      `ply\nformat ascii 1.0\nelement vertex 4\n${['x', 'y', 'z'].map((axis) => `property float ${axis}\n`).join('')}${elements}end_header\n${points}\n${content}`;
    const edges = (count: number): string =>
      `element edge ${count}\nproperty int vertex1\nproperty int vertex2\n`;
    const lines = {
      'tracts.ply': ply(edges(2), '0 1\n2 3\n'),
      'tracts.vtk': `${vtk}LINES 2 6\n2 0 1\n2 2 3\n`,
      'tracts5.vtk': `${vtk}LINES 3 4\nOFFSETS vtktypeint64\n0 2 4\nCONNECTIVITY vtktypeint64\n0 1 2 3\n`,
      'tracts.vtp': vtp(cells('Lines', '0 1 2 3', '2 4')),
      'tracts.obj': `${obj}l 1 2 3\n`,
    };
    for (const [name, content] of Object.entries(lines)) {
      const path = join(folder, name);
      writeFileSync(path, content);
      const error = await readSurface(path).catch((caught: unknown) => caught);
      expect(error, name).toMatchObject({
        code: 'FILE_FORMAT',
        message: `${path} cannot be read: it holds lines, not a surface`,
        cure: 'give a file with triangles; streamlines are not read',
      });
    }
    const both = {
      'both.ply': ply(
        `${edges(1)}element face 1\nproperty list uchar int vertex_indices\n`,
        '0 1\n3 0 1 2\n',
      ),
      'none.ply': ply(edges(0), ''),
      'both.vtk': `${vtk}LINES 1 3\n2 0 1\nPOLYGONS 1 4\n3 0 1 2\n`,
      'both.vtp': vtp(cells('Lines', '0 1', '2') + cells('Polys', '0 1 2', '3')),
      'both.obj': `${obj}l 1 2\nf 1 2 3\n`,
      'none.vtk': `${vtk}LINES 0 0\n`,
    };
    for (const [name, content] of Object.entries(both)) {
      writeFileSync(join(folder, name), content);
      const { faces } = await readSurface(join(folder, name));
      expect([...faces], name).toEqual(name.startsWith('none') ? [] : [0, 1, 2]);
    }
  });

  test('PLY strips are triangles; faces that name no vertices are no cloud', async () => {
    const head = `ply\nformat ascii 1.0\nelement vertex 4\n${['x', 'y', 'z'].map((axis) => `property float ${axis}\n`).join('')}`;
    const points = '0 0 0\n1 0 0\n0 1 0\n1 1 0\n';
    const path = join(folder, 'strips.ply');
    writeFileSync(
      path,
      `${head}element tristrips 1\nproperty list int int vertex_indices\nend_header\n${points}8 0 1 2 3 -1 1 3 2\n`,
    );
    expect([...(await readSurface(path)).faces]).toEqual([0, 1, 2, 2, 1, 3, 1, 3, 2]);
    writeFileSync(
      path,
      `${head}element face 1\nproperty list uchar int corners\nend_header\n${points}3 0 1 2\n`,
    );
    await expect(readSurface(path)).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: `${path} cannot be read: its faces have no list vertex_indices or vertex_index`,
      cure: 'export the mesh again as PLY with vertices x, y, z and faces',
    });
  });

  test('triangles under another name are no cloud: the arrays are listed; normals beside points are', async () => {
    const triangles = Int32Array.of(0, 2, 1, 0, 1, 3);
    const write = async (name: string, arrays: Readonly<Record<string, Int32Array | Float64Array>>) => {
      const path = join(folder, name);
      const file = await Hdf5File.create(path);
      for (const [key, data] of Object.entries(arrays)) {
        file.createDataset(key, { shape: [data.length / 3, 3], data });
      }
      file.close();
      return path;
    };
    for (const name of ['triangles', 'tris', 'polys']) {
      const path = await write(`${name}.h5`, { vertices, [name]: triangles });
      await expect(readSurface(path)).rejects.toMatchObject({
        message: `${path} cannot be read: it has no array faces; its arrays are ${[name, 'vertices'].sort().join(', ')}`,
        cure: 'store vertices of shape (n, 3) and faces of shape (m, 3)',
      });
    }
    const points = await write('points.h5', { points: vertices, triangles });
    await expect(readSurface(points)).rejects.toThrow(
      'it has no array vertices; its arrays are points, triangles',
    );
    expect(await readSurface(await write('alone.h5', { vertices }))).toEqual(cloud);
    const beside = await write('beside.h5', { points: vertices, normals: vertices });
    expect(await readSurface(beside)).toEqual(cloud);
  });

  test('an array of another shape is no cloud', async () => {
    const path = join(folder, 'flat.npy');
    writeFileSync(path, encodeNpy({ shape: [6, 2], data: vertices }));
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it is one array of shape (6, 2)`,
    );
    writeFileSync(path, 'XXXXXXXX');
    await expect(readSurface(path)).rejects.toThrow(`${path} cannot be read as .npy`);
  });
});

test('a file without vertices, and an OBJ that was cut within a face, say so', async () => {
  const path = join(folder, 'nothing.obj');
  writeFileSync(path, '# none\n');
  await expect(readSurface(path)).rejects.toThrow(`${path} cannot be read: it has no vertices`);
  writeFileSync(path, 'v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2');
  await expect(readSurface(path)).rejects.toThrow(
    `${path} cannot be read: line 4 is not a face of three corners: "f 1 2"`,
  );
});

describe('volumes of labels', () => {
  const affine = [-2, 0, 0, 5, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  const path = join(folder, 'seg.nii');

  test('whole numbers, last axis fastest, in the space of the file', async () => {
    const data = Float32Array.of(0, 17, 0, 0, 53, 0);
    writeFileSync(path, encodeNifti({ shape: [2, 3, 1], data, affine }));
    const volume = await readLabelVolume(path);
    expect([volume.shape, [...volume.data]]).toEqual([
      [2, 3, 1],
      [0, 0, 53, 17, 0, 0],
    ]);
    expect(volume.affine).toEqual(affine);
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it is NIFTI_VOLUME, which holds no surface`,
    );
  });

  test('an image, a series and a surface are refused by what they are', async () => {
    writeFileSync(path, encodeNifti({ shape: [2, 1, 2], data: Float32Array.of(1, 0, 2.5, 1), affine }));
    await expect(readLabelVolume(path)).rejects.toThrow(
      `${path} cannot be read: its voxel (0, 0, 1) has the value 2.5, which is no label`,
    );
    writeFileSync(path, encodeNifti({ shape: [1, 1, 1, 2], data: Float32Array.of(1, 2), affine }));
    await expect(readLabelVolume(path)).rejects.toThrow('it is a series of 2 volumes');
    const surface = join(folder, 'lh.seg');
    writeFileSync(surface, encodeFreesurferSurface(tetrahedron));
    await expect(readLabelVolume(surface)).rejects.toThrow('which is no volume of labels');
  });
});

describe('detection', () => {
  test('content wins over the name, compressed or not; the name decides where the content is silent', async () => {
    const path = join(folder, 'lh.thickness');
    for (const bytes of [
      encodeFreesurferSurface(tetrahedron),
      gzipSync(encodeFreesurferSurface(tetrahedron)),
    ]) {
      writeFileSync(path, bytes);
      expect(await detectGeometryFormat(path)).toBe(GeometryFormat.FREESURFER_SURFACE);
      expect(await readSurface(path)).toEqual(tetrahedron);
    }
    const named = join(folder, 'empty.obj');
    writeFileSync(named, '# nothing\n');
    expect(await detectGeometryFormat(named)).toBe(GeometryFormat.OBJ);
    const unknown = join(folder, 'notes.txt');
    writeFileSync(unknown, 'hello\n');
    await expect(detectGeometryFormat(unknown)).rejects.toThrow(
      `${unknown} cannot be read: its content and its name are of no geometry format`,
    );
  });

  test.each(['lh.pial', 'mesh.ply', 'mesh.surf.gii', 'mesh.obj'])(
    'an empty %s is told as that',
    async (name) => {
      const path = join(folder, name);
      writeFileSync(path, '');
      await expect(readSurface(path)).rejects.toMatchObject({
        code: 'FILE_FORMAT',
        message: `${path} cannot be read: it is empty`,
        cure: 'create or copy the file again',
      });
    },
  );

  test('a GIfTI surface without triangles says which array is missing', async () => {
    const path = join(folder, 'points.surf.gii');
    await writeGifti(path, {
      arrays: [{ intent: 'POINTSET', shape: [4, 3], data: Float32Array.from(tetrahedron.vertices) }],
    });
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it has no array of intent TRIANGLE`,
    );
  });

  test('a file of values is no surface', async () => {
    const path = join(folder, 'lh.curv');
    await writeFreesurferMorph(path, [1, 2, 3], 1);
    await expect(readSurface(path)).rejects.toThrow(
      `${path} cannot be read: it is FREESURFER_MORPH, which holds no surface`,
    );
  });
});
