import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import {
  encodeNifti,
  pairVoxels,
  parseNiftiHeader,
  readNifti,
  readNiftiHeader,
  writeNifti,
} from '../../../src/io/index.js';
import { floatBytes, rawNifti, type RawNifti } from '../../support/nifti-bytes.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();
let files = 0;

function save(bytes: Uint8Array, suffix = '.nii'): string {
  const path = join(directory, `file-${++files}${suffix}`);
  writeFileSync(path, bytes);
  return path;
}

const DIM = [3, 2, 3, 2];
const VALUES = Array.from({ length: 12 }, (_, i) => i - 4.5);
const good: RawNifti = { dim: DIM, voxels: floatBytes(VALUES) };

/** Code and whole message of the error, with the path replaced by FILE. */
async function failure(path: string): Promise<string> {
  const error = await readNifti(path).then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toMatchObject({ where: path, cure: expect.stringMatching(/\w+/) as string });
  const { code, message } = error as { code: string; message: string };
  return `${code} ${message.replaceAll(path, 'FILE')}`;
}

describe('reading', () => {
  test.for([
    { version: 1, littleEndian: true },
    { version: 1, littleEndian: false },
    { version: 2, littleEndian: true },
    { version: 2, littleEndian: false },
  ] as const)('NIfTI-$version, little-endian $littleEndian', async ({ version, littleEndian }) => {
    const bytes = rawNifti({ ...good, version, littleEndian, voxels: floatBytes(VALUES, littleEndian) });
    for (const path of [save(bytes), save(gzipSync(bytes), '.nii.gz'), save(gzipSync(bytes), '.nii')]) {
      const volume = await readNifti(path);
      expect(volume.data).toEqual(Float32Array.from(VALUES));
      expect(volume.shape).toEqual([2, 3, 2]);
      expect(volume.affine).toEqual([2, 0, 0, 1, 0, 2, 0, 2, 0, 0, 2, 3, 0, 0, 0, 1]);
      expect(volume.voxelSizeMm).toEqual([2, 2, 2]);
      expect(volume.headerBytes).toEqual(bytes.slice(0, version === 1 ? 348 : 540));
    }
  });

  test('slope and intercept apply in float64; slope 0, NaN and infinity mean none', async () => {
    const scaled = await readNifti(save(rawNifti({ ...good, slope: 0.5, inter: 10 })));
    expect(scaled.data).toEqual(Float64Array.from(VALUES, (v) => v * 0.5 + 10));
    for (const slope of [0, NaN, Infinity]) {
      const plain = await readNifti(save(rawNifti({ ...good, slope, inter: 10 })));
      expect(plain.data).toEqual(Float32Array.from(VALUES));
    }
    expect(await failure(save(rawNifti({ ...good, slope: 2, inter: NaN })))).toBe(
      'FILE_FORMAT FILE has scl_slope 2 but scl_inter NaN',
    );
  });

  test('vox_offset 0 means directly after the header; extensions before the voxels are skipped', async () => {
    const zero = rawNifti({ ...good });
    new DataView(zero.buffer).setFloat32(108, 0, true);
    expect((await readNifti(save(zero))).data).toEqual(Float32Array.from(VALUES));
    const extended = rawNifti({ ...good, voxelOffset: 400 });
    extended[348] = 1;
    expect((await readNifti(save(extended))).data).toEqual(Float32Array.from(VALUES));
  });

  test('bytes after the last voxel and a second gzip member are ignored', async () => {
    const bytes = rawNifti(good);
    const longer = Buffer.concat([bytes, Buffer.alloc(100, 7)]);
    expect((await readNifti(save(longer))).data).toEqual(Float32Array.from(VALUES));
    const members = Buffer.concat([gzipSync(bytes.subarray(0, 360)), gzipSync(longer.subarray(360))]);
    expect((await readNifti(save(members))).data).toEqual(Float32Array.from(VALUES));
  });

  test('a last axis of length 1 is dropped from the shape and kept in dims', () => {
    const header = parseNiftiHeader(rawNifti({ dim: [5, 2, 3, 1, 1, 1] }), 'x');
    expect([header.dims, header.shape]).toEqual([
      [2, 3, 1, 1, 1],
      [2, 3, 1],
    ]);
    expect(parseNiftiHeader(rawNifti({ dim: [5, 2, 3, 4, 1, 3] }), 'x').shape).toEqual([2, 3, 4, 1, 3]);
  });
});

