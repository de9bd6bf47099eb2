import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { encodeGifti, parseGifti, readGifti, readTable, writeGifti } from '../../../src/io/index.js';

const POINTS = { intent: 'POINTSET', shape: [2, 3], data: Float32Array.of(1, 2, 3, -4.5, NaN, 6e-30) };
const FACES = { intent: 'TRIANGLE', shape: [1, 3], data: Int32Array.of(0, 1, -1) };

function document(array: string, data: string, before = ''): string {
  return `<?xml version="1.0"?>\n<!-- made by hand -->\n<GIFTI Version="1.0" NumberOfDataArrays="1">${before}
<DataArray Intent="NIFTI_INTENT_SHAPE" Dimensionality="2" Dim0="2" Dim1="3" ${array}><Data>${data}</Data></DataArray></GIFTI>`;
}

const SIX = [1, 2, 3, 4, 5, 6];
const floats = (bigEndian: boolean): Buffer => {
  const bytes = Buffer.alloc(24);
  SIX.forEach((value, i) =>
    bigEndian ? bytes.writeFloatBE(value, 4 * i) : bytes.writeFloatLE(value, 4 * i),
  );
  return bytes;
};

describe('GIfTI', () => {
  test('what is written reads back: arrays, metadata with markup, labels, coordinate system', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gifti-'));
    const matrix = [1, 0, 0, 10, 0, 1, 0, -20, 0, 0, 1, 0.5, 0, 0, 0, 1];
    const coordinateSystem = { dataSpace: 'SCANNER_ANAT', transformedSpace: 'TALAIRACH', matrix };
    const image = {
      metadata: { Name: 'a < b & "c"' },
      labels: [{ key: 3, name: 'V1 & V2', rgba: [1, 0.5, 0, 1] as const }],
      arrays: [
        { ...POINTS, coordinateSystem },
        { ...FACES, metadata: { Topology: 'Closed' } },
        { intent: 'NONE', shape: [3], data: Uint8Array.of(0, 7, 255) },
      ],
    };
    const path = join(directory, 'lh.surf.gii');
    await writeGifti(path, image);
    const read = await readGifti(path);
    expect(read.metadata).toEqual(image.metadata);
    expect(read.labels).toEqual(image.labels);
    expect(read.arrays.map(({ intent, shape, data }) => ({ intent, shape, data }))).toEqual([
      POINTS,
      FACES,
      { intent: 'NONE', shape: [3], data: Uint8Array.of(0, 7, 255) },
    ]);
    expect(read.arrays[0]!.coordinateSystem).toEqual(coordinateSystem);
    expect(read.arrays[1]!.metadata).toEqual({ Topology: 'Closed' });
    expect(encodeGifti(image)).toBe(encodeGifti(image));
    await writeFile(`${path}.gz`, gzipSync(encodeGifti(image)));
    expect((await readGifti(`${path}.gz`)).arrays).toHaveLength(3);
    await rm(directory, { recursive: true });
  });

  test.each([
    ['text', 'Encoding="ASCII" DataType="NIFTI_TYPE_FLOAT64"', '1 2 3\n4 5 6', SIX],
    [
      'big endian',
      'Encoding="Base64Binary" Endian="BigEndian" DataType="NIFTI_TYPE_FLOAT32"',
      floats(true).toString('base64'),
      SIX,
    ],
    [
      'gzip',
      'Encoding="GZipBase64Binary" DataType="NIFTI_TYPE_FLOAT32"',
      gzipSync(floats(false)).toString('base64'),
      SIX,
    ],
    [
      'columns first',
      'Encoding="ASCII" DataType="NIFTI_TYPE_INT32" ArrayIndexingOrder="ColumnMajorOrder"',
      '1 2 3 4 5 6',
      [1, 3, 5, 2, 4, 6],
    ],
  ])('reads data in other forms: %s', (_, array, data, expected) => {
    const { arrays } = parseGifti(document(array, data), 'x.gii');
    expect(arrays[0]!.intent).toBe('SHAPE');
    expect([...arrays[0]!.data]).toEqual(expected);
  });

  test('CDATA and tags of other programs do no harm', () => {
    const before =
      '<MetaData><MD><Name><![CDATA[a<b]]></Name><Value>1</Value></MD></MetaData><Other a="x > y"/>';
    const read = parseGifti(
      document('Encoding="ASCII" DataType="NIFTI_TYPE_UINT8"', '1 2 3 4 5 6', before),
      'x',
    );
    expect(read.metadata).toEqual({ 'a<b': '1' });
  });

  test.each([
    ['<svg></svg>', 'FILE_FORMAT', 'its first tag is not GIFTI'],
    ['<GIFTI><DataArray></GIFTI>', 'FILE_CORRUPT', 'x.gii:1: </GIFTI> ends <DataArray>'],
    ['<GIFTI>\n<DataArray', 'FILE_CORRUPT', 'x.gii:2: a tag does not end'],
    ['<GIFTI><!-- oh', 'FILE_CORRUPT', 'a comment does not end'],
    ['not xml', 'FILE_CORRUPT', 'text stands outside of all tags'],
    [
      document('Encoding="ASCII" DataType="NIFTI_TYPE_FLOAT32"', '1 2'),
      'FILE_TRUNCATED',
      'array 0 has 2 of 6 values',
    ],
    [
      document('Encoding="ASCII" DataType="NIFTI_TYPE_RGB24"', '1'),
      'FILE_FORMAT',
      'data type NIFTI_TYPE_RGB24 is not read',
    ],
    [
      document('Encoding="ExternalFileBinary" DataType="NIFTI_TYPE_FLOAT32"', ''),
      'FILE_FORMAT',
      'its data are in ExternalFileBinary',
    ],
    [
      document('Encoding="GZipBase64Binary" DataType="NIFTI_TYPE_FLOAT32"', 'AAAA'),
      'FILE_CORRUPT',
      'are damaged',
    ],
  ])('refuses %j', (xml, code, message) => {
    expect(() => parseGifti(xml, 'x.gii')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });

  test('values that do not fill a shape are refused', () => {
    expect(() => encodeGifti({ arrays: [{ ...FACES, shape: [2, 3] }] })).toThrow(
      '3 values do not fill the shape 2x3',
    );
  });
});

test('tables with commas: quotes hold commas and quotes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'csv-'));
  const path = join(directory, 'a.csv');
  await writeFile(path, 'a,"b,c",d\r\n1,"say ""x""",\n');
  expect(await readTable(path)).toEqual({ columns: ['a', 'b,c', 'd'], rows: [['1', 'say "x"', '']] });
  await writeFile(path, 'a,"b\n1,2\n');
  await expect(readTable(path)).rejects.toThrow('its quotes do not close');
  await rm(directory, { recursive: true });
});