describe('voxel to world matrix', () => {
  const half = Math.SQRT1_2;
  const qform = { code: 3, quaternion: [0, 0, half], offset: [5, 6, 7] };
  const pixdim = [-1, 1, 2, 3, 1, 1, 1, 1];

  test('the sform wins over a qform with a higher code', () => {
    const header = parseNiftiHeader(rawNifti({ ...good, qform, sform: { code: 1, rows: range(12) } }), 'x');
    expect(header.affine).toEqual([...range(12), 0, 0, 0, 1]);
  });

  test('without sform the quaternion and the handedness count', () => {
    const header = parseNiftiHeader(rawNifti({ ...good, pixdim, qform, sform: { code: 0, rows: [] } }), 'x');
    // 90 degrees about z: x -> y, y -> -x; the third axis is turned by pixdim[0] = -1
    const expected = [0, -2, 0, 5, 1, 0, 0, 6, 0, 0, -3, 7, 0, 0, 0, 1];
    header.affine.forEach((entry, i) => expect(entry).toBeCloseTo(expected[i] ?? NaN, 6));
  });

  test('a quaternion a little longer than 1 is a half turn, not NaN', () => {
    const turn = { code: 1, quaternion: [0, 1.0000001, 0], offset: [0, 0, 0] };
    const header = parseNiftiHeader(rawNifti({ ...good, qform: turn, sform: { code: 0, rows: [] } }), 'x');
    const expected = [-2, 0, 0, 0, 0, 2, 0, 0, 0, 0, -2, 0, 0, 0, 0, 1];
    header.affine.forEach((entry, i) => expect(entry).toBeCloseTo(expected[i] ?? NaN, 5));
  });

  test('with neither the voxel sizes stand on the diagonal', () => {
    const header = parseNiftiHeader(rawNifti({ ...good, pixdim, sform: { code: 0, rows: [] } }), 'x');
    expect(header.affine).toEqual([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]);
  });

  test('a matrix without inverse is refused', async () => {
    const rows = [2, 0, 0, 1, 0, 2, 0, 2, 0, 2, 0, 3];
    expect(await failure(save(rawNifti({ ...good, sform: { code: 4, rows } })))).toBe(
      'AFFINE_SINGULAR the voxel to world matrix of FILE cannot be inverted',
    );
    const broken = [NaN, 0, 0, 1, 0, 2, 0, 2, 0, 0, 2, 3];
    expect(await failure(save(rawNifti({ ...good, sform: { code: 4, rows: broken } })))).toMatch(
      /^AFFINE_SINGULAR/,
    );
  });
});

describe('broken files', () => {
  const bytes = rawNifti(good);
  const packed = gzipSync(bytes);

  test.for([
    ['empty', new Uint8Array(0), 'FILE_TRUNCATED FILE holds 0 bytes, too few for any header'],
    [
      'cut in the header',
      bytes.slice(0, 200),
      'FILE_TRUNCATED FILE ends within its NIfTI-1 header (200 of 348 bytes)',
    ],
    [
      'cut in the voxels',
      bytes.slice(0, -1),
      'FILE_TRUNCATED FILE ends before its last voxel: 2x3x2 float32 need 48 bytes',
    ],
    ['cut gzip', packed.subarray(0, -20), 'FILE_TRUNCATED the gzip stream of FILE ends too early'],
    [
      'text',
      Buffer.from('hello, world'),
      'FILE_FORMAT FILE is not a NIfTI file: it is text that begins with "hello, world"',
    ],
    [
      'other bytes',
      Buffer.from([200, 1, 0, 0, 7, 7, 7, 7]),
      'FILE_FORMAT FILE is not a NIfTI file: its first number is 456, not 348 or 540',
    ],
    [
      'wrong magic',
      rawNifti({ ...good, magic: 'abc' }),
      'FILE_FORMAT FILE is not a NIfTI file: its magic is "abc", not "n+1"',
    ],
    [
      'no axes',
      rawNifti({ ...good, dim: [0, 2, 3, 2] }),
      'FILE_FORMAT FILE has impossible dimensions: dim = [0, 2, 3, 2, 1, 1, 1, 1]',
    ],
    [
      'a negative axis',
      rawNifti({ ...good, dim: [3, 2, -3, 2] }),
      'FILE_FORMAT FILE has impossible dimensions: dim = [3, 2, -3, 2, 1, 1, 1, 1]',
    ],
    [
      'too many voxels',
      rawNifti({ ...good, dim: [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767] }),
      'FILE_FORMAT FILE has impossible dimensions: dim = [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767]',
    ],
    [
      'more voxels than the file can hold',
      rawNifti({ ...good, dim: [3, 2000, 2000, 2000] }),
      'FILE_TRUNCATED FILE ends before its last voxel: 2000x2000x2000 float32 need 32000000000 bytes',
    ],
    [
      'voxels inside the header',
      rawNifti({ ...good, voxelOffset: 100 }),
      'FILE_FORMAT FILE has an impossible vox_offset: 100',
    ],
    [
      'float128',
      rawNifti({ ...good, datatype: 1536 }),
      'FILE_FORMAT FILE has data type float128: 128-bit floats have no portable layout; save as float64',
    ],
    [
      'unknown type',
      rawNifti({ ...good, datatype: 77 }),
      'FILE_FORMAT FILE has data type code 77: the NIfTI standard does not know it',
    ],
  ] as const)('%s', async ([, content, message]) => {
    expect(await failure(save(content))).toBe(message);
  });

  test('a NIfTI-2 axis of 2^60 is refused', async () => {
    const wide = rawNifti({ ...good, version: 2, dim: [3, 2, 3, 2] });
    new DataView(wide.buffer).setBigInt64(24, 2n ** 60n, true);
    expect(await failure(save(wide))).toMatch(/^FILE_FORMAT FILE has impossible dimensions/);
  });

  test('a damaged gzip stream is named so', async () => {
    const noise = Uint8Array.from({ length: 4000 }, (_, i) => (i * i * 37 + (i >> 3) * 101) & 255);
    const big = rawNifti({ dim: [3, 10, 10, 10], voxels: noise });
    const damaged = Uint8Array.from(gzipSync(big));
    damaged.fill(255, 1500, 1600);
    expect(await failure(save(damaged))).toMatch(/^FILE_CORRUPT the gzip stream of FILE is damaged \(.+\)$/);
    const checksum = Uint8Array.from(packed);
    checksum[checksum.length - 6] = (checksum[checksum.length - 6] ?? 0) ^ 1;
    expect(await failure(save(checksum))).toBe(
      'FILE_CORRUPT the gzip stream of FILE is damaged (incorrect data check)',
    );
  });

  test('a missing file and a directory', async () => {
    expect(await failure(join(directory, 'absent.nii'))).toBe('FILE_MISSING no such file: FILE');
    expect(await failure(directory)).toBe('IO cannot read FILE (EISDIR)');
  });
});

describe('header alone', () => {
  test('is read from a file whose voxels are damaged or missing', () => {
    const bytes = rawNifti({ ...good, dim: [3, 100, 100, 100] });
    expect(readNiftiHeader(save(bytes)).shape).toEqual([100, 100, 100]);
    const packed = gzipSync(Buffer.concat([bytes, Buffer.alloc(4_000_000, 1)]));
    expect(readNiftiHeader(save(packed.subarray(0, 1000))).shape).toEqual([100, 100, 100]);
  });

  test('is found behind a gzip header with a long comment', () => {
    const packed = gzipSync(rawNifti(good));
    const name = Buffer.concat([Buffer.alloc(9000, 65), Buffer.of(0)]);
    const long = Buffer.concat([packed.subarray(0, 10), name, packed.subarray(10)]);
    long[3] = 8; // FNAME
    expect(readNiftiHeader(save(long)).shape).toEqual([2, 3, 2]);
  });
});

describe('writing', () => {
  const data = Float32Array.from(VALUES);
  const template = rawNifti({
    dim: [4, 9, 9, 9, 7],
    datatype: 4,
    bitpix: 16,
    slope: 3,
    inter: 4,
    description: 'kept word for word',
    qform: { code: 2, quaternion: [0.1, 0.2, 0.3], offset: [4, 5, 6] },
  }).slice(0, 348);
  new DataView(template.buffer).setFloat32(56, 8, true);
  new DataView(template.buffer).setInt16(68, 5, true);

  test.for([true, false])('only the bytes of the specification change (little-endian %s)', (littleEndian) => {
    const source = rawNifti({ dim: [3, 9, 9, 9], littleEndian, slope: 3, datatype: 4 }).slice(0, 348);
    const out = encodeNifti({ shape: [2, 3, 2], data, template: source });
    const changed = [...source.keys()].filter((i) => source[i] !== out[i]);
    const allowed = [[40, 56], [56, 74], [108, 120], [124, 132], [328, 348]] as const; // prettier-ignore
    expect(changed.filter((i) => !allowed.some(([from, to]) => i >= from && i < to))).toEqual([]);
    const header = parseNiftiHeader(out, 'x');
    expect(header).toMatchObject({
      dims: [2, 3, 2],
      datatypeName: 'float32',
      slope: 1,
      intercept: 0,
      littleEndian,
    });
    const view = new DataView(out.buffer);
    expect([108, 112, 116, 124, 128].map((at) => view.getFloat32(at, littleEndian))).toEqual([
      352, 1, 0, 0, 0,
    ]);
    expect([72, 68].map((at) => view.getInt16(at, littleEndian))).toEqual([32, 0]);
    expect(VALUES.map((_, i) => view.getFloat32(352 + 4 * i, littleEndian))).toEqual(VALUES);
  });

  test('orientation, units and description stay, intent goes', () => {
    const out = encodeNifti({ shape: [2, 3, 2], data, template });
    const before = parseNiftiHeader(template, 'x');
    const after = parseNiftiHeader(out, 'x');
    expect(out.slice(76, 108)).toEqual(template.slice(76, 108));
    expect(out.slice(132, 328)).toEqual(template.slice(132, 328));
    expect(out[123]).toBe(10);
    expect(after.affine).toEqual(before.affine);
    expect([after.intentCode, after.intentName, after.description]).toEqual([0, '', 'kept word for word']);
    expect(out.slice(56, 70)).toEqual(new Uint8Array(14));
  });

  test('a displacement field carries its intent', () => {
    const field = encodeNifti({
      shape: [1, 2, 2, 1, 3],
      data,
      template,
      intent: { code: 1006, name: 'voxel_pull' },
    });
    expect(parseNiftiHeader(field, 'x')).toMatchObject({
      dims: [1, 2, 2, 1, 3],
      intentCode: 1006,
      intentName: 'voxel_pull',
    });
  });

  test('equal content gives equal gzip bytes without time, name or system', async () => {
    const paths = [1, 2].map((i) => join(directory, `same-${i}.nii.gz`));
    for (const path of paths) await writeNifti(path, { shape: [2, 3, 2], data, template });
    const [a, b] = await Promise.all(paths.map((path) => readNifti(path)));
    expect(a?.data).toEqual(data);
    expect(b?.headerBytes).toEqual(a?.headerBytes);
    const [x, y] = paths.map((path) => readFileSync(path));
    expect(x).toEqual(y);
    expect([...(x ?? Buffer.alloc(0)).subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    expect(new Uint8Array(gunzipSync(x ?? Buffer.alloc(0)))).toEqual(
      encodeNifti({ shape: [2, 3, 2], data, template }),
    );
  });

  test('a matrix alone makes a header', () => {
    const affine = [-2, 0, 0, 90, 0, 2.5, 0, -126, 0, 0, 3, -72, 0, 0, 0, 1];
    const header = parseNiftiHeader(encodeNifti({ shape: [2, 3, 2], data, affine }), 'x');
    expect(header.affine).toEqual(affine);
    expect(header.pixdim.slice(0, 4)).toEqual([1, 2, 2.5, 3]);
  });

  test('a wrong length, an axis beyond int16 and a long intent name are refused', () => {
    expect(() => encodeNifti({ shape: [2, 2, 2], data, template })).toThrow(
      '12 values do not fill the shape 2x2x2',
    );
    expect(() => encodeNifti({ shape: [40000], data: new Float32Array(40000), template })).toThrow(
      'NIfTI-1 cannot hold axes of 40000',
    );
    const intent = { code: 1, name: 'sixteen characte' };
    expect(() => encodeNifti({ shape: [12], data, template, intent })).toThrow(
      'intent name "sixteen characte" is too long',
    );
  });
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe('a .hdr/.img pair', () => {
  const header = (more: Partial<RawNifti> = {}) => {
    const bytes = rawNifti({ ...good, magic: 'ni1', voxels: new Uint8Array(), ...more });
    new DataView(bytes.buffer).setFloat32(108, 0, true);
    return bytes.slice(0, 348);
  };
  const pair = (name: string, voxels: Uint8Array | null, bytes = header()): string => {
    const path = save(bytes, `${name}.hdr`);
    if (voxels !== null) writeFileSync(path.replace(/hdr$/, 'img'), voxels);
    return path;
  };

  test('reads by either name, compressed or not, as the single file does', async () => {
    const single = await readNifti(save(rawNifti(good)));
    const plain = pair('plain', floatBytes(VALUES));
    const packed = pair('packed', null);
    writeFileSync(packed.replace(/hdr$/, 'img.gz'), gzipSync(floatBytes(VALUES)));
    for (const path of [plain, plain.replace(/hdr$/, 'img'), packed, packed.replace(/hdr$/, 'img.gz')]) {
      const volume = await readNifti(path);
      expect([volume.data, volume.shape, volume.affine]).toEqual([single.data, single.shape, single.affine]);
      expect(readNiftiHeader(path).pair).toBe(true);
    }
    expect(pairVoxels([plain, packed, 'x.nii.gz', 'y.img'])).toEqual([
      plain.replace(/hdr$/, 'img'),
      packed.replace(/hdr$/, 'img.gz'),
      'y.img',
    ]);
  });

  test('voxels may begin later in their file', async () => {
    const bytes = header();
    new DataView(bytes.buffer).setFloat32(108, 16, true);
    const path = pair('later', Buffer.concat([Buffer.alloc(16, 9), floatBytes(VALUES)]), bytes);
    expect((await readNifti(path)).data).toEqual(Float32Array.from(VALUES));
  });

  test('a template from a pair is written as one file', () => {
    const written = parseNiftiHeader(
      encodeNifti({ template: header(), shape: [2, 3, 2], data: new Float32Array(12) }),
      'x',
    );
    expect([written.pair, written.voxelOffset]).toEqual([false, 352]);
  });

  test('what is missing, cut or of an older format is said of the right file', async () => {
    const said = async (path: string) => {
      const error = (await readNifti(path).catch((e: unknown) => e)) as { code: string; message: string };
      return `${error.code} ${error.message.replaceAll(path.replace(/\.hdr$/, ''), 'STEM')}`;
    };
    expect(await said(pair('alone', null))).toBe('FILE_MISSING no such file: STEM.img');
    expect(await said(pair('cut', floatBytes(VALUES.slice(0, 5))))).toBe(
      'FILE_TRUNCATED STEM.img ends before its last voxel: 2x3x2 float32 need 48 bytes',
    );
    expect(await said(pair('analyze', floatBytes(VALUES), header({ magic: '\0\0\0' })))).toBe(
      'FILE_FORMAT STEM.hdr is not a NIfTI file: it is an ANALYZE 7.5 header, which does not say how the volume lies in space',
    );
    expect(await said(save(rawNifti({ ...good, magic: 'ni1' })))).toBe(
      'FILE_FORMAT STEM is the header of a pair, but its name does not end in .hdr: where its voxels are is not known',
    );
  });
});
